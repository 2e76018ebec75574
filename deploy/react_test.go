package deploy

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/policies"
	"skysail/qos/notify"
	"skysail/qos/react"
	"skysail/store"
)

// reactorOf is one over a deployment echo that runs, and the last that it told.
func reactorOf(t *testing.T, reaction policies.Reaction) (*Reactor, *store.Deployment) {
	t.Helper()
	d := fleetOf(t, "echo")
	row, err := d.store.Get(t.Context(), "echo")
	if err != nil {
		t.Fatal(err)
	}
	row.Provider, row.PriceUSD, row.Policy.Reaction = policies.Vultr, 0.5, reaction
	row.Policy.Notify = []policies.Notify{
		{Kind: policies.NotifySlack, URLEnv: "SLACK_URL"},
		{Kind: policies.NotifyPagerDuty, RoutingKeyEnv: "KEY", Severities: []string{policies.SeverityPage}},
	}
	return d.Reactor(time.Second, nil), &row
}

// news takes what waits to be sent, in order.
func news(t *testing.T, d *Deployer) []string {
	t.Helper()
	out := []string{}
	for {
		all, err := d.store.ClaimNotifications(t.Context(), 10, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if len(all) == 0 {
			return out
		}
		for _, n := range all {
			var e notify.Event
			var c policies.Notify
			err := errors.Join(json.Unmarshal(n.Event, &e), json.Unmarshal(n.Channel, &c), d.store.EndNotification(t.Context(), n.ID, ""))
			if err != nil || e.Reaction == nil || len(e.Reaction.Seen) != 1 || e.Reaction.More != "skysail explain echo" {
				t.Fatalf("%+v, %v", e, err)
			}
			out = append(out, c.Kind+" "+e.Title()+" | "+e.Reaction.Did)
		}
	}
}

func unwell() react.Verdict {
	return react.Verdict{Evidence: []react.Evidence{{Instance: "echo-0", Signs: []react.Sign{{Name: react.Health, Readings: 3}, {Name: react.Login, Readings: 3}}}}}
}

// wantNews wants that people are told of nothing else, however far it is told.
func wantNews(t *testing.T, d *Deployer, want ...string) {
	t.Helper()
	got := news(t, d)
	slices.Sort(got)
	slices.Sort(want)
	if len(got) != len(want) {
		t.Fatalf("told %q, want %q", got, want)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("told %q, want %q", got[i], want[i])
		}
	}
}

func TestReactionIsTold(t *testing.T) {
	r, row := reactorOf(t, policies.Reaction{OnUnhealthy: policies.Restart, MaxPerDay: 3})
	r.decide(t.Context(), row, unwell())
	for r.isBusy("echo") {
		time.Sleep(10 * time.Millisecond)
	}
	wantNews(t, r.d,
		"slack [ticket] REACTION BEGUN echo: restart begins, as echo-0 is not healthy | the service is being restarted on its machine",
		"slack [page] REACTION FAILED echo: restart failed: no machine of echo",
		"pagerduty [page] REACTION FAILED echo: restart failed: no machine of echo")
}

// Whoever works on a deployment does not want it replaced meanwhile.
func TestMaintenanceHoldsReactions(t *testing.T) {
	r, row := reactorOf(t, policies.Reaction{OnUnhealthy: policies.FailoverAway, MaxPerDay: 3, DryRun: true})
	var notes []ReactionNote
	r.tell = func(n ReactionNote) { notes = append(notes, n) }
	if _, err := r.d.OpenMaintenance(t.Context(), "echo", MaintenanceOptions{For: time.Hour}); err != nil {
		t.Fatal(err)
	}
	r.decide(t.Context(), row, unwell())
	wantNews(t, r.d)
	if len(notes) != 1 || notes[0].State != "held" || !strings.HasPrefix(notes[0].Text, "it is in maintenance") {
		t.Errorf("%+v", notes)
	}
	if _, err := r.d.OpenMaintenance(t.Context(), "echo", MaintenanceOptions{End: true}); err != nil {
		t.Fatal(err)
	}
	r.decide(t.Context(), row, unwell())
	wantNews(t, r.d, "slack [ticket] REACTION DRY-RUN echo")
}

func TestDryRunIsTold(t *testing.T) {
	r, row := reactorOf(t, policies.Reaction{OnUnhealthy: policies.FailoverAway, MaxPerDay: 3, DryRun: true})
	r.decide(t.Context(), row, unwell())
	wantNews(t, r.d, "slack [ticket] REACTION DRY-RUN echo: failover would begin, as echo-0 is not healthy; nothing was done, as the policy has dry_run | nothing")
}

// That a bound for a day is reached is told once, by any number of monitors,
// and again when other reactions reached it. Other reasons are told nobody.
func TestBoundIsToldOnce(t *testing.T) {
	r, row := reactorOf(t, policies.Reaction{OnUnhealthy: policies.Restart, MaxPerDay: 1})
	v := unwell()
	v.Held = "this machine's own network is cut"
	r.decide(t.Context(), row, v)
	wantNews(t, r.d)
	v.Held, v.Limit, v.Last = "there were 1 reactions in 24 hours", "max_per_day", time.Now().Add(-time.Hour)
	v.Until = v.Last.Add(24 * time.Hour)
	held := []string{"slack [page] REACTION HELD echo: no restart, though it is not healthy: there were 1", "pagerduty [page] REACTION HELD echo: no restart, though"}
	for range 2 {
		r.decide(t.Context(), row, v)
	}
	wantNews(t, r.d, held...)
	again := r.d.Reactor(time.Second, nil)
	again.decide(t.Context(), row, v)
	wantNews(t, r.d)
	v.Last = v.Last.Add(time.Minute)
	again.decide(t.Context(), row, v)
	wantNews(t, r.d, held...)
}

// What a monitor that was killed could not say, the next one does, once.
func TestReactionsAreSettled(t *testing.T) {
	r, row := reactorOf(t, policies.Reaction{OnUnhealthy: policies.FailoverAway, MaxPerDay: 3})
	tell, err := r.telling(t.Context(), row)
	if err != nil {
		t.Fatal(err)
	}
	evidence, err := json.Marshal(unwell().Evidence)
	if err != nil {
		t.Fatal(err)
	}
	begin := func(kind policies.OnUnhealthy) {
		t.Helper()
		if _, err := r.d.store.BeginReaction(t.Context(), store.Reaction{Name: "echo", Deployment: row.ID, Kind: string(kind), Evidence: evidence}, tell); err != nil {
			t.Fatal(err)
		}
	}
	outcomes := func() (out []string) {
		t.Helper()
		all, err := r.d.store.Reactions(t.Context(), "echo", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range all {
			out = append(out, x.Kind+" "+x.Outcome+" "+x.Replacement)
		}
		return out
	}
	begin(policies.FailoverAway)
	next := store.Deployment{ID: "id-next", Name: "echo", Role: store.RoleNext, Replaces: row.ID, MadeBy: store.ByReaction, Service: row.Service}
	if err := errors.Join(
		r.d.store.Create(t.Context(), next), r.d.store.SetPhase(t.Context(), next.ID, store.Applying, ""),
		r.d.store.Register(t.Context(), next.ID, []store.Instance{{ID: "j", Name: "echo-0"}}),
	); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	settle := func(after time.Duration) {
		t.Helper()
		for range 2 {
			r.settled = time.Time{}
			if err := r.settle(t.Context(), now.Add(after)); err != nil {
				t.Fatal(err)
			}
		}
	}
	settle(time.Second) // whoever began it may still say
	unlock, err := r.d.lockName("echo", "update")
	if err != nil {
		t.Fatal(err)
	}
	settle(time.Hour) // it goes on
	if diff := cmp.Diff([]string{"failover  "}, outcomes()); diff != "" {
		t.Error(diff)
	}
	if err := r.d.store.Switch(t.Context(), next.ID); err != nil {
		t.Fatal(err)
	}
	unlock()
	settle(time.Hour)
	begin(policies.Restart)
	settle(2 * time.Minute)
	settle(time.Hour)
	if diff := cmp.Diff([]string{"failover done id-next", "restart failed "}, outcomes()); diff != "" {
		t.Error(diff)
	}
	wantNews(t, r.d,
		"slack [ticket] REACTION BEGUN echo: failover begins", "slack [ticket] REACTION DONE echo: failover done: replaced by id-next",
		"slack [ticket] REACTION BEGUN echo: restart begins", "slack [page] REACTION FAILED echo: restart failed: the monitor ended")
}
