package alert

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"skysail/internal/duration"
	"skysail/spec"
	"skysail/store"
)

// BenchmarkEvaluate is one evaluation of a hundred objectives with a month of
// history each.
func BenchmarkEvaluate(b *testing.B) {
	s, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "skysail.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	now := time.Now()
	var watched []Deployment
	for i := range 100 {
		id := fmt.Sprint("d", i)
		if err := s.Create(b.Context(), store.Deployment{ID: id, Name: id, Service: spec.Service{Name: id, Instances: 1}}); err != nil {
			b.Fatal(err)
		}
		watched = append(watched, Deployment{Name: id, ID: id, Objectives: []spec.Objective{{Name: spec.ObjectiveAvailability, Target: 0.999, Window: 30 * duration.Day}}})
		var batch store.AlertBatch
		for at := now.Add(-30 * duration.Day); at.Before(now); at = at.Add(step(now.Sub(at))) {
			batch.Counts = append(batch.Counts, store.ObjectiveCount{Deployment: id, Objective: spec.ObjectiveAvailability, At: at, Good: 1, Total: 1})
		}
		if err := s.KeepAlerts(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	e := New(Options{Store: s, Deployments: func(context.Context) ([]Deployment, error) { return watched, nil }})
	b.ReportAllocs()
	for b.Loop() {
		if err := e.Evaluate(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// step is how far apart counts of that age are kept.
func step(age time.Duration) time.Duration {
	switch {
	case age > 3*duration.Day:
		return time.Hour
	case age > 3*time.Hour:
		return 10 * time.Minute
	}
	return time.Minute
}
