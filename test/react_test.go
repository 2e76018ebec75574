package test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"skysail/deploy"
	"skysail/policies"
	"skysail/qos/notify"
	"skysail/qos/sshclient"
	"skysail/sandbox/vm"
	"skysail/sandbox/vm/shim"
	"skysail/store"
)

// reacting is a fleet under a monitor that does what its policies say.
type reacting struct {
	*bench
	d *deploy.Deployer

	mu    sync.Mutex
	notes []deploy.ReactionNote
	news  []notify.Event // what a webhook was told of reactions
}

// react watches until the test ends.
func react(t *testing.T, b *bench, d *deploy.Deployer, anchors ...string) *reacting {
	t.Helper()
	r := &reacting{bench: b, d: d}
	pool := sshclient.NewPool()
	reactor := d.Reactor(time.Second, func(n deploy.ReactionNote) {
		t.Logf("%s: %s, %s: %s", n.Name, n.Kind, n.State, n.Text)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.notes = append(r.notes, n)
	})
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		var e notify.Event
		if err := json.NewDecoder(req.Body).Decode(&e); err == nil && e.Reaction != nil {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.news = append(r.news, e)
		}
	}))
	t.Cleanup(hook.Close)
	o := deploy.MonitorOptions{Interval: time.Second, Connections: pool, Anchors: anchors, Also: reactor.Take}
	alerting, err := d.Alerting(t.Context(), o, &notify.Sender{Lookup: func(string) (string, bool) { return hook.URL, true }})
	if err != nil {
		t.Fatal(err)
	}
	o.Alerting = alerting
	m := d.Monitor(o)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = m.Run(ctx) })
	running.Go(func() { _ = reactor.Run(ctx, m.Network()) })
	running.Go(func() { _ = alerting.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// states are those of which it was told of a name.
func (r *reacting) states(name string) (out []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.notes {
		if n.Name == name {
			out = append(out, n.State)
		}
	}
	return out
}

// told waits until a webhook was told of a reaction's beginning and end, and
// wants evidence, cost and the way to more in it.
func (r *reacting) told(t *testing.T, costs bool) {
	t.Helper()
	var news []notify.Event
	for n := 0; len(news) < 2 && n < 100; n++ {
		time.Sleep(100 * time.Millisecond)
		r.mu.Lock()
		news = slices.Clone(r.news)
		r.mu.Unlock()
	}
	if len(news) != 2 || news[0].State != notify.Begun || news[1].State != notify.Done || news[0].DedupKey != news[1].DedupKey {
		t.Fatalf("a webhook was told %+v", news)
	}
	if x := news[1].Reaction; len(x.Seen) != 1 || !strings.Contains(x.Seen[0], "health since") || x.USD > 0 != costs || x.More != "skysail explain "+news[1].Deployment {
		t.Errorf("a webhook was told %+v", x)
	}
}

// await waits until it was told of a state of a name.
func (r *reacting) await(t *testing.T, name, state string) {
	t.Helper()
	for range 1200 {
		if slices.Contains(r.states(name), state) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%s: it was told of %v only, not of %q", name, r.states(name), state)
}

// powerOff stops every machine of a deployment, as a host that dies does.
func (b *bench) powerOff(dep deploy.Deployment) {
	b.t.Helper()
	stopped := 0
	for _, i := range dep.Instances {
		dirs, err := filepath.Glob(filepath.Join(b.sandboxDir(), "instances", "*"+i.ID))
		if err != nil {
			b.t.Fatal(err)
		}
		for _, dir := range dirs {
			if err := vm.Stop(b.t.Context(), dir); err != nil {
				b.t.Fatal(err)
			}
			stopped++
		}
	}
	if stopped == 0 {
		entries, _ := os.ReadDir(filepath.Join(b.sandboxDir(), "instances"))
		b.t.Fatalf("no machine of %+v among %v", dep.Instances, entries)
	}
}

// failingOver is a policy that reacts within seconds.
func failingOver(providers ...string) *policies.Policy {
	p := only(providers...)
	p.Reaction = policies.Reaction{
		OnUnhealthy: policies.FailoverAway, After: 2 * time.Second, Cooldown: time.Hour, MaxPerDay: 3, MinHealthy: 0.5,
	}
	p.Notify = []policies.Notify{{Kind: policies.NotifyWebhook, URLEnv: "HOOK"}}
	return p
}

// TestReactionFailsOver lets a machine die: the service comes up at another
// provider, takes over, and what was there before is removed, once.
func TestReactionFailsOver(t *testing.T) {
	b := newBench(t)
	d := b.deployer(true, failingOver(policies.Vultr, policies.DigitalOcean))
	old, err := d.Deploy(t.Context(), hello(t))
	if err != nil {
		t.Fatal(err)
	}
	r := react(t, b, d)
	b.powerOff(old)
	r.await(t, old.Name, store.ReactionDone)
	r.told(t, true)

	status, err := d.Status(t.Context(), old.Name)
	if err != nil {
		t.Fatal(err)
	}
	now := status.Deployment
	if now.Provider == old.Provider || now.ID == old.ID || now.Phase != store.Running {
		t.Errorf("after the reaction: %s at %s, %s", now.ID, now.Provider, now.Phase)
	}
	for _, res := range b.resources() {
		if !strings.Contains(res.Name, now.ID) {
			t.Errorf("left behind: %+v", res)
		}
	}
	checkReaction(t, d, old, now)
	// What is well again is left alone.
	time.Sleep(5 * time.Second)
	if got := r.states(old.Name); !slices.Equal(got, []string{"begun", store.ReactionDone}) {
		t.Errorf("it was told of %v", got)
	}
	if _, err := d.Destroy(t.Context(), old.Name); err != nil {
		t.Fatal(err)
	}
	if left := b.resources(); len(left) != 0 {
		t.Errorf("left behind: %+v", left)
	}
}

// TestReactionRestarts stops a service behind skysail's back: it is started
// again where it is.
func TestReactionRestarts(t *testing.T) {
	b := newBench(t)
	policy := failingOver(policies.DigitalOcean)
	policy.Reaction.OnUnhealthy = policies.Restart
	d := b.deployer(true, policy)
	dep, err := d.Deploy(t.Context(), hello(t))
	if err != nil {
		t.Fatal(err)
	}
	r := react(t, b, d)
	dirs, err := filepath.Glob(filepath.Join(b.sandboxDir(), "instances", "*"+dep.Instances[0].ID))
	if err != nil || len(dirs) != 1 {
		t.Fatalf("machines %v, %v", dirs, err)
	}
	stop := exec.CommandContext(t.Context(), filepath.Join(dirs[0], shim.Folder, "systemctl"), "stop", "skysail-hello")
	stop.Env = append(os.Environ(), shim.EnvInstance+"="+dirs[0], shim.EnvUser+"=root")
	if out, err := stop.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	r.await(t, dep.Name, store.ReactionDone)
	r.told(t, false)
	for n := 0; ; n++ {
		status, err := d.Status(t.Context(), dep.Name)
		if err == nil && status.ID == dep.ID && status.Live[0].Healthy == deploy.Yes {
			break
		}
		if n == 100 {
			t.Fatalf("%+v, %v", status, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	e, err := d.Explain(t.Context(), dep.Name)
	if err != nil || len(e.Reactions) != 1 || e.Reactions[0].Kind != string(policies.Restart) || !strings.Contains(e.Reactions[0].Why, "service since") {
		t.Errorf("%+v, %v", e.Reactions, err)
	}
	if _, err := d.Destroy(t.Context(), dep.Name); err != nil {
		t.Fatal(err)
	}
}

// checkReaction wants the evidence in what is explained of both, and the new
// one in service before the old one's end began.
func checkReaction(t *testing.T, d *deploy.Deployer, old, now deploy.Deployment) {
	t.Helper()
	for _, id := range []string{old.ID, now.ID} {
		e, err := d.Explain(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Reactions) != 1 || e.Reactions[0].Replacement != now.ID || !strings.Contains(e.Reactions[0].Why, "health since") || !strings.Contains(e.Reactions[0].Why, "login since") {
			t.Errorf("%s: reactions %+v", id, e.Reactions)
		}
	}
	history, err := d.History(t.Context(), old.Name)
	if err != nil {
		t.Fatal(err)
	}
	last := history[len(history)-1]
	if last.By != store.ByReaction || !strings.Contains(last.Note, "not healthy") || last.Outcome != store.OutcomeDone {
		t.Errorf("history: %+v", last)
	}
	if old := history[0]; old.EndedAt.Before(last.BeganAt) && !old.EndedAt.IsZero() && last.EndedAt.IsZero() {
		t.Errorf("the old one ended at %s, and the new one, begun at %s, was not in service", old.EndedAt, last.BeganAt)
	}
}

// TestReactionsToAFalseAlarm cuts everything off at once: nothing is replaced.
func TestReactionsToAFalseAlarm(t *testing.T) {
	anchor, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := anchor.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	b := newBench(t)
	d := b.deployer(true, failingOver(policies.Vultr, policies.DigitalOcean))
	svc := hello(t)
	var deps []deploy.Deployment
	for _, name := range []string{"one", "two", "three"} {
		svc.Name = name
		dep, err := d.Deploy(t.Context(), svc)
		if err != nil {
			t.Fatal(err)
		}
		deps = append(deps, dep)
	}
	r := react(t, b, d, anchor.Addr().String())

	// One alone would be replaced: its neighbours are well.
	// With the network of this machine it is left alone.
	time.Sleep(2 * time.Second) // the anchor has answered
	_ = anchor.Close()
	b.powerOff(deps[0])
	r.await(t, "one", "held")
	if r.notes[0].Text == "" || !strings.Contains(r.notes[0].Text, "own network is cut") {
		t.Errorf("one: %+v", r.notes[0])
	}
	// And so is a fleet.
	for _, dep := range deps[1:] {
		b.powerOff(dep)
	}
	r.await(t, "two", "held")
	r.await(t, "three", "held")
	for _, dep := range deps {
		if got := r.states(dep.Name); !slices.Equal(got, []string{"held"}) {
			t.Errorf("%s: it was told of %v", dep.Name, got)
		}
		status, err := d.Status(t.Context(), dep.Name)
		if err != nil || status.ID != dep.ID {
			t.Errorf("%s is %+v, %v", dep.Name, status, err)
		}
		if _, err := d.Destroy(t.Context(), dep.Name); err != nil {
			t.Error(err)
		}
	}
}
