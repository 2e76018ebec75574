package statustest

import (
	"math"
	"time"

	"skysail/qos/metric"
	"skysail/store"
)

// interval is from one reading to the next.
const interval = 15 * time.Second

// history makes the samples of a deployment that a query asks for.
func history(d deployment, q store.SampleQuery, now time.Time) store.SampleRange {
	out := store.SampleRange{Step: q.Step}
	for n, i := range d.instances {
		add := func(name string, labels map[string]string, value func(minutes int) (low, mean, high, increase float64)) {
			if q.Want != nil && !q.Want("", name) {
				return
			}
			x := store.SampleSeries{Instance: i.name, Name: name, Labels: labels}
			for at := q.From.Truncate(q.Step); at.Before(now); at = at.Add(q.Step) {
				minutes := int(now.Sub(at).Minutes())
				if math.IsNaN(i.at(minutes)) {
					continue
				}
				count := uint64(min(q.Step, now.Sub(at)) / interval) //nolint:gosec // not negative
				if count == 0 {
					continue
				}
				low, mean, high, increase := value(minutes)
				x.Points = append(x.Points, store.SamplePoint{
					Time: at, Count: count, Min: low, Max: high, Sum: mean * float64(count), Last: mean, Increase: increase,
				})
			}
			out.Series = append(out.Series, x)
		}
		flat := func(f func(m int) float64) func(int) (low, mean, high, increase float64) {
			return func(m int) (float64, float64, float64, float64) { v := f(m); return v, v, v, 0 }
		}
		wave := func(m int) float64 { return 0.5 + 0.35*math.Sin(float64(m+90*n)/170) + 0.15*math.Sin(float64(m)/13) }
		if d.Provider == "kubernetes" {
			add(metric.PodReady, map[string]string{"condition": "true"}, flat(i.at))
			add(metric.PodCPU, nil, flat(func(m int) float64 { return 0.2 + 0.6*wave(m) }))
			add("container_memory_working_set_bytes", nil, flat(func(m int) float64 { return 3e8 + 1e8*wave(m) }))
			continue
		}
		add(metric.ProbeSuccess, nil, flat(i.at))
		add(metric.ProbeDuration, nil, func(m int) (low, mean, high, increase float64) {
			v := 0.02 + 0.03*wave(m) + 0.2*(1-i.at(m))
			return v * 0.7, v, v * (1.4 + wave(m)), 0
		})
		add("node_memory_MemTotal_bytes", nil, flat(func(int) float64 { return 4e9 }))
		add("node_memory_MemAvailable_bytes", nil, flat(func(m int) float64 { return 2.4e9 - 3e8*wave(m) }))
		for _, mode := range []string{"idle", "user"} {
			add("node_cpu_seconds_total", map[string]string{"cpu": "0", "mode": mode}, func(m int) (low, mean, high, increase float64) {
				busy := 0.75 * wave(m)
				if mode == "idle" {
					busy = 1 - busy
				}
				return 0, 0, 0, busy * q.Step.Seconds()
			})
		}
	}
	return out
}
