package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// clock sets a store's time by hand.
func clock(s *Store) func(time.Duration) time.Time {
	now := epoch
	s.now = func() time.Time { return now }
	return func(d time.Duration) time.Time {
		now = now.Add(d)
		return now
	}
}

func count(t *testing.T, s *Store, id string, at time.Time, windows ...time.Duration) []string {
	t.Helper()
	all, err := s.ObjectiveCounts(t.Context(), id, map[string][]time.Duration{"availability": windows}, at)
	must(t, err)
	var out []string
	for _, w := range windows {
		c := all["availability"][w]
		out = append(out, fmt.Sprintf("%d/%d", c.Good, c.Total))
	}
	return out
}

// A reading a minute for ten days, one of ten bad: counts move to longer steps
// and nothing is lost on the way.
func TestObjectiveCountsAreCompacted(t *testing.T) {
	s := openTest(t)
	must(t, s.Create(t.Context(), deployment("d1", "echo")))
	pass := clock(s)
	now := pass(0)
	const days = 10
	for range days * 24 { // an hour of it at once
		var b AlertBatch
		for m := range 60 {
			good := int64(1)
			if m%10 == 0 {
				good = 0
			}
			b.Counts = append(b.Counts, ObjectiveCount{Deployment: "d1", Objective: "availability", At: now.Add(time.Duration(m) * time.Minute), Good: good, Total: 1})
		}
		now = pass(time.Hour)
		must(t, s.KeepAlerts(t.Context(), b))
	}
	got := count(t, s, "d1", now, 10*time.Minute, time.Hour, 24*time.Hour, 3*24*time.Hour, 30*24*time.Hour)
	// A step that began before a window is outside.
	want := []string{"9/9", "54/59", "1287/1430", "3879/4310", fmt.Sprintf("%d/%d", days*1440*9/10, days*1440)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var rows int
	must(t, s.db.QueryRowContext(t.Context(), `SELECT count(*) FROM objective_counts`).Scan(&rows))
	if most := 190 + 3*144 + 8*24; rows > most {
		t.Errorf("%d rows are kept, at most %d are needed", rows, most)
	}
	pass(400 * 24 * time.Hour)
	must(t, s.KeepAlerts(t.Context(), AlertBatch{}))
	must(t, s.db.QueryRowContext(t.Context(), `SELECT count(*) FROM objective_counts`).Scan(&rows))
	if got := count(t, s, "d1", pass(0), 500*24*time.Hour); got[0] != "0/0" {
		t.Errorf("after a year %s of %d rows are left", got[0], rows)
	}
}

// One query for all objectives and windows says what the steps say one by one.
func TestObjectiveCountsOfMany(t *testing.T) {
	s := openTest(t)
	running(t, s, deployment("d1", "echo"))
	next := deployment("d2", "echo")
	next.Role, next.Replaces = RoleNext, "d1"
	must(t, s.Create(t.Context(), next))
	pass, rnd := clock(s), rand.New(rand.NewPCG(1, 2))
	for range 100 {
		var b AlertBatch
		for range 20 {
			total := rnd.Int64N(9)
			b.Counts = append(b.Counts, ObjectiveCount{
				Deployment: []string{"d1", "d2"}[rnd.IntN(2)], Objective: []string{"availability", "latency", "other"}[rnd.IntN(3)],
				At: pass(time.Duration(rnd.IntN(600)) * time.Second), Good: rnd.Int64N(total + 1), Total: total,
			})
		}
		must(t, s.KeepAlerts(t.Context(), b))
	}
	rows, err := s.db.QueryContext(t.Context(), `SELECT deployment_id, objective, start_at, good, total FROM objective_counts`)
	must(t, err)
	defer rows.Close()
	var steps []ObjectiveCount
	for rows.Next() {
		var c ObjectiveCount
		var at int64
		must(t, rows.Scan(&c.Deployment, &c.Objective, &at, &c.Good, &c.Total))
		c.At = fromMillis(at)
		steps = append(steps, c)
	}
	must(t, rows.Err())
	for range 50 {
		now := pass(0).Add(-time.Duration(rnd.IntN(100_000)) * time.Second)
		asked := map[string][]time.Duration{}
		for _, o := range []string{"availability", "latency", "none"} {
			for range rnd.IntN(8) {
				asked[o] = append(asked[o], time.Duration(rnd.IntN(8*24*60))*time.Minute)
			}
		}
		for id, line := range map[string][]string{"d1": {"d1"}, "d2": {"d1", "d2"}, "d3": nil} {
			want := map[string]map[time.Duration]ObjectiveCount{}
			for o, windows := range asked {
				want[o] = map[time.Duration]ObjectiveCount{}
				for _, w := range windows {
					sum := ObjectiveCount{Deployment: id, Objective: o, At: now}
					for _, c := range steps {
						if slices.Contains(line, c.Deployment) && c.Objective == o && c.At.After(now.Add(-w)) {
							sum.Good, sum.Total = sum.Good+c.Good, sum.Total+c.Total
						}
					}
					want[o][w] = sum
				}
			}
			got, err := s.ObjectiveCounts(t.Context(), id, asked, now)
			must(t, err)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", id, diff)
			}
		}
	}
}

// What comes late for a minute that was compacted counts.
func TestLateObjectiveCounts(t *testing.T) {
	s := openTest(t)
	must(t, s.Create(t.Context(), deployment("d1", "echo")))
	pass := clock(s)
	for range 3 {
		must(t, s.KeepAlerts(t.Context(), AlertBatch{Counts: []ObjectiveCount{{Deployment: "d1", Objective: "availability", At: epoch, Good: 1, Total: 2}}}))
		pass(5 * time.Hour)
	}
	if got := count(t, s, "d1", pass(0), 24*time.Hour); got[0] != "3/6" {
		t.Error(got)
	}
}

// A budget goes over to the deployment that takes another's place, and not to
// one of the same name that has nothing to do with it.
func TestReplacementInheritsCounts(t *testing.T) {
	s := openTest(t)
	running(t, s, deployment("d1", "echo"))
	counts := func(id string) AlertBatch {
		return AlertBatch{Counts: []ObjectiveCount{{Deployment: id, Objective: "availability", At: epoch, Good: 1, Total: 1}}}
	}
	must(t, s.KeepAlerts(t.Context(), counts("d1")))
	next := deployment("d2", "echo")
	next.Role, next.Replaces = RoleNext, "d1"
	must(t, s.Create(t.Context(), next))
	must(t, s.KeepAlerts(t.Context(), counts("d2")))
	if got := count(t, s, "d2", epoch, time.Hour); got[0] != "2/2" {
		t.Errorf("the next one has %s", got[0])
	}
	if got := count(t, s, "d1", epoch, time.Hour); got[0] != "1/1" {
		t.Errorf("the one before has %s", got[0])
	}
}

func fire(key string, version int64, state string) AlertChange {
	return AlertChange{
		Alerts:        []Alert{{Key: key, Deployment: "echo", Name: "A", Severity: "page", State: state, FiredAt: epoch, ToldAt: epoch, Version: version}},
		Notifications: []Notification{{Dedupe: key + state, Alert: key, Channel: []byte(`"c"`), Event: []byte(`"` + state + `"`)}},
	}
}

// Of two processes that change the same alert one does, and one is told of.
func TestAlertsAreChangedOnce(t *testing.T) {
	s := openTest(t)
	for range 2 {
		must(t, s.KeepAlerts(t.Context(), AlertBatch{Changes: []AlertChange{fire("a", 0, "firing")}}))
	}
	late := fire("a", 0, "resolved")
	must(t, s.KeepAlerts(t.Context(), AlertBatch{Changes: []AlertChange{late}}))
	got, err := s.Alerts(t.Context(), "echo")
	must(t, err)
	if len(got) != 1 || got[0].State != "firing" || got[0].Version != 1 || !got[0].FiredAt.Equal(epoch) || !got[0].ToldAt.Equal(epoch) {
		t.Errorf("%+v", got)
	}
	ns, err := s.ClaimNotifications(t.Context(), 10, time.Minute)
	must(t, err)
	if len(ns) != 1 || string(ns[0].Event) != `"firing"` {
		t.Errorf("%+v", ns)
	}
	if other, err := s.Alerts(t.Context(), "other"); err != nil || len(other) != 0 {
		t.Errorf("%+v, %v", other, err)
	}
}

// Alerts of one cause change together, or not at all.
func TestAlertsChangeTogether(t *testing.T) {
	s := openTest(t)
	must(t, s.KeepAlerts(t.Context(), AlertBatch{Changes: []AlertChange{fire("a", 0, "firing")}}))
	both := fire("b", 0, "firing")
	both.Alerts = append(both.Alerts, fire("a", 0, "resolved").Alerts...)
	must(t, s.KeepAlerts(t.Context(), AlertBatch{Changes: []AlertChange{both, fire("c", 0, "firing")}}))
	got, err := s.Alerts(t.Context(), "")
	must(t, err)
	if len(got) != 2 || got[0].Key != "a" || got[0].State != "firing" || got[1].Key != "c" {
		t.Errorf("%+v", got)
	}
	if ns, err := s.ClaimNotifications(t.Context(), 10, time.Minute); err != nil || len(ns) != 2 || ns[1].Dedupe != "cfiring" {
		t.Errorf("%+v, %v", ns, err)
	}
}

// A channel is told of an alert in order, each thing by one process at a time,
// and again when that died.
func TestNotificationsAreClaimed(t *testing.T) {
	s := openTest(t)
	pass := clock(s)
	must(t, s.KeepAlerts(t.Context(), AlertBatch{Changes: []AlertChange{fire("a", 0, "firing"), fire("b", 0, "firing"), fire("a", 1, "resolved")}}))
	claim := func(want ...string) []Notification {
		t.Helper()
		due, err := s.NotificationsDue(t.Context())
		must(t, err)
		ns, err := s.ClaimNotifications(t.Context(), 10, time.Minute)
		must(t, err)
		var got []string
		for _, n := range ns {
			got = append(got, fmt.Sprintf("%s %d", n.Dedupe, n.Attempts))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if len(want) > 0 && !due {
			t.Error("none is said to be due")
		}
		return ns
	}
	first := claim("afiring 1", "bfiring 1")
	claim() // both are being sent
	must(t, s.EndNotification(t.Context(), first[1].ID, ""))
	pass(2 * time.Minute)
	first = claim("afiring 2") // its process died
	must(t, s.RetryNotification(t.Context(), first[0].ID, pass(0).Add(time.Hour), "503"))
	claim()
	pass(time.Hour)
	first = claim("afiring 3")
	must(t, s.EndNotification(t.Context(), first[0].ID, "refused"))
	last := claim("aresolved 1")
	lost, err := s.Undelivered(t.Context())
	must(t, err)
	if len(lost) != 1 || !lost[0].Failed || lost[0].Error != "refused" || lost[0].Attempts != 3 {
		t.Errorf("%+v", lost)
	}
	must(t, s.EndNotification(t.Context(), last[0].ID, ""))
	pass(40 * 24 * time.Hour)
	must(t, s.KeepAlerts(t.Context(), AlertBatch{}))
	var rows int
	must(t, s.db.QueryRowContext(t.Context(), `SELECT count(*) FROM notifications`).Scan(&rows))
	if rows != 0 {
		t.Errorf("%d notifications are kept for ever", rows)
	}
}

func TestMaintenance(t *testing.T) {
	s := openTest(t)
	pass := clock(s)
	for _, m := range []Maintenance{
		{Deployment: "echo", Why: "later", BeginsAt: epoch.Add(2 * time.Hour), EndsAt: epoch.Add(3 * time.Hour)},
		{Deployment: "echo", Why: "now", BeginsAt: epoch, EndsAt: epoch.Add(time.Hour)},
		{Deployment: "other", Why: "now", BeginsAt: epoch, EndsAt: epoch.Add(time.Hour)},
	} {
		must(t, s.AddMaintenance(t.Context(), m))
	}
	list := func() (out []string) {
		all, err := s.Maintenance(t.Context())
		must(t, err)
		for _, m := range all {
			out = append(out, m.Deployment+" "+m.Why)
		}
		return out
	}
	if diff := cmp.Diff([]string{"echo now", "other now", "echo later"}, list()); diff != "" {
		t.Error(diff)
	}
	pass(time.Minute)
	if n, err := s.EndMaintenance(t.Context(), "echo"); err != nil || n != 2 {
		t.Errorf("%d, %v", n, err)
	}
	if diff := cmp.Diff([]string{"other now"}, list()); diff != "" {
		t.Error(diff)
	}
	pass(time.Hour)
	if got := list(); got != nil {
		t.Error(got)
	}
}
