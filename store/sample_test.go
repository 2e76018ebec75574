package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var bg = context.Background() // rapid's T has a context of each of its checks

// tester is a test, or a check of rapid's.
type tester interface {
	Helper()
	Fatal(...any)
}

// clocked opens a store whose clock shows now.
func clocked(t tester, dir string, now *time.Time) *Store {
	t.Helper()
	s, err := Open(bg, filepath.Join(dir, "skysail.db"))
	if err != nil {
		t.Fatal(err)
	}
	s.now = func() time.Time { return *now }
	return s
}

// span is the whole of what a store has in a step, by series and time.
func span(t tester, s *Store, from, to time.Time, step time.Duration) map[string]SamplePoint {
	t.Helper()
	r, err := s.SampleRange(bg, SampleQuery{Deployment: "d1", From: from, To: to, Step: step})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]SamplePoint{}
	for _, x := range r.Series {
		for _, p := range x.Points {
			out[fmt.Sprint(x.Instance, x.Source, x.Name, x.Labels == nil, x.Labels, p.Time.UnixMilli())] = p
		}
	}
	return out
}

// TestSamplesAsAModel adds collections for some hours, in several processes,
// and compares what the store says with what a list of all samples says.
func TestSamplesAsAModel(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		now := epoch
		s := clocked(t, filepath.Join(dir, fmt.Sprint(n)), &now)
		defer func() { _ = s.Close() }()
		if err := s.Create(bg, deployment("d1", "echo")); err != nil {
			t.Fatal(err)
		}
		var all []Sample
		for range rapid.IntRange(1, 25).Draw(t, "calls") {
			now = now.Add(time.Duration(rapid.IntRange(0, 1800).Draw(t, "pause")) * time.Second)
			var some []Sample
			for range rapid.IntRange(0, 6).Draw(t, "samples") {
				at := now.Add(-time.Duration(rapid.IntRange(0, 2).Draw(t, "late")) * time.Second)
				x := Sample{
					Deployment: "echo", Instance: rapid.SampledFrom([]string{"i1", "i2"}).Draw(t, "instance"), Source: "ssh",
					Name: rapid.SampledFrom([]string{"a", "b_total"}).Draw(t, "name"), CollectedAt: at, ObservedAt: at,
					Value: float64(rapid.IntRange(-50, 50).Draw(t, "value")),
				}
				x.Labels = rapid.SampledFrom([]map[string]string{nil, {}, {"l": "1"}}).Draw(t, "labels")
				some = append(some, x)
			}
			if err := s.AddSamples(bg, "d1", some); err != nil {
				t.Fatal(err)
			}
			all = append(all, some...)
			if rapid.IntRange(0, 5).Draw(t, "again") == 0 {
				_ = s.Close()
				s = clocked(t, filepath.Join(dir, fmt.Sprint(n)), &now)
			}
		}
		got, err := s.LatestSamples(bg, "d1")
		if err != nil {
			t.Fatal(err)
		}
		key := func(x Sample) string {
			return fmt.Sprintf("%s %s %s %v %v %v", x.Instance, x.Source, x.Name, x.Labels == nil, x.Labels, x.Value)
		}
		newest := map[string]time.Time{}
		for _, x := range all {
			if x.CollectedAt.After(newest[x.Instance]) {
				newest[x.Instance] = x.CollectedAt
			}
		}
		var want, have []string
		for _, x := range all {
			if x.CollectedAt.Equal(newest[x.Instance]) {
				want = append(want, key(x))
			}
		}
		for _, x := range got {
			have = append(have, key(x))
		}
		slices.Sort(want)
		slices.Sort(have)
		if diff := cmp.Diff(want, have); diff != "" {
			t.Fatal("latest: ", diff)
		}
		for _, step := range []time.Duration{time.Second, 7 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour} {
			compare(t, span(t, s, epoch.Add(-time.Minute), now.Add(time.Second), step), all, step)
		}
	})
}

func compare(t *rapid.T, got map[string]SamplePoint, all []Sample, step time.Duration) {
	want := map[string]SamplePoint{}
	for _, x := range all {
		start := time.UnixMilli(x.ObservedAt.UnixMilli() / step.Milliseconds() * step.Milliseconds()).UTC()
		k := fmt.Sprint(x.Instance, x.Source, x.Name, x.Labels == nil, x.Labels, start.UnixMilli())
		p, ok := want[k]
		if !ok {
			p = SamplePoint{Time: start, Min: math.Inf(1), Max: math.Inf(-1)}
		}
		p.Count++
		p.Sum += x.Value
		p.Min, p.Max = min(p.Min, x.Value), max(p.Max, x.Value)
		want[k] = p
	}
	for k, w := range want {
		g := got[k]
		g.Last, g.Increase = 0, 0 // have tests of their own: here times repeat and go back
		if g != w {
			t.Fatalf("%s of %s: got %+v, want %+v", step, k, got[k], w)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %d points, want %d", step, len(got), len(want))
	}
}

func TestIncreaseOverRestartsAndSteps(t *testing.T) {
	now := epoch
	s := clocked(t, t.TempDir(), &now)
	defer s.Close()
	must(t, s.Create(t.Context(), deployment("d1", "echo")))
	rnd := rand.New(rand.NewPCG(3, 4))
	total, value, first := 0.0, 0.0, true
	for range 300 {
		now = now.Add(time.Minute)
		by := float64(rnd.IntN(100))
		if rnd.IntN(20) == 0 && by < value {
			value, total = by, total+by // anew from 0
		} else {
			value += by
			if !first {
				total += by
			}
		}
		first = false
		must(t, s.AddSamples(t.Context(), "d1", []Sample{
			{Instance: "i1", Source: "http", Name: "n_total", Value: value, ObservedAt: now, CollectedAt: now},
			{Instance: "i1", Source: "http", Name: "gauge", Value: value, ObservedAt: now, CollectedAt: now},
		}))
	}
	for _, step := range []time.Duration{time.Minute, 5 * time.Minute, time.Hour, 24 * time.Hour} {
		r, err := s.SampleRange(t.Context(), SampleQuery{Deployment: "d1", From: epoch, To: now.Add(time.Minute), Step: step})
		must(t, err)
		if r.Step != step || len(r.Series) != 2 || r.Series[0].Name != "gauge" {
			t.Fatalf("%+v", r)
		}
		sum := 0.0
		for _, p := range r.Series[1].Points {
			sum += p.Increase
		}
		last := r.Series[1].Points[len(r.Series[1].Points)-1]
		if sum != total || last.Last != value || r.Series[0].Points[0].Increase != 0 {
			t.Errorf("step %s: increase %v and last %v, want %v and %v", step, sum, last.Last, total, value)
		}
	}
}

func TestBadSamplesOfOneDeploymentConcernNoOther(t *testing.T) {
	now := epoch
	s := clocked(t, t.TempDir(), &now)
	defer s.Close()
	must(t, s.Create(t.Context(), deployment("d1", "echo")))
	must(t, s.Create(t.Context(), deployment("d2", "other")))
	one := func(v float64) []Sample {
		return []Sample{{Instance: "i1", Source: "ssh", Name: "x", Value: v, ObservedAt: now, CollectedAt: now}}
	}
	err := s.AddAllSamples(t.Context(), map[string][]Sample{"d0": one(1), "d1": one(1), "d2": one(math.NaN())})
	if !errors.Is(err, ErrNotFound) || len(span(t, s, epoch, epoch.Add(time.Second), time.Second)) != 1 {
		t.Errorf("%v, or d1's sample is not there", err)
	}
	if got, err := s.LatestSamples(t.Context(), "d2"); len(got) != 0 || err != nil {
		t.Errorf("%v %v", got, err)
	}
}
