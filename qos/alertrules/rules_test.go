package alertrules

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/internal/duration"
	"skysail/qos/metric"
	"skysail/spec"
)

// metricName finds the first metric in a query.
var metricName = regexp.MustCompile(`(probe|node|skysail)_[a-zA-Z0-9_]+`)

var update = flag.Bool("update", false, "rewrite the expected bytes in testdata")

func services() []Service {
	return []Service{
		{Name: "web", Health: true, FailureThreshold: 5, Objectives: []spec.Objective{
			{Name: spec.ObjectiveLatency, Target: 0.95, Window: 7 * duration.Day, Threshold: 300 * time.Millisecond},
		}},
		{Name: "echo", Health: true, Objectives: []spec.Objective{{Name: spec.ObjectiveAvailability, Target: 0.999, Window: 30 * duration.Day}}},
		{Name: "brief", Health: true, Objectives: []spec.Objective{{Name: spec.ObjectiveAvailability, Target: 0.9, Window: time.Hour}}},
		{Name: "unasked"},
	}
}

func golden(t *testing.T, name string, got []byte, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestRulesAreTheSameBytes(t *testing.T) {
	rules, err := Rules(services(), 15*time.Second)
	golden(t, "skysail.rules.yml", rules, err)
	other := services()
	other[0], other[3] = other[3], other[0]
	again, err := Rules(other, 15*time.Second)
	if err != nil || !bytes.Equal(rules, again) {
		t.Errorf("the order of the services changes the rules (%v)", err)
	}
}

// promtool runs Debian's promtool in a folder that has the rules.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip("NOT RUN: promtool is not installed (make tools-debian installs it)")
	}
	cmd := exec.CommandContext(t.Context(), "promtool", args...)
	cmd.Dir = "testdata"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestPromtoolChecksRules(t *testing.T) {
	promtool(t, "check", "rules", "--lint-fatal", "skysail.rules.yml")
}

// Alerts fire and resolve as the built-in ones do: on an outage, not on what is
// not known, not in maintenance.
func TestPromtoolTestsRules(t *testing.T) {
	promtool(t, "test", "rules", "tests.yml")
}

// The slower burn rates are quiet while a faster one fires, and Alertmanager
// takes the rules.
func TestInhibit(t *testing.T) {
	b, err := Inhibit()
	golden(t, "skysail.alertmanager.yaml", b, err)
	if _, err := exec.LookPath("amtool"); err != nil {
		t.Skip("NOT RUN: amtool is not installed (Debian's package is prometheus-alertmanager)")
	}
	path := filepath.Join(t.TempDir(), "alertmanager.yml")
	whole := append(b, "route: {receiver: nobody, group_by: [alertname, deployment, objective, severity]}\nreceivers: [{name: nobody}]\n"...)
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "amtool", "check-config", path).CombinedOutput(); err != nil || !strings.Contains(string(out), "2 inhibit rules") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestDashboard(t *testing.T) {
	b, err := Dashboard()
	golden(t, "dashboard.json", b, err)
	var d struct {
		SchemaVersion int `json:"schemaVersion"`
		Panels        []struct {
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	if d.SchemaVersion < 39 {
		t.Errorf("schema version %d", d.SchemaVersion)
	}
	taken := map[[2]int]string{}
	for _, p := range d.Panels {
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if other, there := taken[at]; there || at[0] >= columns {
					t.Errorf("%s lies over %s, or outside", p.Title, other)
				}
				taken[at] = p.Title
			}
		}
	}
	// What is drawn is what is served.
	for _, p := range panels {
		for _, q := range p.queries {
			name := metricName.FindString(q[0])
			_, sample := metric.Lookup(name)
			if !sample && !strings.HasPrefix(name, "skysail_") || name == "" {
				t.Errorf("%s asks for %q, which nobody serves", p.title, name)
			}
		}
	}
}
