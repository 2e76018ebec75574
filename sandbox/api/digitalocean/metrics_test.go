package digitalocean

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/digitalocean/godo"
	"github.com/digitalocean/godo/metrics"

	"skysail/sandbox/api"
)

// TestMetrics asks for all of a droplet's metrics with the official SDK.
func TestMetrics(t *testing.T) {
	c := newCloud(t)
	d := c.droplet("web")
	id := strconv.Itoa(d.ID)
	now := time.Now().Truncate(time.Second)
	ask := godo.DropletMetricsRequest{HostID: id, Start: now.Add(-5 * time.Minute), End: now}

	got, _, err := c.Monitoring.GetDropletCPU(t.Context(), &ask)
	check(t, err)
	if got.Status != "success" || got.Data.ResultType != "matrix" || len(got.Data.Result) != 0 {
		t.Errorf("of a droplet that nobody has looked at: %+v", got)
	}
	used := func(at time.Time, cpu float64, in, out uint64) api.Usage {
		return api.Usage{
			At: at, CPUSeconds: cpu, MemoryBytes: 100 << 20, ReceivedBytes: in, SentBytes: out,
			DiskBytes: 1 << 30, Load: 0.5, Load5: 0.4, Load15: 0.3,
		}
	}
	c.usage.set(
		id, used(now.Add(-time.Hour), 1, 0, 0), // before the window
		used(now.Add(-120*time.Second), 10, 1e6, 2e6), used(now.Add(-60*time.Second), 25, 1e6+7.5e6, 2e6+15e6),
	)
	one := func(name string, get func(context.Context, *godo.DropletMetricsRequest) (*godo.MetricsResponse, *godo.Response, error)) float64 {
		t.Helper()
		r, _, err := get(t.Context(), &ask)
		check(t, err)
		if len(r.Data.Result) != 1 || len(r.Data.Result[0].Values) != 2 || string(r.Data.Result[0].Metric["host_id"]) != id {
			t.Fatalf("%s: %+v", name, r.Data)
		}
		last := r.Data.Result[0].Values[1]
		if !last.Timestamp.Time().Equal(now.Add(-60 * time.Second)) {
			t.Errorf("%s is of %v", name, last.Timestamp.Time())
		}
		return float64(last.Value)
	}
	m := c.Monitoring
	for _, w := range []struct {
		name string
		get  func(context.Context, *godo.DropletMetricsRequest) (*godo.MetricsResponse, *godo.Response, error)
		want float64
	}{
		{"load_1", m.GetDropletLoad1, 0.5},
		{"load_5", m.GetDropletLoad5, 0.4},
		{"load_15", m.GetDropletLoad15, 0.3},
		{"memory_total", m.GetDropletTotalMemory, 1 << 30},
		{"memory_free", m.GetDropletFreeMemory, 924 << 20},
		{"memory_available", m.GetDropletAvailableMemory, 924 << 20},
		{"memory_cached", m.GetDropletCachedMemory, 0},
		{"filesystem_size", m.GetDropletFilesystemSize, 25 << 30},
		{"filesystem_free", m.GetDropletFilesystemFree, 24 << 30},
	} {
		if v := one(w.name, w.get); v != w.want {
			t.Errorf("%s is %v, want %v", w.name, v, w.want)
		}
	}
	for _, w := range []struct {
		kind, direction string
		want            float64
	}{{"public", "inbound", 1}, {"public", "outbound", 2}, {"private", "inbound", 0}} {
		r, _, err := m.GetDropletBandwidth(t.Context(), &godo.DropletBandwidthMetricsRequest{DropletMetricsRequest: ask, Interface: w.kind, Direction: w.direction})
		check(t, err)
		if len(r.Data.Result) != 1 || len(r.Data.Result[0].Values) != 1 || float64(r.Data.Result[0].Values[0].Value) != w.want {
			t.Errorf("%s %s: %+v, want %v Mbps", w.kind, w.direction, r.Data.Result, w.want)
		}
	}
	checkCPU(t, c, &ask)

	ask.HostID = "1"
	_, _, err = m.GetDropletLoad1(t.Context(), &ask)
	wantError(t, err, 404, "The resource you were accessing could not be found.")
}

// checkCPU wants counters: between the two readings 15 seconds were worked.
func checkCPU(t *testing.T, c *cloud, ask *godo.DropletMetricsRequest) {
	t.Helper()
	r, _, err := c.Monitoring.GetDropletCPU(t.Context(), ask)
	check(t, err)
	delta := map[metrics.LabelValue]float64{}
	for _, s := range r.Data.Result {
		delta[s.Metric["mode"]] = float64(s.Values[1].Value - s.Values[0].Value)
	}
	if len(delta) != 8 || delta["user"] != 15 || delta["idle"] < 0 {
		t.Errorf("counted up by %v", delta)
	}
}
