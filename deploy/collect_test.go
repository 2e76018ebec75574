package deploy

import (
	"errors"
	"strings"
	"testing"

	"skysail/qos"
)

// TestUnready: what a service's health rests on, and what it does not.
func TestUnready(t *testing.T) {
	report := func(source string) qos.Result {
		return qos.Result{Reports: []qos.Report{{Target: qos.Target{Instance: "echo-0"}, Source: source, Err: errors.New("refused")}}}
	}
	for _, source := range []string{qos.SourceCloud, qos.SourceMetrics} {
		if why := unready(report(source)); why != "" {
			t.Errorf("%s keeps a service from being ready: %s", source, why)
		}
	}
	if why := unready(report(qos.SourceSSH)); !strings.Contains(why, "echo-0, ssh: refused") {
		t.Errorf("%q", why)
	}
	failing := qos.Result{Samples: []qos.Sample{{Instance: "echo-0", Source: "http", Name: "probe_success"}}}
	if why := unready(failing); why != "echo-0: its health check fails" {
		t.Errorf("%q", why)
	}
}
