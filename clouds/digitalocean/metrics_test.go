package digitalocean_test

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"skysail/clouds"
	"skysail/clouds/digitalocean"
)

// TestMetrics reads a simulated droplet's: of an uptime of half a minute six
// seconds were worked.
func TestMetrics(t *testing.T) {
	_, env := simulator(t)
	d, _, err := sdk(t, env).Droplets.Create(t.Context(), request("skysail-"+id))
	if err != nil {
		t.Fatal(err)
	}
	c := digitalocean.New(clouds.MapEnv(env))
	if c.MetricsCost(nil).Every < time.Minute {
		t.Errorf("asking every %s is more than the API takes", c.MetricsCost(nil).Every)
	}
	measured := clouds.Measured{Name: "host", ID: strconv.Itoa(d.ID), Region: "nyc3", VCPU: 1}
	got, err := c.Metrics(t.Context(), []clouds.Measured{measured})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{
		clouds.MetricMemory: 0.25, clouds.MetricLoad1: 0.7,
		clouds.MetricReceive: 100, clouds.MetricTransmit: 2000,
	}
	for _, r := range got {
		if r.Instance != "host" || time.Since(r.At) > 15*time.Second || time.Since(r.At) < 5*time.Second {
			t.Errorf("reading %+v", r)
		}
		v, ok := want[r.Name]
		delete(want, r.Name)
		if ok && math.Abs(r.Value-v) > 0.001*v || !ok && r.Name != clouds.MetricCPU {
			t.Errorf("%s is %v, want %v", r.Name, r.Value, v)
		}
		if r.Name == clouds.MetricCPU && (r.Value < 0 || r.Value > 1) {
			t.Errorf("%s is %v", r.Name, r.Value)
		}
	}
	if len(want) > 0 || len(got) != 5 {
		t.Errorf("not read: %v of %+v", want, got)
	}

	// One that is gone takes nothing from the others.
	got, err = c.Metrics(t.Context(), []clouds.Measured{measured, {Name: "gone", ID: "1"}})
	if err == nil || !strings.Contains(err.Error(), "metrics of droplet 1: ") || len(got) != 5 {
		t.Errorf("with one that is gone: %d readings, %v", len(got), err)
	}
}
