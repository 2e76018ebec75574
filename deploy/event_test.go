package deploy

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"skysail/runner"
	"skysail/store"
)

const quotedCanary = `canary-"of"-a-secret`

// TestNoSecretInEvents: a provider that quotes a secret or a credential does
// not get it into an event, in whatever field of Terraform's it stands.
func TestNoSecretInEvents(t *testing.T) {
	var got []Event
	d := &Deployer{opts: Options{Progress: func(ev Event) { got = append(got, ev) }}}
	d.hide(quotedCanary, "short")
	d.hideCredentials(map[string]string{"VULTR_API_KEY": "key-of-vultr", "AWS_SECRET_ACCESS_KEY": "key-of-aws", "AWS_REGION": "us-east-1", "TOKEN_FILE": "/path/of/token"})
	a := &attempt{
		dep: &store.Deployment{Name: "web"},
		row: store.Attempt{N: 2, Provider: "vultr", Region: "ewr", Type: "vc2", PriceUSD: 0.5, Class: "capacity", Cause: "no room for " + quotedCanary},
	}
	d.emit(EventFault, a, "%s: %s", a.row.Class, a.row.Cause)
	d.terraformEvent(a, runner.Event{Kind: runner.EventDiagnostic, Diagnostic: &runner.Diagnostic{
		Severity: "warning", Summary: "bad token key-of-vultr or key-of-aws in us-east-1", Detail: `{"env":"canary-\"of\"-a-secret"}`,
	}})
	d.emit(EventWarning, nil, "short words stay")
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"canary", "key-of-vultr", "key-of-aws"} {
		if strings.Contains(string(b), secret) {
			t.Errorf("%s is in %s", secret, b)
		}
	}
	for _, kept := range []string{"us-east-1", "short words stay", hidden} {
		if !strings.Contains(string(b), kept) {
			t.Errorf("%s is not in %s", kept, b)
		}
	}
	if ev := got[0]; ev.Name != "web" || ev.Attempt != 2 || ev.Class != "capacity" || ev.Scope != "zone" || ev.PriceUSD != 0.5 || ev.Type != "vc2" {
		t.Errorf("%+v", ev)
	}
}

// TestEventsOfTerraform: what becomes of each of its messages.
func TestEventsOfTerraform(t *testing.T) {
	var got []Event
	d := &Deployer{opts: Options{Progress: func(ev Event) { got = append(got, ev) }}}
	a := &attempt{dep: &store.Deployment{Name: "web"}}
	for _, ev := range []runner.Event{
		{Kind: runner.EventStart, Address: "x.y", Action: "create"},
		{Kind: runner.EventProgress, Address: "x.y", Action: "create", Elapsed: 10 * time.Second},
		{Kind: runner.EventComplete, Address: "x.y", Action: "create", Elapsed: 12 * time.Second},
		{Kind: runner.EventErrored, Address: "x.z", Action: "delete", Elapsed: time.Second},
		{Kind: runner.EventComplete, Address: "data.x.y", Action: "read"},
		{Kind: runner.EventPlanned, Address: "x.y", Action: "create"},
		{Kind: runner.EventSummary},
	} {
		d.terraformEvent(a, ev)
	}
	var states []ResourceState
	for _, ev := range got {
		if ev.Kind != EventResource || ev.Name != "web" || ev.Address == "" || ev.Action == "" {
			t.Errorf("%+v", ev)
		}
		states = append(states, ev.State)
	}
	want := []ResourceState{ResourceBegun, ResourceWorking, ResourceDone, ResourceFailed}
	if len(states) != len(want) || states[0] != want[0] || states[1] != want[1] || states[2] != want[2] || states[3] != want[3] {
		t.Errorf("states %v, want %v", states, want)
	}
	if got[2].Seconds != 12 || got[2].Text != "x.y: created in 12s" {
		t.Errorf("%+v", got[2])
	}
}

func TestStepOf(t *testing.T) {
	for text, want := range map[string]string{"init": "init", "destroy, once more": "destroy", "destroying": "", "replacing the first host key": ""} {
		if got := stepOf(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}
