package monitor

import "skysail/qos/metric"

// Metrics are the monitor's own numbers.
func (m *Monitor) Metrics() []metric.Described {
	s := m.state.Stats()
	late := uint64(0)
	began := uint64(0)
	for i, n := range s.Delays {
		began += n
		if i > lateFrom {
			late += n
		}
	}
	counter := func(name, help string, value float64, labels ...string) metric.Described {
		return metric.Described{Metric: metric.With(name, value, labels...), Desc: metric.Desc{Kind: metric.Counter, Help: help}}
	}
	gauge := func(name, help string, value float64) metric.Described {
		return metric.Described{Metric: metric.One(name, value), Desc: metric.Desc{Kind: metric.Gauge, Help: help}}
	}
	readings := "Readings of sources, by result."
	out := []metric.Described{
		counter("skysail_monitor_readings_total", readings, float64(s.Readings-s.Failed), "result", "success"),
		counter("skysail_monitor_readings_total", readings, float64(s.Failed), "result", "error"),
		counter("skysail_monitor_runs_total", "Runs that began.", float64(began)),
		counter("skysail_monitor_runs_late_total", "Runs that began more than 100 ms after their moment.", float64(late)),
		counter("skysail_monitor_runs_missed_total", "Runs that were left out, as the one before still went on.", float64(s.Missed)),
		counter("skysail_monitor_start_delay_seconds_total", "Time by which runs began after their moments.", s.DelaySum.Seconds()),
		counter("skysail_monitor_samples_dropped_total", "Samples that could not be kept in the store.", float64(s.Dropped)),
		gauge("skysail_monitor_sources", "Sources of instances of which something is known.", float64(s.Sources)),
	}
	if up, known := m.network.Up(); known {
		out = append(out, gauge("skysail_own_network_up", "Whether an anchor answered when one was last asked.", metric.Bool(up)))
	}
	return out
}

// lateFrom is the place in delayBounds of the delay that counts as none.
const lateFrom = 5
