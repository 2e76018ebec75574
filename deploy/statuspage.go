package deploy

import (
	"cmp"
	"context"
	"slices"
	"time"

	"skysail/policies"
	"skysail/qos/monitor"
	"skysail/qos/objective"
	"skysail/qos/statuspage"
	"skysail/store"
)

// StatusPage serves what a monitor of this deployer knows as HTML.
func (d *Deployer) StatusPage(m *monitor.Monitor) *statuspage.Site {
	return statuspage.New(statuspage.Data{
		Deployments: d.onStatusPage, Latest: m.State().Snapshot, Sources: m.State().Sources, History: d.store.SampleRange, Ready: m.Ready,
	})
}

func (d *Deployer) onStatusPage(ctx context.Context) ([]statuspage.Deployment, error) {
	rows, err := d.store.List(ctx, false)
	if err != nil {
		return nil, err
	}
	windows, err := d.maintenance(ctx, rows)
	if err != nil {
		return nil, err
	}
	alerts, err := d.store.Alerts(ctx, "")
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(alerts, func(a, b store.Alert) int { return cmp.Compare(a.Severity, b.Severity) }) // page before ticket
	out := make([]statuspage.Deployment, 0, len(rows))
	for i := range rows {
		v := d.note(viewOf(rows[i]))
		if v.Role != store.RoleCurrent {
			continue // of a name that is being replaced the current one serves
		}
		row := statuspage.Deployment{
			ID: v.ID, Name: v.Name, Provider: v.Provider, Region: v.Region, Type: v.Type, Phase: string(v.Phase), Reason: v.Reason,
			Sandbox: v.Sandbox, CreatedAt: v.CreatedAt, InstancesChange: v.Provider == policies.Kubernetes,
			Alerts:      slices.DeleteFunc(slices.Clone(alerts), func(a store.Alert) bool { return a.Deployment != v.Name }),
			Maintenance: slices.DeleteFunc(slices.Clone(windows), func(m store.Maintenance) bool { return m.Deployment != v.Name }),
		}
		for _, x := range v.Instances {
			row.Instances = append(row.Instances, x.Name)
		}
		if row.Objectives, err = d.objectives(ctx, &rows[i]); err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, nil
}

// objectives are those of a deployment, with what was read over their windows.
func (d *Deployer) objectives(ctx context.Context, row *store.Deployment) ([]statuspage.Objective, error) {
	windows := map[string][]time.Duration{}
	for _, o := range row.Service.Objectives {
		windows[o.Name] = []time.Duration{o.Window}
	}
	sums, err := d.store.ObjectiveCounts(ctx, row.ID, windows, time.Now())
	if err != nil {
		return nil, err
	}
	var out []statuspage.Objective
	for _, o := range row.Service.Objectives {
		c := sums[o.Name][o.Window]
		out = append(out, statuspage.Objective{
			Name: o.Name, Target: o.Target, Window: o.Window, Threshold: o.Threshold, Count: objective.Count{Good: c.Good, Total: c.Total},
		})
	}
	return out, nil
}
