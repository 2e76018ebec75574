package store

import (
	"database/sql"
	"errors"
	"io/fs"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"
)

// running makes a deployment that runs, as one attempt leaves it.
func running(t *testing.T, s *Store, d Deployment, instances ...Instance) {
	t.Helper()
	must(t, s.Create(t.Context(), d))
	must(t, s.StartAttempt(t.Context(), d.ID, Attempt{N: 1, Provider: "vultr", Region: "ewr", Type: "vc2", PriceUSD: 0.5}))
	must(t, s.Register(t.Context(), d.ID, instances))
}

// brief is what tests compare of revisions.
func brief(t *testing.T, s *Store, name string) (out []string) {
	t.Helper()
	rs, err := s.Revisions(t.Context(), name)
	must(t, err)
	for _, r := range rs {
		out = append(out, string(rune('0'+r.N))+" "+r.Deployment+" "+string(r.MadeBy)+" "+r.Outcome)
	}
	return out
}

func TestUpdateInPlace(t *testing.T) {
	s := openTest(t)
	first := deployment("d1", "echo")
	running(t, s, first, Instance{ID: "i", HostKey: "rotated"})
	next := first.Service
	next.Instances = 7
	rev := Revision{Deployment: "d1", MadeBy: ByUpdate, Service: next, Policy: first.Policy, PriceUSD: 0.75}

	n, err := s.BeginUpdate(t.Context(), rev)
	must(t, err)
	got, err := s.Get(t.Context(), "echo")
	must(t, err)
	if n != 2 || got.Phase != Updating || got.Revision != 1 || got.Service.Instances != first.Service.Instances {
		t.Errorf("begun: %d, %+v", n, got)
	}
	if open, err := s.OpenRevision(t.Context(), "d1"); err != nil || open.N != 2 || open.Service.Instances != 7 {
		t.Errorf("open: %+v, %v", open, err)
	}
	if _, err := s.BeginUpdate(t.Context(), rev); err == nil {
		t.Error("an update can begin in another")
	}
	must(t, s.UndoUpdate(t.Context(), "d1", got.Instances, "did not start"))
	if _, err := s.OpenRevision(t.Context(), "d1"); !errors.Is(err, ErrNotFound) {
		t.Errorf("open after undo: %v", err)
	}

	_, err = s.BeginUpdate(t.Context(), rev)
	must(t, err)
	must(t, s.FinishUpdate(t.Context(), "d1", []Instance{{ID: "i", HostKey: "rotated"}}))
	got, err = s.Get(t.Context(), "echo")
	must(t, err)
	if got.Phase != Running || got.Revision != 3 || got.Service.Instances != 7 || got.PriceUSD != 0.75 || got.Instances[0].HostKey != "rotated" {
		t.Errorf("finished: %+v", got)
	}
	if diff := cmp.Diff([]string{"1 d1 deploy done", "2 d1 update failed", "3 d1 update done"}, brief(t, s, "echo")); diff != "" {
		t.Error(diff)
	}
	if err := s.FinishUpdate(t.Context(), "d1", nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("finishing what was not begun: %v", err)
	}
}

func TestReplacing(t *testing.T) {
	s := openTest(t)
	running(t, s, deployment("d1", "echo"))
	next := deployment("d2", "echo")
	next.Role, next.Replaces, next.MadeBy = RoleNext, "d1", ByUpdate
	must(t, s.Create(t.Context(), next))

	third := next
	third.ID = "d3"
	if err := s.Create(t.Context(), third); err == nil {
		t.Error("a name has two next deployments")
	}
	if got, err := s.Get(t.Context(), "echo"); err != nil || got.ID != "d1" {
		t.Errorf("while a next one is made, echo is %s, %v", got.ID, err)
	}
	if err := s.Switch(t.Context(), "d2"); !errors.Is(err, ErrNotFound) {
		t.Errorf("switched to one that does not run: %v", err)
	}
	must(t, s.StartAttempt(t.Context(), "d2", Attempt{N: 1, Provider: "aws"}))
	must(t, s.Register(t.Context(), "d2", []Instance{{ID: "new"}}))
	if got, err := s.Get(t.Context(), "echo"); err != nil || got.ID != "d1" || got.Role != RoleCurrent {
		t.Errorf("before the switch echo is %+v, %v", got, err)
	}
	must(t, s.Switch(t.Context(), "d2"))
	both, err := s.Named(t.Context(), "echo")
	must(t, err)
	if len(both) != 2 || both[0].ID != "d2" || both[0].Role != RoleCurrent || both[0].Revision != 2 ||
		both[1].Role != RolePrevious || both[1].Phase != Destroying {
		t.Errorf("after the switch: %+v", both)
	}
	must(t, s.SetPhase(t.Context(), "d1", Destroyed, ""))
	if diff := cmp.Diff([]string{"1 d1 deploy done", "2 d2 update done"}, brief(t, s, "echo")); diff != "" {
		t.Error(diff)
	}
	if got, err := s.Get(t.Context(), "d1"); err != nil || got.Phase != Destroyed {
		t.Errorf("the old one: %+v, %v", got, err)
	}
}

func TestANextOneThatFails(t *testing.T) {
	s := openTest(t)
	running(t, s, deployment("d1", "echo"))
	next := deployment("d2", "echo")
	next.Role, next.Replaces, next.MadeBy = RoleNext, "d1", ByRollback
	must(t, s.Create(t.Context(), next))
	must(t, s.SetPhase(t.Context(), "d2", FailedAll, "every candidate failed"))
	got, err := s.Named(t.Context(), "echo")
	must(t, err)
	if len(got) != 1 || got[0].ID != "d1" || got[0].Phase != Running || got[0].Revision != 1 {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff([]string{"1 d1 deploy done", "2 d2 rollback failed"}, brief(t, s, "echo")); diff != "" {
		t.Error(diff)
	}
	next.ID = "d3"
	must(t, s.Create(t.Context(), next))
	must(t, s.Discard(t.Context(), "d3"))
	if n := len(brief(t, s, "echo")); n != 2 {
		t.Errorf("%d revisions after one was discarded", n)
	}
	next.Replaces = "d9"
	if err := s.Create(t.Context(), next); err == nil {
		t.Error("one that replaces nothing was created")
	}
}

func TestANameIsTakenByAllRoles(t *testing.T) {
	s := openTest(t)
	running(t, s, deployment("d1", "echo"))
	must(t, s.SetPhase(t.Context(), "d1", Destroying, ""))
	must(t, s.SetPhase(t.Context(), "d1", Destroyed, ""))
	running(t, s, deployment("d2", "echo"))
	if diff := cmp.Diff([]string{"1 d1 deploy done", "2 d2 deploy done"}, brief(t, s, "echo")); diff != "" {
		t.Errorf("revisions go on over deployments: %s", diff)
	}
	if err := s.Create(t.Context(), deployment("d3", "echo")); err == nil {
		t.Error("a name was given twice")
	}
}

// Rows of the schema before this one become current; the revisions of a name
// are its deployments, oldest first.
func TestMigrateToRevisions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "skysail.db")
	db, err := sql.Open("sqlite", "file:"+path)
	must(t, err)
	old := fstest.MapFS{}
	for _, name := range []string{"00001_first.sql", "00002_shortages.sql", "00003_next_host_key.sql", "00004_steps.sql"} {
		b, err := fs.ReadFile(migrations, "migrations/"+name)
		must(t, err)
		old[name] = &fstest.MapFile{Data: b}
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, old)
	must(t, err)
	_, err = p.Up(t.Context())
	must(t, err)
	for _, row := range [][]any{
		{"d1", "echo", "failed", "no room", 10}, {"d2", "echo", "running", "", 20}, {"d3", "other", "applying", "", 30},
	} {
		_, err := db.ExecContext(t.Context(), `INSERT INTO deployments (id, name, phase, reason, remote, sandbox, service, policy, price_usd, created_at, updated_at)
			VALUES (?, ?, ?, ?, 1, 1, '{"name":"x"}', '{}', 0.5, ?, 40)`, row...)
		must(t, err)
	}
	must(t, db.Close())

	s, err := Open(t.Context(), path)
	must(t, err)
	defer s.Close()
	for id, revision := range map[string]int{"d1": 1, "d2": 2, "d3": 1} {
		if got, err := s.Get(t.Context(), id); err != nil || got.Role != RoleCurrent || got.Revision != revision {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
	}
	rs, err := s.Revisions(t.Context(), "echo")
	must(t, err)
	if len(rs) != 2 || rs[0].Outcome != OutcomeFailed || rs[0].Note != "no room" || rs[1].Outcome != OutcomeDone ||
		rs[1].PriceUSD != 0.5 || rs[1].Service.Name != "x" || rs[1].MadeBy != ByDeploy {
		t.Errorf("%+v", rs)
	}
	if open, err := s.OpenRevision(t.Context(), "d3"); err != nil || open.N != 1 {
		t.Errorf("%+v, %v", open, err)
	}
}
