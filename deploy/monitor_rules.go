package deploy

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"skysail/internal/failure"
	"skysail/qos/alertrules"
	"skysail/spec"
	"skysail/store"
)

// RulesOptions say what rules to write.
type RulesOptions struct {
	// Dir is made where it is not there.
	Dir string
	// Services are in the place of the deployments that the store has.
	Services []*spec.Service
	// Interval is that of the monitor, which is 15 seconds unless said.
	Interval time.Duration
}

// The files of WriteRules.
const (
	rulesFile     = "skysail.rules.yml"
	inhibitFile   = "skysail.alertmanager.yaml"
	dashboardFile = "skysail.dashboard.json"
)

// WriteRules writes the alerts of Monitor as a rule file of Prometheus, the
// inhibition of Alertmanager that goes with it, and a Grafana dashboard, and
// returns their paths. Files of an earlier call are
// replaced.
func (d *Deployer) WriteRules(ctx context.Context, o RulesOptions) ([]string, error) {
	var services []alertrules.Service
	for _, s := range o.Services {
		services = append(services, alertrules.Of(s))
	}
	if err := differ(o.Services); err != nil {
		return nil, err
	}
	if len(o.Services) == 0 {
		rows, err := d.store.List(ctx, false)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			if rows[i].Role == store.RoleCurrent {
				s := alertrules.Of(&rows[i].Service)
				s.Name = rows[i].Name
				services = append(services, s)
			}
		}
	}
	rules, err := alertrules.Rules(services, cmp.Or(o.Interval, defaultInterval))
	if err != nil {
		return nil, err
	}
	inhibit, err := alertrules.Inhibit()
	if err != nil {
		return nil, err
	}
	dashboard, err := alertrules.Dashboard()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil { //nolint:gosec // Prometheus, another user, reads it
		return nil, failure.Wrap(err, failure.Input, "--out", "Nothing was written.", "Give a folder that can be written.")
	}
	var out []string
	for _, f := range []struct {
		name string
		data []byte
	}{{rulesFile, rules}, {inhibitFile, inhibit}, {dashboardFile, dashboard}} {
		path := filepath.Join(o.Dir, f.name)
		if err := renameio.WriteFile(path, f.data, 0o644); err != nil {
			return nil, failure.Wrap(err, failure.Input, "--out", "Not all was written.", "Give a folder that can be written.")
		}
		out = append(out, path)
	}
	return out, nil
}
