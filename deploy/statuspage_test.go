package deploy

import (
	"errors"
	"testing"
	"time"

	"skysail/qos/objective"
	"skysail/spec"
	"skysail/store"
)

// The status page has of each deployment what is its own.
func TestStatusPageWatches(t *testing.T) {
	d := fleetOf(t, "echo", "web")
	now := time.Now()
	fires := func(name, severity string) store.AlertChange {
		return store.AlertChange{Alerts: []store.Alert{{Key: name + severity, Deployment: name, Severity: severity, State: "firing", FiredAt: now, ToldAt: now}}}
	}
	err := errors.Join(
		d.store.KeepAlerts(t.Context(), store.AlertBatch{
			Counts:  []store.ObjectiveCount{{Deployment: "id-echo", Objective: spec.ObjectiveAvailability, At: now, Good: 3, Total: 4}},
			Changes: []store.AlertChange{fires("echo", "ticket"), fires("echo", "page"), fires("web", "page")},
		}),
		d.store.AddMaintenance(t.Context(), store.Maintenance{Deployment: "web", Why: "a move", BeginsAt: now.Add(-time.Minute), EndsAt: now.Add(time.Hour)}),
	)
	if err != nil {
		t.Fatal(err)
	}
	all, err := d.onStatusPage(t.Context())
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	echo, web := all[0], all[1]
	if len(echo.Alerts) != 2 || echo.Alerts[0].Severity != "page" || len(echo.Maintenance) != 0 || len(echo.Objectives) != 1 || echo.Objectives[0].Count != (objective.Count{Good: 3, Total: 4}) {
		t.Errorf("%+v", echo)
	}
	if len(web.Alerts) != 1 || len(web.Maintenance) != 1 || web.Maintenance[0].Why != "a move" || web.Objectives[0].Count != (objective.Count{}) {
		t.Errorf("%+v", web)
	}
}
