package qos_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"skysail/clouds"
	"skysail/qos"
)

// measurer is a provider that says what a test lays down.
type measurer struct {
	mu       sync.Mutex
	interval time.Duration
	calls    [][]string // IDs of each call
	answer   func(ctx context.Context, i clouds.Measured) (float64, bool, error)
}

func (m *measurer) MetricsCost(instances []clouds.Measured) clouds.MetricsCost {
	return clouds.MetricsCost{Calls: len(instances), Every: m.interval}
}

func (m *measurer) Metrics(ctx context.Context, instances []clouds.Measured) ([]clouds.Reading, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []string
	var out []clouds.Reading
	var errs []error
	for _, i := range instances {
		ids = append(ids, i.ID)
		v, measured, err := m.answer(ctx, i)
		if measured {
			out = append(out, clouds.Reading{Instance: i.Name, Name: clouds.MetricCPU, Value: v, At: observed})
		}
		errs = append(errs, err)
	}
	m.calls = append(m.calls, ids)
	return out, errors.Join(errs...)
}

var observed = time.Now().Add(-4 * time.Minute).Truncate(time.Millisecond)

func always(v float64) func(context.Context, clouds.Measured) (float64, bool, error) {
	return func(context.Context, clouds.Measured) (float64, bool, error) { return v, true, nil }
}

func measuredTarget(m *measurer, deployment, id string) qos.Target {
	return qos.Target{
		Deployment: deployment, Instance: deployment + "-0", Provider: "digitalocean", Region: "nyc1",
		Cloud: &qos.CloudTarget{Measurer: m, ID: id, VCPU: 2},
	}
}

func collectCloud(t *testing.T, p *qos.CloudPoller, targets ...qos.Target) qos.Result {
	t.Helper()
	return qos.NewCollector(qos.Options{Cloud: p, CloudTimeout: 300 * time.Millisecond}).Collect(within(t, 10*time.Second), targets)
}

// TestCloudIsAskedOnceForAll wants one call for all instances of a provider,
// another for what is new, and none within the interval.
func TestCloudIsAskedOnceForAll(t *testing.T) {
	m := &measurer{interval: time.Hour, answer: always(0.5)}
	var p qos.CloudPoller
	a, b, c := measuredTarget(m, "a", "11"), measuredTarget(m, "b", "12"), measuredTarget(m, "c", "13")
	first := collectCloud(t, &p, a, b)
	if len(m.calls) != 1 || len(m.calls[0]) != 2 {
		t.Fatalf("calls %v", m.calls)
	}
	for _, s := range byName(first, clouds.MetricCPU) {
		if s.Source != qos.SourceCloud || s.Value != 0.5 || !s.ObservedAt.Equal(observed) || time.Since(s.CollectedAt) > time.Minute {
			t.Errorf("sample %+v", s)
		}
	}
	if n := len(first.New()); n != len(first.Samples) || n != 6 {
		t.Errorf("%d of %d samples are new", n, len(first.Samples))
	}

	second := collectCloud(t, &p, a, b, c)
	if len(m.calls) != 2 || !slices.Equal(m.calls[1], []string{"13"}) {
		t.Errorf("calls %v", m.calls)
	}
	kept := byName(second, clouds.MetricCPU)
	if len(kept) != 3 || !kept[0].ObservedAt.Equal(observed) || !kept[0].CollectedAt.Equal(byName(first, clouds.MetricCPU)[0].CollectedAt) {
		t.Errorf("between two calls: %+v", kept)
	}
	if n := len(second.New()); n != 3 {
		t.Errorf("%d samples are new, want those of c", n)
	}
	for _, r := range second.Reports {
		if r.Err != nil || r.Kept != (r.Deployment != "c") || !r.ObservedAt.Equal(observed) {
			t.Errorf("report %s: kept %v, %v, observed %v", r.Instance, r.Kept, r.Err, r.ObservedAt)
		}
	}

	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { collectCloud(t, &p, a, b, c, measuredTarget(m, "d", "14")) })
	}
	wg.Wait()
	if len(m.calls) != 3 {
		t.Errorf("collections side by side made the calls %v", m.calls[2:])
	}
}

func TestCloudIsAskedAgainAfterItsInterval(t *testing.T) {
	m := &measurer{interval: 30 * time.Millisecond, answer: always(0.5)}
	var p qos.CloudPoller
	a := measuredTarget(m, "a", "11")
	collectCloud(t, &p, a)
	time.Sleep(40 * time.Millisecond)
	r := collectCloud(t, &p, a)
	if len(m.calls) != 2 || r.Reports[0].Kept {
		t.Errorf("calls %v, kept %v", m.calls, r.Reports[0].Kept)
	}
}

func TestCloudFailureLeavesTheOthers(t *testing.T) {
	refused := errors.New("429 Too many requests")
	m := &measurer{interval: time.Hour, answer: func(_ context.Context, i clouds.Measured) (float64, bool, error) {
		if i.ID == "12" {
			return 0, false, refused
		}
		return 0.5, true, nil
	}}
	var p qos.CloudPoller
	a, b := measuredTarget(m, "a", "11"), measuredTarget(m, "b", "12")
	b.HealthURL = health(t, ok)
	r := collectCloud(t, &p, a, b)
	if one(t, r, clouds.MetricCPU).Deployment != "a" || one(t, r, "probe_success").Value != 1 {
		t.Errorf("the others do not stand: %+v", r.Samples)
	}
	for _, rep := range r.Reports {
		failed := rep.Deployment == "b" && rep.Source == qos.SourceCloud
		if errors.Is(rep.Err, refused) != failed {
			t.Errorf("%s %s: %v", rep.Instance, rep.Source, rep.Err)
		}
	}
	// Within the retry's pause it is not asked again, and is not said to be
	// well either.
	again := collectCloud(t, &p, b)
	if len(m.calls) != 1 || up(t, again, qos.SourceCloud) != 0 {
		t.Errorf("calls %v, %+v", m.calls, again.Reports)
	}
}

// TestCloudHasNotMeasuredYet is neither a failure nor a fresh observation.
func TestCloudHasNotMeasuredYet(t *testing.T) {
	m := &measurer{interval: time.Hour, answer: func(context.Context, clouds.Measured) (float64, bool, error) { return 0, false, nil }}
	var p qos.CloudPoller
	r := collectCloud(t, &p, measuredTarget(m, "a", "11"))
	rep := r.Reports[0]
	if rep.Err != nil || !rep.ObservedAt.IsZero() || len(byName(r, clouds.MetricCPU)) != 0 || up(t, r, qos.SourceCloud) != 1 {
		t.Errorf("report %+v, samples %+v", rep, r.Samples)
	}
	if d := r.Detail("a-0", qos.SourceCloud); !strings.Contains(d, "not measured") {
		t.Errorf("detail %q", d)
	}
}

func TestCloudThatHangs(t *testing.T) {
	m := &measurer{interval: time.Hour, answer: func(ctx context.Context, _ clouds.Measured) (float64, bool, error) {
		<-ctx.Done()
		return 0, false, ctx.Err()
	}}
	var p qos.CloudPoller
	a := measuredTarget(m, "a", "11")
	a.HealthURL = health(t, ok)
	began := time.Now()
	r := collectCloud(t, &p, a)
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
	if one(t, r, "probe_success").Value != 1 || up(t, r, qos.SourceCloud) != 0 || !strings.Contains(r.Detail("a-0", qos.SourceCloud), "in time") {
		t.Errorf("reports %+v", r.Reports)
	}
}

// TestCloudRemembersAnEarlierProcess takes the interval over from the store.
func TestCloudRemembersAnEarlierProcess(t *testing.T) {
	m := &measurer{interval: time.Hour, answer: always(0.5)}
	var before, after qos.CloudPoller
	a := measuredTarget(m, "a", "11")
	stored := collectCloud(t, &before, a).New()
	if !after.Needs(a) {
		t.Error("a new poller knows the target")
	}
	after.Remember(a, stored)
	r := collectCloud(t, &after, a)
	if s := one(t, r, clouds.MetricCPU); len(m.calls) != 1 || !s.ObservedAt.Equal(observed) || s.Value != 0.5 || len(r.New()) != 0 {
		t.Errorf("calls %v, sample %+v", m.calls, s)
	}
	for i := range stored {
		stored[i].CollectedAt = time.Now().Add(-2 * time.Hour)
	}
	var late qos.CloudPoller
	late.Remember(a, stored)
	if collectCloud(t, &late, a); len(m.calls) != 2 {
		t.Error("after the interval it was not asked again")
	}
}

func TestCloudIsLeftOut(t *testing.T) {
	m := &measurer{interval: time.Hour, answer: always(0.5)}
	a := measuredTarget(m, "a", "11")
	a.HealthURL = health(t, ok)
	for name, o := range map[string]qos.Options{
		"without a poller": {},
		"not chosen":       {Cloud: &qos.CloudPoller{}, Sources: []string{qos.SourceHTTP}},
	} {
		r := qos.NewCollector(o).Collect(within(t, 5*time.Second), []qos.Target{a})
		if len(m.calls) != 0 || len(r.Reports) != 1 {
			t.Errorf("%s: calls %v, reports %+v", name, m.calls, r.Reports)
		}
	}
}
