package deploy

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"skysail/clouds"
	"skysail/qos"
)

// MonitorCost is what watching takes in a day.
type MonitorCost struct {
	Sources []SourceCost `json:"sources"`
	// USD is what providers charge for their measurements in a day.
	USD float64 `json:"usd_day"`
}

// SourceCost is what reading one source of all instances takes. Simulated
// instances are counted as real ones would be.
type SourceCost struct {
	Source    string `json:"source"`
	Provider  string `json:"provider,omitempty"` // of cloud and kubernetes
	Instances int    `json:"instances"`
	// EverySeconds is the time between two readings of an instance.
	EverySeconds float64 `json:"every_seconds"`
	// Calls are those of a provider's or cluster's API in a day, readings all
	// others.
	Calls    int     `json:"calls_day,omitempty"`
	Readings int     `json:"readings_day,omitempty"`
	USD      float64 `json:"usd_day"`
	Limit    string  `json:"limit,omitempty"`
}

// clusterCalls are made for all pods of a namespace at each reading: their
// list, what they use, and events.
const clusterCalls = 3

// MonitorCost reckons what Monitor would take with the same options for what
// runs now. It asks nobody.
func (d *Deployer) MonitorCost(ctx context.Context, o MonitorOptions) (MonitorCost, error) {
	o.Interval = cmp.Or(o.Interval, defaultInterval)
	w := d.watcher(o)
	instances, clusters, err := w.fleet(ctx)
	if err != nil {
		return MonitorCost{}, err
	}
	own := map[string]map[time.Duration]int{}
	measured := map[string][]qos.Target{}
	for _, t := range instances {
		for _, s := range w.c.Sources(t) {
			if own[s] == nil {
				own[s] = map[time.Duration]int{}
			}
			own[s][w.every(t, s)]++
		}
		if t.Cloud != nil {
			measured[t.Provider] = append(measured[t.Provider], t)
		}
	}
	pods := map[string]int{}
	for k, rows := range clusters {
		for i := range rows {
			pods[k.context+"/"+k.namespace] += len(rows[i].Instances)
		}
	}
	out := MonitorCost{Sources: []SourceCost{}}
	for _, s := range slices.Sorted(maps.Keys(own)) {
		for _, every := range slices.Sorted(maps.Keys(own[s])) {
			n := own[s][every]
			out.Sources = append(out.Sources, SourceCost{Source: s, Instances: n, EverySeconds: every.Seconds(), Readings: n * int(day/every)})
		}
	}
	for _, p := range slices.Sorted(maps.Keys(measured)) {
		c := cloudCost(p, measured[p], o.Interval)
		out.USD += c.USD
		out.Sources = append(out.Sources, c)
	}
	for _, p := range slices.Sorted(maps.Keys(pods)) {
		out.Sources = append(out.Sources, SourceCost{
			Source: qos.SourceKubernetes, Provider: p, Instances: pods[p], EverySeconds: o.Interval.Seconds(), Calls: clusterCalls * int(day/o.Interval),
		})
	}
	return out, nil
}

func cloudCost(provider string, targets []qos.Target, interval time.Duration) SourceCost {
	instances := qos.MeasuredOf(targets)
	var cost clouds.MetricsCost
	if len(instances) > 0 {
		cost = targets[0].Cloud.Measurer.MetricsCost(instances)
	}
	every := max(cost.Every, interval)
	rounds := int(day / every)
	return SourceCost{
		Source: qos.SourceCloud, Provider: provider, Instances: len(instances), EverySeconds: every.Seconds(),
		Calls: cost.Calls * rounds, USD: cost.USD * float64(rounds), Limit: cost.Limit,
	}
}
