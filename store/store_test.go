package store

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/internal/failure"
	"skysail/internal/reexec"
	"skysail/policies"
	"skysail/spec"
)

func TestMain(m *testing.M) {
	reexec.Main()
	os.Exit(m.Run())
}

var epoch = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// openTest opens a new store whose clock goes on by a second at each reading.
func openTest(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "home", "skysail.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	now := epoch
	s.now = func() time.Time {
		now = now.Add(time.Second)
		return now
	}
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func deployment(id, name string) Deployment {
	return Deployment{
		ID: id, Name: name, Remote: true, Sandbox: true,
		Service: spec.Service{
			Name: name, Instances: 2, Resources: spec.Resources{CPU: 0.5, MemoryGB: 1, GPU: &spec.GPU{Count: 1}},
			Source: spec.Source{Container: &spec.Container{Image: "docker.io/library/nginx:1.28"}},
			Env:    map[string]string{"QUOTE": `it's "quoted" \ $HOME ` + "\n\x00é"},
		},
		Policy: policies.Default(),
	}
}

func TestCreateAndGet(t *testing.T) {
	s := openTest(t)
	want := deployment("d1", "echo")
	must(t, s.Create(t.Context(), want))
	want.Role, want.Revision = RoleCurrent, 1
	want.Phase, want.CreatedAt, want.UpdatedAt = Pending, epoch.Add(time.Second), epoch.Add(time.Second)
	for _, key := range []string{"echo", "d1"} {
		got, err := s.Get(t.Context(), key)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Get(%s) -want +got:\n%s", key, diff)
		}
	}
	for _, key := range []string{"", "ech", "' OR 1=1 --"} {
		if _, err := s.Get(t.Context(), key); !errors.Is(err, ErrNotFound) {
			t.Errorf("Get(%q): %v", key, err)
		}
	}
}

func TestNameBelongsToOneLiveDeployment(t *testing.T) {
	s := openTest(t)
	must(t, s.Create(t.Context(), deployment("d1", "echo")))
	for _, phase := range []Phase{Pending, Applying, Running, Destroying, Stuck} {
		must(t, s.SetPhase(t.Context(), "d1", phase, ""))
		err := s.Create(t.Context(), deployment("d2", "echo"))
		var f *failure.Error
		if !errors.As(err, &f) || f.Code != failure.Input || !strings.Contains(f.Cause, "d1") || !strings.Contains(f.Cause, string(phase)) || f.Meaning == "" || f.Next == "" {
			t.Errorf("%s: got %v", phase, err)
		}
		if phase.Ended() {
			t.Errorf("%s counts as ended", phase)
		}
	}
	for i, phase := range []Phase{Destroyed, FailedAll} {
		if !phase.Ended() {
			t.Errorf("%s does not count as ended", phase)
		}
		d, err := s.Get(t.Context(), "echo")
		must(t, err)
		must(t, s.SetPhase(t.Context(), d.ID, Destroying, ""))
		must(t, s.SetPhase(t.Context(), d.ID, phase, "over"))
		must(t, s.Create(t.Context(), deployment([]string{"d2", "d3"}[i], "echo")))
	}
	if err := s.Create(t.Context(), deployment("d1", "other")); err == nil {
		t.Error("an ID was taken twice")
	}
	got, err := s.Get(t.Context(), "echo")
	must(t, err)
	if got.ID != "d3" {
		t.Errorf("the live one is d3, got %s", got.ID)
	}
	must(t, s.SetPhase(t.Context(), "d3", Destroying, ""))
	must(t, s.SetPhase(t.Context(), "d3", Destroyed, ""))
	if got, err = s.Get(t.Context(), "echo"); err != nil || got.ID != "d3" {
		t.Errorf("the newest ended one is d3, got %s %v", got.ID, err)
	}
	live, err := s.List(t.Context(), false)
	must(t, err)
	all, err := s.List(t.Context(), true)
	must(t, err)
	if len(live) != 0 || len(all) != 3 || all[0].ID != "d1" || all[2].ID != "d3" {
		t.Errorf("live %d, all %+v", len(live), all)
	}
}

func TestListIsByName(t *testing.T) {
	s := openTest(t)
	for _, name := range []string{"c", "a", "b"} {
		must(t, s.Create(t.Context(), deployment("d"+name, name)))
	}
	must(t, s.SetPhase(t.Context(), "db", Applying, ""))
	must(t, s.Register(t.Context(), "db", []Instance{{ID: "i1", Name: "b-0", Address: "192.0.2.1"}}))
	ds, err := s.List(t.Context(), false)
	must(t, err)
	var names []string
	for _, d := range ds {
		names = append(names, d.Name)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, names); diff != "" {
		t.Error(diff)
	}
	if len(ds[0].Instances) != 0 || len(ds[1].Instances) != 1 {
		t.Errorf("instances: %+v", ds)
	}
}

func TestLifeOfADeployment(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	must(t, s.Create(ctx, deployment("d1", "echo")))
	must(t, s.StartAttempt(ctx, "d1", Attempt{N: 1, Provider: "vultr", Region: "ewr", Type: "big", PriceUSD: 0.5}))
	d, err := s.Get(ctx, "d1")
	must(t, err)
	if d.Phase != Applying || d.Provider != "vultr" || d.Region != "ewr" || d.Type != "big" || d.PriceUSD != 0.5 || d.Attempt != 1 {
		t.Errorf("after the first attempt started: %+v", d)
	}
	must(t, s.UpdateAttempt(ctx, "d1", Attempt{N: 1, Phase: AttemptCleaning, Class: "capacity", Cause: "no room"}))
	if as, err := s.Attempts(ctx, "d1"); err != nil || len(as) != 1 || !as[0].EndedAt.IsZero() {
		t.Errorf("while it is cleaned: %+v %v", as, err)
	}
	must(t, s.UpdateAttempt(ctx, "d1", Attempt{N: 1, Phase: AttemptCleaned, Class: "capacity", Cause: "no room", Cleaned: []string{"vultr_ssh_key.this"}}))
	must(t, s.StartAttempt(ctx, "d1", Attempt{N: 2, Provider: "digitalocean", Region: "nyc1", Type: "c-16", PriceUSD: 0.6}))
	must(t, s.UpdateAttempt(ctx, "d1", Attempt{N: 2, Phase: AttemptSucceeded}))
	instances := []Instance{
		{ID: "11", Name: "skysail-d1-0", Address: "192.0.2.1", SSHUser: "skysail", SSHPort: 22, HostKey: "ssh-ed25519 AAAA", HealthURL: "http://192.0.2.1:8080/healthz", Logs: "journald:skysail-echo.service"},
		{ID: "12", Name: "skysail-d1-1", Address: "192.0.2.2"},
	}
	instances[0].NextHostKey = "ssh-ed25519 BBBB"
	must(t, s.PutInstances(ctx, "d1", instances))
	if d, err = s.Get(ctx, "echo"); err != nil || d.Phase != Applying || !cmp.Equal(d.Instances, instances) {
		t.Errorf("while a host key is replaced: %+v %v", d, err)
	}
	instances[0].HostKey, instances[0].NextHostKey = instances[0].NextHostKey, ""
	must(t, s.Register(ctx, "d1", instances))
	d, err = s.Get(ctx, "echo")
	must(t, err)
	if d.Phase != Running || d.Provider != "digitalocean" || d.Attempt != 2 || !d.UpdatedAt.After(d.CreatedAt) {
		t.Errorf("running: %+v", d)
	}
	if diff := cmp.Diff(instances, d.Instances); diff != "" {
		t.Error(diff)
	}
	must(t, s.Register(ctx, "d1", instances[1:]))
	if d, err = s.Get(ctx, "echo"); err != nil || len(d.Instances) != 1 {
		t.Errorf("registered again: %+v %v", d.Instances, err)
	}
	must(t, s.Unregister(ctx, "d1"))
	must(t, s.SetPhase(ctx, "d1", Destroying, ""))
	must(t, s.SetPhase(ctx, "d1", Destroyed, "as asked"))
	if d, err = s.Get(ctx, "echo"); err != nil || len(d.Instances) != 0 || d.Phase != Destroyed || d.Reason != "as asked" {
		t.Errorf("destroyed: %+v %v", d, err)
	}

	attempts, err := s.Attempts(ctx, "d1")
	must(t, err)
	second := epoch.Add(time.Second)
	want := []Attempt{
		{N: 1, Provider: "vultr", Region: "ewr", Type: "big", PriceUSD: 0.5, Phase: AttemptCleaned, Class: "capacity", Cause: "no room", Cleaned: []string{"vultr_ssh_key.this"}},
		{N: 2, Provider: "digitalocean", Region: "nyc1", Type: "c-16", PriceUSD: 0.6, Phase: AttemptSucceeded},
	}
	for i := range attempts {
		if !attempts[i].EndedAt.After(attempts[i].StartedAt) || !attempts[i].StartedAt.After(second) {
			t.Errorf("attempt %d from %s to %s", i+1, attempts[i].StartedAt, attempts[i].EndedAt)
		}
		attempts[i].StartedAt, attempts[i].EndedAt = time.Time{}, time.Time{}
	}
	if diff := cmp.Diff(want, attempts); diff != "" {
		t.Error(diff)
	}
	events, err := s.Events(ctx, "d1")
	must(t, err)
	var texts []string
	for i, e := range events {
		texts = append(texts, e.Kind+" "+e.Text)
		if i > 0 && e.At.Before(events[i-1].At) {
			t.Errorf("event %d is older than the one before", i)
		}
	}
	if diff := cmp.Diff([]string{
		"attempt vultr ewr big", "attempt cleaning: capacity", "attempt cleaned: capacity",
		"attempt digitalocean nyc1 c-16", "attempt succeeded", "phase running", "phase running", "phase destroying", "phase destroyed: as asked",
	}, texts); diff != "" {
		t.Error(diff)
	}
}

func TestWritesToADeploymentThatIsNotThere(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	for name, err := range map[string]error{
		"SetPhase":      s.SetPhase(ctx, "d9", Applying, ""),
		"Register":      s.Register(ctx, "d9", nil),
		"UpdateAttempt": s.UpdateAttempt(ctx, "d9", Attempt{N: 1}),
		"StartAttempt":  s.StartAttempt(ctx, "d9", Attempt{N: 1}),
		"Discard":       s.Discard(ctx, "d9"),
		"AddSamples":    s.AddSamples(ctx, "d9", []Sample{{Name: "x"}}),
	} {
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if events, err := s.Events(ctx, "d9"); err != nil || len(events) != 0 {
		t.Errorf("events: %v %v", events, err)
	}
}

func TestAnAttemptIsStartedOnce(t *testing.T) {
	s := openTest(t)
	must(t, s.Create(t.Context(), deployment("d1", "echo")))
	must(t, s.StartAttempt(t.Context(), "d1", Attempt{N: 1, Provider: "vultr"}))
	if err := s.StartAttempt(t.Context(), "d1", Attempt{N: 1, Provider: "aws"}); err == nil {
		t.Error("the same attempt was started twice")
	}
	if d, err := s.Get(t.Context(), "d1"); err != nil || d.Provider != "vultr" {
		t.Errorf("the refused write left a trace: %+v %v", d, err)
	}
}

func TestNextID(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	id := func(s *Store, name string) string {
		t.Helper()
		got, err := s.NextID(ctx, name)
		must(t, err)
		if !regexp.MustCompile(`^d[a-z0-9]{11}$`).MatchString(got) {
			t.Errorf("ID %q", got)
		}
		return got
	}
	first := id(s, "echo")
	if id(s, "echo") != first {
		t.Error("asking changes the ID")
	}
	seen := map[string]bool{first: true, id(s, "other"): true, id(openTest(t), "echo"): true}
	if len(seen) != 3 {
		t.Errorf("another name or another store has the same ID: %v", seen)
	}
	must(t, s.Create(ctx, deployment(first, "echo")))
	second := id(s, "echo")
	if seen[second] {
		t.Errorf("%s again", second)
	}
	// A candidate that was planned and denied does not keep it.
	must(t, s.AddSkip(ctx, first, Skip{Provider: "vultr", Candidates: 1, Reason: "denied"}))
	must(t, s.Discard(ctx, first))
	if id(s, "echo") != first {
		t.Error("a discarded deployment uses up its ID")
	}
}

func TestDiscard(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	must(t, s.Create(ctx, deployment("d1", "echo")))
	must(t, s.SetPhase(ctx, "d1", Pending, "an event hangs on it"))
	must(t, s.Discard(ctx, "d1"))
	if _, err := s.Get(ctx, "d1"); !errors.Is(err, ErrNotFound) {
		t.Errorf("still there: %v", err)
	}
	must(t, s.Create(ctx, deployment("d1", "echo")))
	must(t, s.Create(ctx, deployment("d2", "other")))
	must(t, s.SetPhase(ctx, "d2", Applying, ""))
	must(t, s.StartAttempt(ctx, "d1", Attempt{N: 1}))
	for _, id := range []string{"d1", "d2"} {
		if err := s.Discard(ctx, id); !errors.Is(err, ErrNotFound) {
			t.Errorf("discarded what was applied: %v", err)
		}
		if _, err := s.Get(ctx, id); err != nil {
			t.Error(err)
		}
	}
	if events, err := s.Events(ctx, "d1"); err != nil || len(events) != 1 {
		t.Errorf("events: %v %v", events, err)
	}
}

func TestSamples(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	must(t, s.Create(ctx, deployment("d1", "echo")))
	must(t, s.Create(ctx, deployment("d2", "other")))
	at := func(min int) time.Time { return epoch.Add(time.Duration(min) * time.Minute) }
	sample := func(instance, source, name string, min int, v float64, labels map[string]string) Sample {
		return Sample{Deployment: "echo", Instance: instance, Source: source, Name: name, Labels: labels, Value: v, ObservedAt: at(min), CollectedAt: at(min)}
	}
	must(t, s.AddSamples(ctx, "d1", []Sample{
		sample("i1", "ssh", "node_load1", -60*25, 9, nil), // a day ago, to be dropped by the next
		sample("i1", "ssh", "node_load1", -2, 1, nil),
		sample("i1", "http", "probe_success", -3, 1, nil),
	}))
	must(t, s.AddSamples(ctx, "d1", []Sample{
		sample("i1", "ssh", "node_cpu_seconds_total", -1, 3, map[string]string{"mode": "user"}),
		sample("i1", "ssh", "node_cpu_seconds_total", -1, 2, map[string]string{"mode": "idle", "quote": `"'` + "\n"}),
		sample("i1", "ssh", "node_load1", -1, math.Inf(1), nil),
		sample("i2", "ssh", "node_load1", -5, -0.25, nil),
	}))
	must(t, s.AddSamples(ctx, "d2", []Sample{{Instance: "i9", Source: "ssh", Name: "node_load1", CollectedAt: at(0)}}))
	must(t, s.AddSamples(ctx, "d1", nil))
	got, err := s.LatestSamples(ctx, "d1")
	must(t, err)
	if diff := cmp.Diff([]Sample{
		sample("i1", "http", "probe_success", -3, 1, nil),
		sample("i1", "ssh", "node_cpu_seconds_total", -1, 2, map[string]string{"mode": "idle", "quote": `"'` + "\n"}),
		sample("i1", "ssh", "node_cpu_seconds_total", -1, 3, map[string]string{"mode": "user"}),
		sample("i1", "ssh", "node_load1", -1, math.Inf(1), nil),
		sample("i2", "ssh", "node_load1", -5, -0.25, nil),
	}, got); diff != "" {
		t.Error(diff)
	}
	kept := func() (n uint64) {
		r, err := s.SampleRange(ctx, SampleQuery{Deployment: "d1", From: epoch.Add(-rawRetention), To: epoch.Add(time.Hour), Step: time.Second})
		must(t, err)
		for _, x := range r.Series {
			for _, p := range x.Points {
				n += p.Count
			}
		}
		return n
	}
	if n := kept(); n != 6 {
		t.Errorf("%d samples are kept, want the 6 of the last day", n)
	}
}

func TestASampleThatIsNoNumberIsRefused(t *testing.T) {
	s := openTest(t)
	must(t, s.Create(t.Context(), deployment("d1", "echo")))
	err := s.AddSamples(t.Context(), "d1", []Sample{{Source: "ssh", Name: "node_load1", Value: math.NaN()}})
	if err == nil || !strings.Contains(err.Error(), "ssh node_load1") {
		t.Errorf("got %v", err)
	}
}

func TestCancelledContext(t *testing.T) {
	s := openTest(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Create(ctx, deployment("d1", "echo")); !errors.Is(err, context.Canceled) {
		t.Errorf("Create: %v", err)
	}
	if _, err := s.Get(ctx, "echo"); !errors.Is(err, context.Canceled) {
		t.Errorf("Get: %v", err)
	}
	if ds, err := s.List(t.Context(), true); err != nil || len(ds) != 0 {
		t.Errorf("after it: %v %v", ds, err)
	}
}

func TestOnlyTransitionsOfTheTable(t *testing.T) {
	s := openTest(t)
	must(t, s.Create(t.Context(), deployment("d1", "echo")))
	for _, to := range []Phase{Running, Destroyed, Stuck} {
		var e *TransitionError
		if err := s.SetPhase(t.Context(), "d1", to, ""); !errors.As(err, &e) || e.From != string(Pending) || e.To != string(to) {
			t.Errorf("pending to %s: %v", to, err)
		}
	}
	must(t, s.StartAttempt(t.Context(), "d1", Attempt{N: 1}))
	var e *TransitionError
	if err := s.UpdateAttempt(t.Context(), "d1", Attempt{N: 1, Phase: AttemptCleaned}); !errors.As(err, &e) {
		t.Errorf("applying to cleaned: %v", err)
	}
	if d, err := s.Get(t.Context(), "d1"); err != nil || d.Phase != Applying {
		t.Errorf("after refused transitions: %+v %v", d, err)
	}
}

func TestJournal(t *testing.T) {
	s := openTest(t)
	must(t, s.Create(t.Context(), deployment("d1", "echo")))
	first, err := s.BeginStep(t.Context(), "d1", 1, StepApply, "")
	must(t, err)
	second, err := s.BeginStep(t.Context(), "d1", 1, StepSweep, "instance i-1")
	must(t, err)
	must(t, s.EndStep(t.Context(), first, OutcomeFailed))
	steps, err := s.Steps(t.Context(), "d1")
	must(t, err)
	if len(steps) != 2 || steps[0].Outcome != OutcomeFailed || steps[0].EndedAt.IsZero() || steps[1].Seq != second || steps[1].Outcome != "" || steps[1].Detail != "instance i-1" {
		t.Errorf("journal: %+v", steps)
	}
	if err := s.EndStep(t.Context(), 99, OutcomeDone); !errors.Is(err, ErrNotFound) {
		t.Errorf("a step that was never begun: %v", err)
	}
}
