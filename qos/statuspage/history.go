package statuspage

import (
	"context"
	"math"
	"strings"
	"time"

	"skysail/qos/metric"
	"skysail/store"
)

const (
	span    = 24 * time.Hour
	bucket  = 15 * time.Minute
	buckets = int(span / bucket)
	// fine is the step of the lines.
	fine = 5 * time.Minute

	cpuSeconds  = "node_cpu_seconds_total"
	memoryTotal = "node_memory_MemTotal_bytes"
	memoryLeft  = "node_memory_MemAvailable_bytes"
	podMemory   = "container_memory_working_set_bytes"
)

// window is the 24 hours that are shown: whole buckets, the last of which is
// the one that now is in.
type window struct{ from, to time.Time }

func windowAt(now time.Time) window {
	to := now.UTC().Truncate(bucket).Add(bucket)
	return window{to.Add(-span), to}
}

// tally counts the checks of a bucket.
type tally struct{ made, passed float64 }

func (t tally) state() State {
	switch {
	case t.made == 0:
		return Unknown
	case t.passed == 0:
		return Down
	case t.passed < t.made:
		return Degraded
	}
	return Up
}

// line is one value a step; NaN where nothing was read.
type line []float64

func newLine(n int) line {
	l := make(line, n)
	for i := range l {
		l[i] = math.NaN()
	}
	return l
}

func (l line) known() bool {
	for _, v := range l {
		if !math.IsNaN(v) {
			return true
		}
	}
	return false
}

func (l line) add(i int, v float64) {
	if math.IsNaN(l[i]) {
		l[i] = 0
	}
	l[i] += v
}

// past is what the store has of an instance.
type past struct {
	checks [buckets]tally
	// Of each step: the mean, least and greatest response time; the share of
	// CPU and memory; of a pod cores and bytes.
	slow, slowLow, slowHigh line
	cpu, memory             line
	cores, bytes            line
	step                    time.Duration
}

// pastOf is histories, or what it gave a moment ago.
func (s *Site) pastOf(ctx context.Context, id string, w window, lines bool, now time.Time) (map[string]*past, error) {
	key := pastKey{id, lines}
	if k, ok := s.past[key]; ok && k.window == w && now.Sub(k.at) < pastFor {
		return k.instances, nil
	}
	all, err := s.histories(ctx, id, w, lines)
	if err == nil {
		s.past[key] = pastKept{all, w, now}
	}
	return all, err
}

// histories asks the store for the past of a deployment's instances; with
// lines for what charts show beside availability.
func (s *Site) histories(ctx context.Context, id string, w window, lines bool) (map[string]*past, error) {
	q := store.SampleQuery{Deployment: id, From: w.from, To: w.to, Step: bucket, Want: func(_, name string) bool {
		return name == metric.ProbeSuccess || name == metric.PodReady || name == metric.ServiceUp
	}}
	if lines {
		q.Step, q.Want = fine, func(_, name string) bool {
			switch name {
			case metric.ProbeSuccess, metric.PodReady, metric.ServiceUp, metric.ProbeDuration, cpuSeconds, memoryTotal, memoryLeft, metric.PodCPU, podMemory:
				return true
			}
			return false
		}
	}
	r, err := s.data.History(ctx, q)
	if err != nil {
		return nil, err
	}
	byInstance := map[string][]store.SampleSeries{}
	for _, x := range r.Series {
		byInstance[x.Instance] = append(byInstance[x.Instance], x)
	}
	out := make(map[string]*past, len(byInstance))
	for name, series := range byInstance {
		out[name] = pastOf(series, w, r.Step)
	}
	return out, nil
}

func pastOf(series []store.SampleSeries, w window, step time.Duration) *past {
	n := int((span + step - 1) / step)
	p := &past{
		slow: newLine(n), slowLow: newLine(n), slowHigh: newLine(n), cpu: newLine(n), memory: newLine(n), cores: newLine(n), bytes: newLine(n), step: step,
	}
	idle, all := newLine(n), newLine(n)
	total, left := newLine(n), newLine(n)
	checks := checksOf(series)
	probe := probesOf(series)
	for _, x := range series {
		for _, at := range x.Points {
			b, i := int(at.Time.Sub(w.from)/bucket), int(at.Time.Sub(w.from)/step)
			if at.Time.Before(w.from) || b >= buckets || i >= n || at.Count == 0 {
				continue
			}
			mean := at.Sum / float64(at.Count)
			switch {
			case x.Name == checks.name && x.Labels["vantage"] == checks.vantage:
				p.checks[b].made += float64(at.Count)
				p.checks[b].passed += at.Sum
			case x.Name == metric.ProbeDuration && x.Labels["vantage"] == probe.vantage:
				p.slow[i], p.slowLow[i], p.slowHigh[i] = mean, at.Min, at.Max
			case x.Name == cpuSeconds:
				all.add(i, at.Increase)
				if mode := x.Labels["mode"]; mode == "idle" || mode == "iowait" {
					idle.add(i, at.Increase)
				}
			case x.Name == memoryTotal:
				total[i] = mean
			case x.Name == memoryLeft:
				left[i] = mean
			case x.Name == metric.PodCPU:
				p.cores.add(i, mean) // of all containers
			case x.Name == podMemory:
				p.bytes.add(i, mean)
			}
		}
	}
	for i := range n {
		if all[i] > 0 && !math.IsNaN(idle[i]) {
			p.cpu[i] = min(max(1-idle[i]/all[i], 0), 1)
		}
		if total[i] > 0 && !math.IsNaN(left[i]) {
			p.memory[i] = min(max(1-left[i]/total[i], 0), 1)
		}
	}
	return p
}

// picked is a series that is chosen among those that say the same.
type picked struct{ name, vantage string }

// checksOf picks what tells of availability: the health check, from here where
// it is made from here, or a pod's readiness, or the service manager.
func checksOf(series []store.SampleSeries) picked {
	for _, name := range []string{metric.ProbeSuccess, metric.PodReady, metric.ServiceUp} {
		if p, ok := pick(series, name); ok {
			return p
		}
	}
	return picked{}
}

func probesOf(series []store.SampleSeries) picked {
	p, _ := pick(series, metric.ProbeDuration)
	return p
}

func pick(series []store.SampleSeries, name string) (p picked, ok bool) {
	for _, x := range series {
		if x.Name != name {
			continue
		}
		if v := x.Labels["vantage"]; !ok || strings.Compare(v, p.vantage) < 0 {
			p, ok = picked{name, v}, true
		}
	}
	return p, ok
}
