package statuspage

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/qos"
	"skysail/qos/metric"
	"skysail/store"
)

// SetNow sets the clock of a Site.
func SetNow(s *Site, now func() time.Time) { s.now = now }

func TestStateOf(t *testing.T) {
	one := func(name string, v float64, labels ...string) qos.Sample {
		m := metric.With(name, v, labels...)
		return qos.Sample{Name: m.Name, Labels: m.Labels, Value: m.Value}
	}
	for _, c := range []struct {
		name    string
		samples []qos.Sample
		want    State
	}{
		{"nothing", nil, Unknown},
		{"only the machine", []qos.Sample{one("node_load1", 0)}, Unknown},
		{"judged", []qos.Sample{one(metric.ProbeSuccess, 0), one("skysail_health_state", 0, "state", "down"), one("skysail_health_state", 1, "state", "unreachable")}, Unreachable},
		{"too few checks yet", []qos.Sample{one(metric.ProbeSuccess, 1), one("skysail_health_state", 1, "state", "unknown")}, Up},
		{"judged unknown, nothing asked", []qos.Sample{one(metric.ServiceUp, 1), one("skysail_health_state", 1, "state", "unknown")}, Unknown},
		{"from here counts", []qos.Sample{one(metric.ProbeSuccess, 0, "vantage", "ssh"), one(metric.ProbeSuccess, 1)}, Up},
		{"from the instance alone", []qos.Sample{one(metric.ProbeSuccess, 0, "vantage", "ssh")}, Down},
		{"a pod", []qos.Sample{one(metric.ServiceUp, 1), one(metric.PodReady, 0)}, Down},
		{"no health check", []qos.Sample{one(metric.ServiceUp, 1)}, Up},
	} {
		if got := stateOf(c.samples); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestTogether(t *testing.T) {
	for parts, want := range map[string]State{
		"": Unknown, "up": Up, "up up": Up, "up down": Degraded, "down down": Down, "down unreachable": Down, "unreachable": Unreachable,
		"up unknown": Unknown, "unknown unknown": Unknown, "down unknown": Degraded, "up degraded": Degraded,
	} {
		var all []State
		for _, p := range strings.Fields(parts) {
			all = append(all, State(p))
		}
		if got := together(all); got != want {
			t.Errorf("%q: %s, want %s", parts, got, want)
		}
	}
}

// TestPast: buckets, shares and gaps out of what the store has.
func TestPast(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 7, 0, 0, time.UTC)
	w := windowAt(now)
	if w.to != time.Date(2026, 11, 30, 12, 15, 0, 0, time.UTC) || w.to.Sub(w.from) != span {
		t.Fatalf("%v", w)
	}
	at := func(step int, count uint64, mean, increase float64) store.SamplePoint {
		return store.SamplePoint{
			Time: w.from.Add(time.Duration(step) * fine), Count: count, Sum: mean * float64(count), Min: mean / 2, Max: mean * 2, Increase: increase,
		}
	}
	p := pastOf([]store.SampleSeries{
		{Name: metric.ProbeSuccess, Points: []store.SamplePoint{at(0, 20, 1, 0), at(1, 20, 0.5, 0), at(3, 20, 0, 0), at(287, 4, 1, 0), at(-1, 9, 1, 0), at(288, 9, 1, 0)}},
		{Name: metric.ProbeSuccess, Labels: map[string]string{"vantage": "ssh"}, Points: []store.SamplePoint{at(6, 20, 1, 0)}},
		{Name: metric.ServiceUp, Points: []store.SamplePoint{at(9, 20, 1, 0)}},
		{Name: cpuSeconds, Labels: map[string]string{"mode": "idle"}, Points: []store.SamplePoint{at(0, 20, 0, 60), at(2, 20, 0, 0)}},
		{Name: cpuSeconds, Labels: map[string]string{"mode": "iowait"}, Points: []store.SamplePoint{at(0, 20, 0, 15)}},
		{Name: cpuSeconds, Labels: map[string]string{"mode": "user"}, Points: []store.SamplePoint{at(0, 20, 0, 25)}},
		{Name: memoryTotal, Points: []store.SamplePoint{at(4, 20, 400, 0), at(5, 20, 400, 0)}},
		{Name: memoryLeft, Points: []store.SamplePoint{at(4, 20, 100, 0)}},
		{Name: metric.PodCPU, Labels: map[string]string{"container": "a"}, Points: []store.SamplePoint{at(7, 1, 0.5, 0)}},
		{Name: metric.PodCPU, Labels: map[string]string{"container": "b"}, Points: []store.SamplePoint{at(7, 1, 0.25, 0)}},
	}, w, fine)
	states := map[int]State{}
	for i := range p.checks {
		if s := p.checks[i].state(); s != Unknown {
			states[i] = s
		}
	}
	if d := cmp.Diff(map[int]State{0: Degraded, 1: Down, buckets - 1: Up}, states); d != "" {
		t.Error(d)
	}
	told := func(l line) map[int]string {
		out := map[int]string{}
		for i, v := range l {
			if !math.IsNaN(v) {
				out[i] = fmt.Sprintf("%.4g", v)
			}
		}
		return out
	}
	for name, c := range map[string]struct {
		got  line
		want map[int]string
	}{
		"CPU": {p.cpu, map[int]string{0: "0.25"}}, "memory": {p.memory, map[int]string{4: "0.75"}}, "cores": {p.cores, map[int]string{7: "0.75"}}, "response": {p.slow, map[int]string{}},
	} {
		if d := cmp.Diff(c.want, told(c.got)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	runs := runsOf(&p.checks, w, now)
	var words []string
	for _, r := range runs {
		words = append(words, r.From.Minute()+"-"+r.To.Minute()+" "+string(r.State)+" "+r.Passed)
	}
	want := []string{"12:00-12:07 up 4 of 4", "12:45-12:00 unknown –", "12:30-12:45 down 0 of 20", "12:15-12:30 degraded 30 of 40"}
	if d := cmp.Diff(want, words); d != "" {
		t.Error(d)
	}
	if v := viewPast(p, w, now, time.Time{}); v.Uptime != "53.12 %" || v.Summary != "53.12 % of 64 checks in the last 24 hours passed; unknown for 23 h 15 min." {
		t.Errorf("%q %q", v.Uptime, v.Summary)
	}
	if v := viewPast(p, w, now, now.Add(-20*time.Minute)); v.Summary != "53.12 % of 64 checks in the last 24 hours passed; unknown for 15 min." {
		t.Errorf("it was made 20 minutes ago: %q", v.Summary)
	}
}

func TestPaths(t *testing.T) {
	nan := math.NaN()
	if lines, dots := linePath(line{nan, 1, 2, nan, 4}, 4); lines != "M1.5 75L2.5 50" || dots != "M4.5 0h0" {
		t.Errorf("a gap is a gap, and a single value a dot: %s %s", lines, dots)
	}
	if got := bandPath(line{nan, 1, 1}, line{nan, 2, 4}, 4); got != "M1 50V50H2V0H3V75H2V75H1z" {
		t.Error(got)
	}
	var checks [buckets]tally
	checks[0], checks[1], checks[2] = tally{4, 4}, tally{4, 1}, tally{4, 0}
	p := stripPaths(&checks)
	for state, want := range map[State]string{Up: "M1 0h8v100h-8z", Degraded: "M11 34h8v66h-8z", Down: "M21 67h8v33h-8z", track: "M11 0h8v100h-8zM21 0h8v100h-8z"} {
		if p[state] != want {
			t.Errorf("%s: %s", state, p[state])
		}
	}
	if n := strings.Count(p[Unknown], "M"); n != buckets-3 {
		t.Errorf("%d unknown", n)
	}
	for v, want := range map[float64]float64{0: 1, 0.3: 0.5, 1: 1, 1.01: 2, 34: 50, 60: 100} {
		if got := roundTop(v); math.Abs(got-want) > 1e-9 {
			t.Errorf("%g → %g, want %g", v, got, want)
		}
	}
	if got := roundSize(300 << 20); got != 500<<20 {
		t.Errorf("%g", got)
	}
}

func TestTexts(t *testing.T) {
	for got, want := range map[string]string{
		share(9999, 10000): "99.99 %", share(99999, 100000): "99.99 %", share(3, 3): "100 %", share(0, 0): "–", share(29, 100): "29 %",
		seconds(0.0012): "1.2 ms", seconds(0.25): "250 ms", seconds(2.345): "2.35 s", size(1536): "1.5 KiB", size(12): "12 B",
		ago(59 * time.Second): "59 s", ago(3 * time.Hour): "3 h", ago(3*time.Hour + time.Minute): "3 h 1 min", ago(72 * time.Hour): "3 days", ago(-time.Second): "0 s",
		words("a\n b\u202e"):            `a b\u202e`,
		words(strings.Repeat("ä", 200)): strings.Repeat("ä", 150) + "…",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
