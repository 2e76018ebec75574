package deploy

import (
	"context"

	"skysail/policies"
	"skysail/qos/monitor"
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
	all, err := d.List(ctx, false)
	if err != nil {
		return nil, err
	}
	out := make([]statuspage.Deployment, 0, len(all))
	for i := range all {
		v := &all[i]
		if v.Role != store.RoleCurrent {
			continue // of a name that is being replaced the current one serves
		}
		row := statuspage.Deployment{
			ID: v.ID, Name: v.Name, Provider: v.Provider, Region: v.Region, Type: v.Type, Phase: string(v.Phase), Reason: v.Reason,
			Sandbox: v.Sandbox, CreatedAt: v.CreatedAt, InstancesChange: v.Provider == policies.Kubernetes,
		}
		for _, x := range v.Instances {
			row.Instances = append(row.Instances, x.Name)
		}
		out = append(out, row)
	}
	return out, nil
}
