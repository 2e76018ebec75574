package digitalocean

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/digitalocean/godo"
	"github.com/digitalocean/godo/metrics"
	"golang.org/x/sync/errgroup"

	"skysail/clouds"
)

const (
	// metricsInterval keeps the calls of a watched droplet (one for each
	// metric) far below the 5,000 an hour that an account may make:
	// https://docs.digitalocean.com/reference/api/reference/rate-limiting/.
	metricsInterval = 5 * time.Minute
	// metricsCalls are made for each droplet, and metricsBudget in an hour.
	metricsCalls  = 6
	metricsBudget = 2500
	// metricsWindow is how far back the newest value may be.
	metricsWindow = 2 * metricsInterval
	// metricsAtOnce bounds the calls side by side.
	metricsAtOnce = 6
	// bytesPerMegabit turns the unit of bandwidth, megabits a second, into
	// bytes a second: https://docs.digitalocean.com/reference/pydo/reference/monitoring/get_droplet_bandwidth_metrics.
	bytesPerMegabit = 1e6 / 8
)

// MetricsCost is six calls a droplet, which are not charged for. Of the 5,000
// that an account may make in an hour half are left to everything else: a
// larger fleet is asked less often.
func (c *Cloud) MetricsCost(instances []clouds.Measured) clouds.MetricsCost {
	calls := len(instances) * metricsCalls
	every := max(metricsInterval, time.Duration(calls)*time.Hour/metricsBudget)
	return clouds.MetricsCost{
		Calls: calls, Every: every,
		Limit: fmt.Sprintf("at most %d of the account's 5,000 calls an hour", metricsBudget),
	}
}

// Metrics reads the newest values of CPU, memory, load and the public
// interface's traffic, with one call for each metric of each droplet: the API
// has no call for several. Of droplets that cannot be read the error tells;
// the readings of the others stand beside it.
func (c *Cloud) Metrics(ctx context.Context, instances []clouds.Measured) ([]clouds.Reading, error) {
	api, err := c.connect()
	if err != nil {
		return nil, err
	}
	defer api.close()
	now := time.Now()
	var mu sync.Mutex
	var out []clouds.Reading
	var errs []error
	var g errgroup.Group
	g.SetLimit(metricsAtOnce)
	for _, i := range instances {
		ask := godo.DropletMetricsRequest{HostID: i.ID, Start: now.Add(-metricsWindow), End: now}
		for _, read := range []func(context.Context, godo.DropletMetricsRequest) ([]clouds.Reading, error){
			api.cpu, api.memory, api.load, api.traffic("inbound", clouds.MetricReceive), api.traffic("outbound", clouds.MetricTransmit),
		} {
			g.Go(func() error {
				got, err := read(ctx, ask)
				mu.Lock()
				defer mu.Unlock()
				for _, r := range got {
					r.Instance = i.Name
					out = append(out, r)
				}
				if err != nil {
					errs = append(errs, fmt.Errorf("metrics of droplet %s: %w", i.ID, api.explain(err, "monitoring:read")))
				}
				return nil
			})
		}
	}
	_ = g.Wait()
	return out, firstOf(errs)
}

// firstOf keeps one error where one cause gave many.
func firstOf(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	return errs[0]
}

// newest is the last value of a matrix's only series.
func newest(r *godo.MetricsResponse) (metrics.SamplePair, bool) {
	if len(r.Data.Result) == 0 || len(r.Data.Result[0].Values) == 0 {
		return metrics.SamplePair{}, false
	}
	values := r.Data.Result[0].Values
	return values[len(values)-1], true
}

func one(name string, p metrics.SamplePair, factor float64) []clouds.Reading {
	return []clouds.Reading{{Name: name, Value: float64(p.Value) * factor, At: p.Timestamp.Time()}}
}

func (c *client) cpu(ctx context.Context, ask godo.DropletMetricsRequest) ([]clouds.Reading, error) {
	r, _, err := c.Monitoring.GetDropletCPU(ctx, &ask)
	if err != nil {
		return nil, err
	}
	busy, at, ok := busyShare(r.Data.Result)
	if !ok {
		return nil, nil
	}
	return []clouds.Reading{{Name: clouds.MetricCPU, Value: busy, At: at}}, nil
}

func (c *client) memory(ctx context.Context, ask godo.DropletMetricsRequest) ([]clouds.Reading, error) {
	all, _, err := c.Monitoring.GetDropletTotalMemory(ctx, &ask)
	if err != nil {
		return nil, err
	}
	free, _, err := c.Monitoring.GetDropletAvailableMemory(ctx, &ask)
	if err != nil {
		return nil, err
	}
	total, ok := newest(all)
	left, leftOK := newest(free)
	if !ok || !leftOK || total.Value <= 0 {
		return nil, nil
	}
	return []clouds.Reading{{Name: clouds.MetricMemory, Value: 1 - float64(left.Value/total.Value), At: left.Timestamp.Time()}}, nil
}

func (c *client) load(ctx context.Context, ask godo.DropletMetricsRequest) ([]clouds.Reading, error) {
	r, _, err := c.Monitoring.GetDropletLoad1(ctx, &ask)
	if err != nil {
		return nil, err
	}
	if p, ok := newest(r); ok {
		return one(clouds.MetricLoad1, p, 1), nil
	}
	return nil, nil
}

func (c *client) traffic(direction, name string) func(context.Context, godo.DropletMetricsRequest) ([]clouds.Reading, error) {
	return func(ctx context.Context, ask godo.DropletMetricsRequest) ([]clouds.Reading, error) {
		r, _, err := c.Monitoring.GetDropletBandwidth(ctx, &godo.DropletBandwidthMetricsRequest{
			DropletMetricsRequest: ask, Interface: "public", Direction: direction,
		})
		if err != nil {
			return nil, err
		}
		if p, ok := newest(r); ok {
			return one(name, p, bytesPerMegabit), nil
		}
		return nil, nil
	}
}

// busyShare makes a share of the counters of CPU seconds by mode: what was
// neither idle nor waiting for a disk, of all, over the last interval that was
// measured. A reboot starts the counters anew; what was before it is left out.
func busyShare(result []metrics.SampleStream) (share float64, at time.Time, ok bool) {
	sums := map[time.Time]*cpuTimes{}
	for _, s := range result {
		mode := string(s.Metric["mode"])
		for _, p := range s.Values {
			t := sums[p.Timestamp.Time()]
			if t == nil {
				t = &cpuTimes{}
				sums[p.Timestamp.Time()] = t
			}
			t.add(mode, float64(p.Value))
		}
	}
	return lastShare(sums)
}
