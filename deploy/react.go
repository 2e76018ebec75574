package deploy

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"skysail/policies"
	"skysail/qos"
	"skysail/qos/monitor"
	"skysail/qos/react"
	"skysail/store"
)

// reactEvery is how often a Reactor looks at what it was told.
const reactEvery = 2 * time.Second

// ReactionNote is something that a Reactor did, or left alone.
type ReactionNote struct {
	At   time.Time            `json:"at"`
	Name string               `json:"name"`
	ID   string               `json:"id"`
	Kind policies.OnUnhealthy `json:"on_unhealthy"`
	// State is begun, done, failed, dry-run, or held, with the reason in Text.
	State string `json:"state"`
	Text  string `json:"text"`
}

// Reactor does what policies say about deployments that are not healthy.
type Reactor struct {
	d    *Deployer
	gate *react.Gate
	tell func(ReactionNote)

	rows    rows
	settled time.Time
	// bounded is the last reaction of names whose people were told that the
	// policy's bound for a day is reached.
	bounded map[string]time.Time

	mu   sync.Mutex
	busy map[string]bool // names that are worked on
	said map[string]bool // names of which it was told why nothing is done
}

// Reactor makes one for a monitor with this interval. It is to be given what
// the monitor reads (MonitorOptions.Also), and run beside it. Tell is told of
// everything, from one goroutine at a time; it may be nil. The people of notify
// blocks are told through the store, as of alerts.
func (d *Deployer) Reactor(interval time.Duration, tell func(ReactionNote)) *Reactor {
	if tell == nil {
		tell = func(ReactionNote) {}
	}
	return &Reactor{d: d, gate: react.NewGate(interval), tell: tell, bounded: map[string]time.Time{}, busy: map[string]bool{}, said: map[string]bool{}}
}

// Take takes in what a monitor read; it does not wait.
func (r *Reactor) Take(readings []qos.Result) { r.gate.Take(readings) }

// Run looks at the fleet until ctx ends, and returns why it ended. What it has
// begun by then goes on in its own process.
func (r *Reactor) Run(ctx context.Context, network *monitor.Network) error {
	tick := time.NewTicker(reactEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
			if err := r.look(ctx, network); err != nil && ctx.Err() == nil {
				r.note(ReactionNote{State: store.ReactionFailed, Text: "the store can not be used: " + err.Error()})
			}
		}
	}
}

// look asks the gate about every deployment whose policy has a reaction.
func (r *Reactor) look(ctx context.Context, network *monitor.Network) error {
	if err := r.settle(ctx, time.Now()); err != nil {
		return err
	}
	all, err := r.rows.get(ctx, r.d.store)
	if err != nil {
		return err
	}
	keep := map[string]bool{}
	for i := range all {
		keep[all[i].ID] = serves(&all[i])
	}
	r.gate.Forget(keep)
	for i := range all {
		row := &all[i]
		if !keep[row.ID] || row.Policy.Reaction == (policies.Reaction{}) || row.Phase != store.Running || r.isBusy(row.Name) {
			continue
		}
		v, err := r.judge(ctx, row, network)
		if err != nil {
			return err
		}
		r.decide(ctx, row, v)
	}
	return nil
}

// judge asks what takes time, the store and the anchors, only of what is not
// well.
func (r *Reactor) judge(ctx context.Context, row *store.Deployment, network *monitor.Network) (react.Verdict, error) {
	c := react.Case{ID: row.ID, Policy: row.Policy.Reaction, Alone: !row.Sandbox && row.Provider != policies.Local}
	v := r.gate.Judge(c, react.Fleet{NetworkUp: true, NetworkKnown: true})
	if !v.React() {
		return v, nil
	}
	var err error
	if c.Past, err = r.past(ctx, row.Name); err != nil {
		return v, err
	}
	up, known := network.Look(ctx)
	return r.gate.Judge(c, react.Fleet{NetworkUp: up, NetworkKnown: known}), nil
}

func (r *Reactor) past(ctx context.Context, name string) ([]react.Past, error) {
	all, err := r.d.store.Reactions(ctx, name, time.Now().Add(-24*time.Hour))
	out := make([]react.Past, len(all))
	for i, p := range all {
		out[i] = react.Past{At: p.BeganAt, USD: p.USD}
	}
	return out, err
}

func (r *Reactor) decide(ctx context.Context, row *store.Deployment, v react.Verdict) {
	kind := row.Policy.Reaction.OnUnhealthy
	if v.React() {
		v.Held = cannot(row)
	}
	if v.React() {
		windows, err := r.d.maintenance(ctx, nil)
		if err != nil {
			r.note(r.about(row, store.ReactionFailed, "nothing was done, as it is not known whether it is in maintenance: "+err.Error()))
			return
		}
		if slices.ContainsFunc(windows, func(m store.Maintenance) bool { return m.Deployment == row.Name }) {
			v.Held = "it is in maintenance"
		}
	}
	if !v.React() {
		r.hold(ctx, row, v)
		return
	}
	evidence, err := json.Marshal(v.Evidence)
	if err != nil {
		evidence = []byte("null")
	}
	entry := store.Reaction{Name: row.Name, Deployment: row.ID, Kind: string(kind), Evidence: evidence, Why: v.Why()}
	if row.Policy.Reaction.DryRun {
		entry.Outcome = store.ReactionTold
	}
	tell, err := r.telling(ctx, row)
	if err == nil {
		entry, err = r.d.store.BeginReaction(ctx, entry, tell)
	}
	if err != nil {
		// What is not on record would be done again and again.
		r.note(r.about(row, store.ReactionFailed, "it can not be recorded, so nothing was done: "+err.Error()))
		return
	}
	if row.Policy.Reaction.DryRun {
		r.note(r.about(row, store.ReactionTold, "nothing was done, as the policy has dry_run: "+entry.Why))
		return
	}
	r.note(r.about(row, "begun", entry.Why))
	r.setBusy(row.Name, true)
	go func() {
		defer r.setBusy(row.Name, false)
		// It ends in order by itself, also when the monitor is asked to end.
		r.act(context.WithoutCancel(ctx), *row, entry, v)
	}()
}

// cannot says why a reaction is not possible here.
func cannot(row *store.Deployment) string {
	switch {
	case row.Policy.Reaction.OnUnhealthy == policies.Alert:
		return `on_unhealthy is "alert"`
	case row.Provider == policies.Local:
		return "a service on this machine is restarted by its own supervisor"
	case row.Provider == policies.Kubernetes:
		return "pods are restarted and replaced by their cluster"
	}
	return ""
}

// hold tells why nothing is done, once for each time that it is not well and
// once more when a bound for a day is reached.
func (r *Reactor) hold(ctx context.Context, row *store.Deployment, v react.Verdict) {
	r.mu.Lock()
	first := len(v.Evidence) > 0 && !r.said[row.Name]
	r.said[row.Name] = len(v.Evidence) > 0
	r.mu.Unlock()
	if v.Limit != "" && !r.bounded[row.Name].Equal(v.Last) {
		if err := r.tellHeld(ctx, row, v); err != nil {
			if ctx.Err() == nil && first {
				r.note(r.about(row, store.ReactionFailed, "nobody can be told that nothing is done: "+err.Error()))
			}
		} else {
			r.bounded[row.Name], first = v.Last, true
		}
	}
	if first {
		r.note(r.about(row, "held", v.Held+". "+v.Why()))
	}
}

func (r *Reactor) about(row *store.Deployment, state, text string) ReactionNote {
	return ReactionNote{Name: row.Name, ID: row.ID, Kind: row.Policy.Reaction.OnUnhealthy, State: state, Text: text}
}

func (r *Reactor) note(n ReactionNote) {
	n.At = time.Now().UTC()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tell(n)
}

func (r *Reactor) isBusy(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.busy[name]
}

func (r *Reactor) setBusy(name string, busy bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy[name] = busy
}
