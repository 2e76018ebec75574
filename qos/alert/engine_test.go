package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"skysail/internal/duration"
	"skysail/policies"
	"skysail/qos"
	"skysail/qos/metric"
	"skysail/qos/monitor"
	"skysail/qos/notify"
	"skysail/qos/sshclient"
	"skysail/spec"
	"skysail/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a store, a clock and an engine over them, which can be restarted.
type world struct {
	t       *testing.T
	store   *store.Store
	now     time.Time
	watched []Deployment
	network bool
	engine  *Engine
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "skysail.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w := &world{t: t, store: s, now: time.Now().UTC().Truncate(time.Minute), network: true}
	w.deploy("d1", "echo")
	w.start()
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// deploy adds a deployment with an objective and two channels.
func (w *world) deploy(id, name string) {
	w.t.Helper()
	w.must(w.store.Create(w.t.Context(), store.Deployment{ID: id, Name: name, Service: spec.Service{Name: name, Instances: 1}}))
	w.watched = append(w.watched, Deployment{
		Name: name, ID: id,
		Objectives: []spec.Objective{{Name: spec.ObjectiveAvailability, Target: 0.999, Window: 30 * duration.Day}},
		Notify: []policies.Notify{
			{Kind: policies.NotifyWebhook, URLEnv: "URL"},
			{Kind: policies.NotifyPagerDuty, RoutingKeyEnv: "KEY", Severities: []string{policies.SeverityPage}},
		},
	})
}

// start is a process that begins anew on the same store.
func (w *world) start() {
	w.engine = New(Options{
		Store: w.store, Deployments: func(context.Context) ([]Deployment, error) { return slices.Clone(w.watched), nil },
		NetworkCut: func(context.Context) bool { return !w.network }, Installation: "here", Now: func() time.Time { return w.now },
	})
}

// reading is what a source of the instance says: a failed check, one that took
// so long, or none that could be made.
type reading struct {
	source  string
	good    bool
	seconds float64
	err     error
	more    []qos.Sample
}

func (r reading) result() qos.Result {
	t := qos.Target{Deployment: "echo", DeploymentID: "d1", Instance: "echo-0", Health: &spec.Health{}}
	res := qos.Result{Reports: []qos.Report{{Target: t, Source: r.source, Err: r.err, Notes: []string{"it says 500"}}}}
	if r.err != nil {
		return res
	}
	add := func(name string, v float64, labels map[string]string) {
		res.Samples = append(res.Samples, qos.Sample{Deployment: "echo", Instance: "echo-0", Source: r.source, Name: name, Value: v, Labels: labels})
	}
	if r.source == qos.SourceHTTP {
		add("probe_success", metric.Bool(r.good), nil)
		add("probe_duration_seconds", r.seconds, nil)
	}
	for _, s := range r.more {
		add(s.Name, s.Value, s.Labels)
	}
	return res
}

func up() reading   { return reading{source: qos.SourceHTTP, good: true, seconds: 0.01} }
func down() reading { return reading{source: qos.SourceHTTP} }

func broken(err error) reading { return reading{source: qos.SourceHTTP, err: err} }

// pass lets minutes pass with four readings each, and evaluates after each.
func (w *world) pass(minutes int, r ...reading) {
	w.t.Helper()
	for range minutes {
		for range 4 {
			for _, x := range r {
				w.engine.Observe(w.t.Context(), []qos.Result{x.result()})
			}
			w.now = w.now.Add(15 * time.Second)
		}
		w.must(w.engine.Evaluate(w.t.Context()))
	}
}

// count is what the store has of an objective.
func (w *world) count(name string, window time.Duration) (store.ObjectiveCount, error) {
	w.t.Helper()
	all, err := w.store.ObjectiveCounts(w.t.Context(), "d1", map[string][]time.Duration{name: {window}}, w.now)
	return all[name][window], err
}

// states are the alerts that there are: firing ones as they are, others with -.
func (w *world) states() []string {
	w.t.Helper()
	all, err := w.store.Alerts(w.t.Context(), "")
	w.must(err)
	out := []string{}
	for _, a := range all {
		mark := ""
		if a.State != "firing" {
			mark = "-"
		}
		out = append(out, mark+a.Key)
	}
	slices.Sort(out)
	return out
}

// told takes what waits to be sent.
func (w *world) told() []string {
	w.t.Helper()
	var out []string
	for {
		all, err := w.store.ClaimNotifications(w.t.Context(), 100, time.Hour)
		w.must(err)
		if len(all) == 0 {
			slices.Sort(out)
			return out
		}
		for _, n := range all {
			var e notify.Event
			var c policies.Notify
			w.must(errors.Join(json.Unmarshal(n.Event, &e), json.Unmarshal(n.Channel, &c)))
			out = append(out, fmt.Sprintf("%s %s %s %s", c.Kind, e.Severity, strings.TrimPrefix(e.Alert, "Skysail"), e.State))
			w.must(w.store.EndNotification(w.t.Context(), n.ID, ""))
		}
	}
}

func (w *world) want(states []string, told ...string) {
	w.t.Helper()
	if diff := cmp.Diff(states, w.states()); diff != "" {
		w.t.Errorf("states (-want +got):\n%s", diff)
	}
	slices.Sort(told)
	if diff := cmp.Diff(told, w.told()); diff != "" {
		w.t.Errorf("told (-want +got):\n%s", diff)
	}
}

const (
	fast  = "echo/SkysailErrorBudgetBurn/availability/14.4"
	slow  = "echo/SkysailErrorBudgetBurn/availability/6"
	long  = "echo/SkysailErrorBudgetBurn/availability/1"
	isOff = "echo/SkysailInstanceDown/echo-0"
)

// A service that breaks is told once by each channel that wants it, however many
// of its burn rates are over, over any number of restarts; and its end once.
func TestOutageIsToldOnce(t *testing.T) {
	w := newWorld(t)
	w.pass(60, up())
	w.want([]string{})
	w.pass(3, down())
	firing := []string{long, fast, slow, isOff}
	page := []string{
		"webhook page ErrorBudgetBurn firing", "webhook page InstanceDown firing",
		"pagerduty page ErrorBudgetBurn firing", "pagerduty page InstanceDown firing",
	}
	w.want(firing, page...)
	for range 3 {
		w.start()
		w.pass(2, down())
		w.want(firing)
	}
	w.start()
	w.want(firing)
	w.pass(1, up())
	w.want([]string{"-" + isOff, long, fast, slow}, "webhook page InstanceDown resolved", "pagerduty page InstanceDown resolved")
	w.pass(6, up()) // five good minutes end the fastest, and the page goes on
	w.want([]string{"-" + fast, "-" + isOff, long, slow})
	w.start()
	w.pass(35, up()) // the page is over, what is left of it is a ticket
	over := []string{"-" + fast, "-" + slow, "-" + isOff, long}
	w.want(over, "webhook page ErrorBudgetBurn resolved", "pagerduty page ErrorBudgetBurn resolved", "webhook ticket ErrorBudgetBurn firing")
	// The same again is news again, but of the ticket, which they know.
	w.pass(10, down())
	w.want(firing, page...)
	w.pass(46, up())
	w.want(over, "webhook page InstanceDown resolved", "pagerduty page InstanceDown resolved", "webhook page ErrorBudgetBurn resolved", "pagerduty page ErrorBudgetBurn resolved")
	w.pass(6*60, up())
	w.want([]string{"-" + long, "-" + fast, "-" + slow, "-" + isOff}, "webhook ticket ErrorBudgetBurn resolved")
}

// One that was told as a ticket is told as a page when it gets worse.
func TestTicketBecomesPage(t *testing.T) {
	w := newWorld(t)
	w.pass(60, up())
	well := slices.Repeat([]reading{up()}, 13)
	for range 6 { // one of 261 fails: not four times the allowed rate
		w.engine.Observe(t.Context(), []qos.Result{down().result()})
		w.pass(5, well...)
	}
	w.want([]string{long}, "webhook ticket ErrorBudgetBurn firing")
	w.pass(3, slices.Repeat([]reading{down()}, 13)...)
	w.want([]string{long, fast, slow, isOff},
		"webhook page ErrorBudgetBurn firing", "webhook page InstanceDown firing", "pagerduty page ErrorBudgetBurn firing", "pagerduty page InstanceDown firing")
	all, err := w.store.Alerts(t.Context(), "echo")
	w.must(err)
	by := []string{} // which they were told
	for _, a := range all {
		if !a.ToldAt.IsZero() {
			by = append(by, a.Key)
		}
	}
	slices.Sort(by)
	if diff := cmp.Diff([]string{long, fast, isOff}, by); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A page and what is left of it are two threads of news, each of which ends, and
// what is first told by one burn rate ends by another as the same.
func TestThreadsOfNews(t *testing.T) {
	w := newWorld(t)
	w.watched[0].Notify = w.watched[0].Notify[:1]
	w.pass(60, up())
	w.pass(3, down())
	w.pass(8*60, up())
	threads := map[string][]string{}
	for {
		all, err := w.store.ClaimNotifications(t.Context(), 100, time.Hour)
		w.must(err)
		if len(all) == 0 {
			break
		}
		for _, n := range all {
			var e notify.Event
			w.must(json.Unmarshal(n.Event, &e))
			k := e.DedupKey + e.FiredAt.String()
			threads[k] = append(threads[k], e.Severity+" "+e.State+" "+e.Labels["burn_rate"])
			if e.Labels["burn_rate"] == "6" && !strings.HasSuffix(e.Summary, "goes on as a ticket") {
				t.Errorf("%q", e.Summary)
			}
			w.must(w.store.EndNotification(t.Context(), n.ID, ""))
		}
	}
	got := []string{}
	for _, v := range threads {
		got = append(got, strings.Join(v, ", "))
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"page firing , page resolved ", "page firing 14.4, page resolved 6", "ticket firing 1, ticket resolved 1"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The budget is the same before and after a restart, and what could not be
// asked is in neither.
func TestBudgetOutlivesTheProcess(t *testing.T) {
	w := newWorld(t)
	w.pass(10, up())
	w.pass(1, down())
	left := func() float64 {
		for _, m := range w.engine.Metrics() {
			if m.Name == "skysail_objective_budget_remaining_ratio" {
				return m.Value
			}
		}
		t.Fatal("no budget is told")
		return 0
	}
	before := left()
	if want := 1 - (4.0/44)/0.001; before < want-1e-6 || before > want+1e-6 {
		t.Errorf("%g is left, want %g", before, want)
	}
	w.start()
	w.pass(1)
	if got := left(); got != before {
		t.Errorf("after a restart %g is left, before %g", got, before)
	}
	w.pass(20, broken(monitor.ErrOwnNetwork))
	w.pass(20, broken(errors.New("the variable TOKEN is not set")))
	if got := left(); got != before {
		t.Errorf("after 40 minutes in which nothing was known %g is left, before %g", got, before)
	}
}

// A process that ends keeps what it has counted.
func TestRunKeepsWhatWasCounted(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.engine.Run(ctx) }()
	w.engine.Observe(ctx, []qos.Result{up().result(), down().result()})
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	got, err := w.count(spec.ObjectiveAvailability, time.Hour)
	if err != nil || got.Good != 1 || got.Total != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

// In maintenance nothing counts and nobody is told, but of a stranger's key.
func TestMaintenance(t *testing.T) {
	w := newWorld(t)
	w.pass(30, up())
	w.watched[0].Maintenance = true
	w.pass(30, down(), reading{source: qos.SourceSSH, err: errors.New("connection refused")})
	w.pass(1, reading{source: qos.SourceSSH, err: errors.Join(sshclient.ErrPath, sshclient.ErrHostKey)}) // a jump host's
	w.want([]string{})
	key := "echo/SkysailHostKeyChanged/echo-0"
	w.pass(1, reading{source: qos.SourceSSH, err: fmt.Errorf("log in: %w", sshclient.ErrHostKey)})
	w.want([]string{key}, "webhook page HostKeyChanged firing", "pagerduty page HostKeyChanged firing")
	w.watched[0].Maintenance = false
	w.pass(1, up(), reading{source: qos.SourceSSH})
	w.want([]string{"-" + key}, "webhook page HostKeyChanged resolved", "pagerduty page HostKeyChanged resolved")
	got, err := w.count(spec.ObjectiveAvailability, 24*time.Hour)
	if err != nil || got.Good != got.Total || got.Total != 31*4 {
		t.Errorf("readings of the maintenance count: %+v, %v", got, err)
	}
}

// An alert that fires when maintenance begins stays, and ends after it.
func TestMaintenanceFreezes(t *testing.T) {
	w := newWorld(t)
	w.pass(2, down())
	if got := w.states(); !slices.Contains(got, isOff) {
		t.Fatal(got)
	}
	w.told()
	w.watched[0].Maintenance = true
	w.pass(3, up())
	if got := w.told(); len(got) > 0 || !slices.Contains(w.states(), isOff) {
		t.Errorf("%v, %v", got, w.states())
	}
	w.watched[0].Maintenance = false
	w.pass(1, up())
	if got := w.states(); !slices.Contains(got, "-"+isOff) {
		t.Error(got)
	}
}

func TestOneFailureIsNoOutage(t *testing.T) {
	w := newWorld(t)
	for range 20 {
		w.engine.Observe(t.Context(), []qos.Result{down().result(), down().result(), down().result(), down().result(), down().result(), up().result()})
		w.must(w.engine.Evaluate(t.Context()))
	}
	if got := w.states(); slices.Contains(got, isOff) {
		t.Errorf("five failures in a row are not twice three: %v", got)
	}
}

// A source that is silent is told after ten minutes, unless this machine's own
// network is.
func TestStaleSource(t *testing.T) {
	w := newWorld(t)
	silent := reading{source: qos.SourceSSH, err: errors.New("no answer in time\nmore")}
	stale := "echo/SkysailSourceStale/echo-0/ssh"
	w.pass(2, reading{source: qos.SourceSSH})
	w.pass(9, silent)
	w.want([]string{})
	w.network = false
	w.pass(20, silent)
	w.want([]string{})
	w.network = true
	w.pass(1, silent)
	w.want([]string{stale}, "webhook ticket SourceStale firing")
	w.start()
	w.pass(5, silent)
	w.want([]string{stale})
	w.pass(1, reading{source: qos.SourceSSH})
	w.want([]string{"-" + stale}, "webhook ticket SourceStale resolved")
}

// A source that an update took away is silent for ever, which is no alert.
func TestSourceGoes(t *testing.T) {
	w := newWorld(t)
	old := reading{source: qos.SourceTCP, err: errors.New("x")}
	w.pass(12, up(), old)
	stale := "echo/SkysailSourceStale/echo-0/" + qos.SourceTCP
	w.want([]string{stale}, "webhook ticket SourceStale firing")
	w.pass(17, up())
	w.want([]string{"-" + stale}, "webhook ticket SourceStale resolved")
}

// What is simulated is said to be, wherever it is told.
func TestSandboxIsSaid(t *testing.T) {
	w := newWorld(t)
	w.watched[0].Sandbox = true
	w.pass(2, down())
	all, err := w.store.ClaimNotifications(t.Context(), 100, time.Hour)
	w.must(err)
	for _, n := range all {
		var e notify.Event
		w.must(json.Unmarshal(n.Event, &e))
		if !strings.Contains(e.Title(), "echo [sandbox]: ") {
			t.Error(e.Title())
		}
	}
	seen := 0
	for _, m := range w.engine.Metrics() {
		if v, there := m.Labels["sandbox"]; there && v != "true" {
			t.Errorf("%+v", m.Metric)
		} else if there {
			seen++
		}
	}
	if len(all) == 0 || seen == 0 {
		t.Errorf("%d notifications, %d metrics", len(all), seen)
	}
}

func TestCertificate(t *testing.T) {
	w := newWorld(t)
	expires := func(in time.Duration) reading {
		r := up()
		r.more = []qos.Sample{{Name: "probe_ssl_earliest_cert_expiry", Value: float64(w.now.Add(in).Unix())}}
		return r
	}
	w.pass(1, expires(20*duration.Day))
	w.want([]string{})
	w.pass(1, expires(13*duration.Day))
	w.want([]string{"echo/SkysailCertificateExpiry/echo-0"}, "webhook ticket CertificateExpiry firing")
	w.pass(1, expires(90*duration.Day))
	w.want([]string{"-echo/SkysailCertificateExpiry/echo-0"}, "webhook ticket CertificateExpiry resolved")
}

// What is gone burns nothing: whoever was told of it is told of its end.
func TestDeploymentGoes(t *testing.T) {
	w := newWorld(t)
	w.pass(2, down())
	w.told()
	w.watched = nil
	w.pass(1)
	w.want([]string{"-" + long, "-" + fast, "-" + slow, "-" + isOff},
		"webhook page ErrorBudgetBurn resolved", "webhook page InstanceDown resolved", "pagerduty page ErrorBudgetBurn resolved", "pagerduty page InstanceDown resolved")
}

func TestInstanceAndObjectiveGo(t *testing.T) {
	w := newWorld(t)
	w.pass(2, down())
	w.watched[0].Objectives = nil
	w.pass(1)
	if diff := cmp.Diff([]string{"-" + long, "-" + fast, "-" + slow, isOff}, w.states()); diff != "" {
		t.Error(diff)
	}
	w.start()
	w.pass(14) // it may be slow to be heard of
	if got := w.states(); !slices.Contains(got, isOff) {
		t.Error(got)
	}
	w.pass(3)
	if got := w.states(); !slices.Contains(got, "-"+isOff) {
		t.Error(got)
	}
}

func TestLatency(t *testing.T) {
	w := newWorld(t)
	w.watched[0].Objectives = []spec.Objective{{Name: spec.ObjectiveLatency, Target: 0.9, Window: time.Hour, Threshold: 300 * time.Millisecond}}
	slowly := up()
	slowly.seconds = 0.4
	edge := up()
	edge.seconds = 0.3
	w.pass(1, up(), edge, slowly, down(), broken(errors.New("x")))
	got, err := w.count(spec.ObjectiveLatency, time.Hour)
	if err != nil || got.Good != 8 || got.Total != 12 {
		t.Errorf("failed checks count for availability alone: %+v, %v", got, err)
	}
}

// What the store does not take is counted the next time, once.
func TestStoreThatRefuses(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.engine.Observe(t.Context(), []qos.Result{up().result()})
	cancel()
	if err := w.engine.Evaluate(ctx); err == nil {
		t.Fatal("it was taken")
	}
	w.must(w.engine.Evaluate(t.Context()))
	w.must(w.engine.Evaluate(t.Context()))
	got, err := w.count(spec.ObjectiveAvailability, time.Hour)
	if err != nil || got.Total != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

// From here counts, where it is asked from here and on the instance.
func TestWhichCheckCounts(t *testing.T) {
	ssh := map[string]string{"vantage": "ssh"}
	for _, c := range []struct {
		samples []qos.Sample
		want    check
	}{
		{nil, check{seconds: -1}},
		{[]qos.Sample{{Name: "probe_success", Value: 0}, {Name: "probe_success", Value: 1, Labels: ssh}, {Name: "probe_duration_seconds", Value: 2}, {Name: "probe_duration_seconds", Value: 3, Labels: ssh}}, check{true, false, 2}},
		{[]qos.Sample{{Name: "probe_success", Value: 1, Labels: ssh}, {Name: "probe_success", Value: 0}, {Name: "probe_duration_seconds", Value: 3, Labels: ssh}}, check{true, false, -1}},
		{[]qos.Sample{{Name: "probe_success", Value: 1, Labels: ssh}, {Name: "probe_duration_seconds", Value: 3, Labels: ssh}}, check{true, true, 3}},
		{[]qos.Sample{{Name: metric.PodReady, Value: 1}}, check{true, true, -1}},
	} {
		if got, _, _ := checkOf(c.samples); got != c.want {
			t.Errorf("%+v: %+v", c.samples, got)
		}
	}
}
