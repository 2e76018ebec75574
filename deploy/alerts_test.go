package deploy

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/internal/failure"
	"skysail/policies"
	"skysail/spec"
	"skysail/store"
)

// fleetOf is a Deployer over a store in which deployments run.
func fleetOf(t *testing.T, names ...string) *Deployer {
	t.Helper()
	d, err := New(t.Context(), Options{Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	for _, name := range names {
		svc := spec.Service{Name: name, Instances: 1, Health: &spec.Health{TCP: &spec.TCPHealth{Port: "a"}}, Objectives: []spec.Objective{
			{Name: spec.ObjectiveAvailability, Target: 0.999, Window: 720 * time.Hour},
		}}
		policy := policies.Policy{Notify: []policies.Notify{{Kind: policies.NotifySlack, URLEnv: "SLACK_URL"}}}
		id := "id-" + name
		err := errors.Join(
			d.store.Create(t.Context(), store.Deployment{ID: id, Name: name, Service: svc, Policy: policy}),
			d.store.SetPhase(t.Context(), id, store.Applying, ""),
			d.store.Register(t.Context(), id, []store.Instance{{ID: "i", Name: name + "-0"}}),
		)
		if err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// A deployment that is worked on is in maintenance, and not any longer when
// whoever did died.
func TestMaintenanceOfOperations(t *testing.T) {
	d := fleetOf(t, "echo", "web")
	w := &watched{d: d}
	in := func() map[string]bool {
		t.Helper()
		all, err := w.list(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]bool{}
		for _, x := range all {
			if len(x.Objectives) != 1 || len(x.Notify) != 1 || x.ID != "id-"+x.Name {
				t.Errorf("%+v", x)
			}
			out[x.Name] = x.Maintenance
		}
		return out
	}
	want := func(echo, web bool) {
		t.Helper()
		if diff := cmp.Diff(map[string]bool{"echo": echo, "web": web}, in()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	want(false, false)
	unlock, err := d.lockName("echo", "update")
	if err != nil {
		t.Fatal(err)
	}
	want(false, false) // it is only planned
	if err := d.store.SetPhase(t.Context(), "id-echo", store.Updating, ""); err != nil {
		t.Fatal(err)
	}
	want(true, false)
	list, err := d.Maintenance(t.Context())
	if err != nil || len(list) != 1 || !list[0].Automatic || list[0].Why != "updating in progress" {
		t.Errorf("%+v, %v", list, err)
	}
	unlock()
	want(false, false)
	if _, err := d.OpenMaintenance(t.Context(), "web", MaintenanceOptions{For: time.Hour, Why: "a move"}); err != nil {
		t.Fatal(err)
	}
	want(false, true)
	if n, err := d.OpenMaintenance(t.Context(), "web", MaintenanceOptions{End: true}); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	want(false, false)
	for _, o := range []MaintenanceOptions{{}, {For: time.Millisecond}, {For: 1000 * time.Hour}} {
		if _, err := d.OpenMaintenance(t.Context(), "web", o); failure.CodeOf(err) != failure.Input {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if err := d.store.SetPhase(t.Context(), "id-web", store.Destroying, ""); err != nil {
		t.Fatal(err)
	}
	if err := d.store.Unregister(t.Context(), "id-web"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]bool{"echo": false}, in()); diff != "" {
		t.Error(diff)
	}
}

func TestRulesOfTheFleetAndOfFiles(t *testing.T) {
	d := fleetOf(t, "echo")
	row, err := d.store.Get(t.Context(), "echo")
	if err != nil {
		t.Fatal(err)
	}
	var written [2][]byte
	for i, services := range [][]*spec.Service{nil, {&row.Service}} {
		files, err := d.WriteRules(t.Context(), RulesOptions{Dir: filepath.Join(t.TempDir(), "a", "b"), Services: services})
		if err != nil || len(files) != 3 {
			t.Fatal(files, err)
		}
		if written[i], err = os.ReadFile(files[0]); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(written[0]), string(written[1])); diff != "" {
		t.Error(diff)
	}
	_, err = d.WriteRules(t.Context(), RulesOptions{Dir: t.TempDir(), Services: []*spec.Service{&row.Service, &row.Service}})
	if failure.CodeOf(err) != failure.Input {
		t.Errorf("two services of one name: %v", err)
	}
}

func TestAlertsOfNobody(t *testing.T) {
	d := fleetOf(t, "echo")
	if alerts, lost, err := d.Alerts(t.Context(), "echo"); err != nil || len(alerts) != 0 || len(lost) != 0 {
		t.Errorf("%v, %v, %v", alerts, lost, err)
	}
	if _, _, err := d.Alerts(t.Context(), "nobody"); failure.CodeOf(err) != failure.Input {
		t.Errorf("%v", err)
	}
}

// What could not be told names the channel by its variable.
func TestUndeliveredIsShown(t *testing.T) {
	d := fleetOf(t, "echo")
	change := store.AlertChange{
		Alerts:        []store.Alert{{Key: "echo/A", Deployment: "echo", Name: "A", State: "firing", FiredAt: time.Now()}},
		Notifications: []store.Notification{{Dedupe: "x", Alert: "echo/A", Channel: []byte(`{"kind":"slack","url_env":"SLACK_URL"}`), Event: []byte(`{}`)}},
	}
	if err := d.store.KeepAlerts(t.Context(), store.AlertBatch{Changes: []store.AlertChange{change}}); err != nil {
		t.Fatal(err)
	}
	all, err := d.store.ClaimNotifications(t.Context(), 1, time.Minute)
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	if err := d.store.RetryNotification(t.Context(), all[0].ID, time.Now().Add(time.Minute), "status 503"); err != nil {
		t.Fatal(err)
	}
	_, lost, err := d.Alerts(t.Context(), "echo")
	if err != nil || len(lost) != 1 || lost[0].Channel != "slack (SLACK_URL)" || lost[0].Error != "status 503" {
		t.Errorf("%+v, %v", lost, err)
	}
}
