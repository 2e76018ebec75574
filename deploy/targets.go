package deploy

import (
	"context"
	"net"
	"path/filepath"
	"slices"
	"strconv"

	"skysail/clouds/local"
	"skysail/internal/supervise"
	"skysail/policies"
	"skysail/qos"
	"skysail/qos/sshclient"
	"skysail/spec"
	"skysail/store"
)

// targets says how QoS reaches the instances of an attempt.
func (d *Deployer) targets(ctx context.Context, dep *store.Deployment, row *store.Attempt, instances []store.Instance) ([]qos.Target, error) {
	if row.Provider == policies.Kubernetes {
		return d.podTargets(ctx, dep, row)
	}
	var dial func(context.Context, string, string) (net.Conn, error)
	via := route(dep.Policy.Access)
	if dep.Sandbox {
		via = sshclient.Route{} // no jump host knows the way to simulated machines
		sim, err := d.simulator(ctx)
		if err != nil {
			return nil, err
		}
		dial = sim.Dial
	}
	measurer, err := d.measurer(ctx, dep, row)
	if err != nil {
		return nil, err
	}
	healthPort, _ := dep.Service.Port(dep.Service.Health.Port())
	var metricsPort spec.Port
	if m := dep.Service.Metrics; m != nil {
		metricsPort, _ = dep.Service.Port(m.Port)
	}
	out := make([]qos.Target, 0, len(instances))
	for _, i := range instances {
		t := qos.Target{
			Deployment: dep.Name, DeploymentID: dep.ID, Service: dep.Service.Name, Instance: i.Name,
			Provider: row.Provider, Region: row.Region, Sandbox: dep.Sandbox,
			HealthURL: i.HealthURL, Logs: i.Logs, LogRules: dep.Service.Logs, Unit: "skysail-" + dep.Service.Name + ".service", Dial: dial,
			Health: dep.Service.Health, Address: i.Address,
			Metrics: dep.Service.Metrics, MetricsPort: qos.HealthPort{Number: metricsPort.Number, Public: metricsPort.Public || row.Provider == policies.Local},
			HealthPort: qos.HealthPort{Number: healthPort.Number, Public: healthPort.Public || row.Provider == policies.Local},
		}
		if i.SSHUser != "" {
			t.SSH = &qos.SSHTarget{
				Addr: net.JoinHostPort(i.Address, strconv.Itoa(i.SSHPort)), User: i.SSHUser, HostKey: i.HostKey, NextHostKey: i.NextHostKey,
				KeyFile: filepath.Join(d.attemptDir(dep.ID, row.N), "private", clientKeyFile),
				Via:     via,
			}
		}
		if measurer != nil {
			t.Cloud = &qos.CloudTarget{Measurer: measurer, ID: i.ID}
		}
		if row.Provider == policies.Local {
			c := local.New(filepath.Join(d.home, "local"), d.lookup)
			t.State = func(context.Context) (bool, int, error) {
				s, err := c.Status(dep.ID, i.Name)
				return s.State == supervise.StateRunning, s.Restarts, err
			}
		}
		out = append(out, t)
	}
	return out, nil
}

// measurer is the cloud that measures the instances of an attempt, nil when it
// measures nothing.
func (d *Deployer) measurer(ctx context.Context, dep *store.Deployment, row *store.Attempt) (qos.Measurer, error) {
	env, err := d.environment(ctx, dep.Sandbox)
	if err != nil {
		return nil, err
	}
	c, err := d.cloudOf(row, env)
	if err != nil {
		return nil, err
	}
	m, _ := c.(Measurer)
	return m, nil
}

// registered returns the QoS targets of a deployment that has instances.
func (d *Deployer) registered(ctx context.Context, row *store.Deployment) ([]qos.Target, error) {
	attempts, err := d.store.Attempts(ctx, row.ID)
	if err != nil {
		return nil, err
	}
	for i := range attempts {
		if attempts[i].N == row.Attempt {
			return d.targets(ctx, row, &attempts[i], row.Instances)
		}
	}
	return nil, nil
}

// watched is registered, for a collection that asks providers as well: what
// they said last is remembered, by whichever process it was asked.
func (d *Deployer) watched(ctx context.Context, row *store.Deployment) ([]qos.Target, error) {
	targets, err := d.registered(ctx, row)
	if err != nil || len(targets) == 0 {
		return targets, err
	}
	for _, t := range targets {
		if t.Cloud != nil {
			t.Cloud.VCPU = d.vcpu(row.Provider, row.Type)
		}
	}
	if !slices.ContainsFunc(targets, d.poller.Needs) {
		return targets, nil
	}
	last, err := d.store.LatestSamples(ctx, row.ID)
	for _, t := range targets {
		d.poller.Remember(t, last)
	}
	return targets, err
}
