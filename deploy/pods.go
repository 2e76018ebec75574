package deploy

import (
	"context"
	"fmt"
	"time"

	"skysail/clouds"
	"skysail/clouds/kubernetes"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/qos"
	"skysail/store"
)

// podTargets are the pods of an attempt as they are now: a cluster makes and
// moves them by itself, so what the store has of them is how they were.
func (d *Deployer) podTargets(ctx context.Context, dep *store.Deployment, row *store.Attempt) ([]qos.Target, error) {
	c, err := d.clusterOf(ctx, dep, row)
	if err != nil {
		return nil, err
	}
	pods, err := c.Pods(ctx, dep.ID)
	if err != nil {
		return nil, failure.Wrap(err, failure.Failed, fmt.Sprintf("asking for the pods of %q", dep.Name), "Nothing was changed.", "")
	}
	return targetsOf(dep, row, c, pods), nil
}

func targetsOf(dep *store.Deployment, row *store.Attempt, c *kubernetes.Cloud, pods []kubernetes.Pod) []qos.Target {
	seen := time.Now()
	out := []qos.Target{}
	for _, p := range living(pods) {
		out = append(out, qos.Target{
			Deployment: dep.Name, DeploymentID: dep.ID, Service: dep.Service.Name, Instance: p.Name,
			Provider: row.Provider, Region: row.Region, Sandbox: dep.Sandbox,
			Kube: &qos.KubeTarget{Cluster: c, Place: fmt.Sprintf("%v %s/%s", dep.Sandbox, row.Region, row.Type), Pod: p, SeenAt: seen},
		})
	}
	return out
}

// clusterOf is the cluster that an attempt is on.
func (d *Deployer) clusterOf(ctx context.Context, dep *store.Deployment, row *store.Attempt) (*kubernetes.Cloud, error) {
	env, err := d.environment(ctx, dep.Sandbox)
	if err != nil {
		return nil, err
	}
	return kubernetes.New(env, row.Region, row.Type)
}

// watchedAll is watched for many deployments: each cluster is asked once for
// the pods of all. Where it does not answer, the targets carry the reason.
func (d *Deployer) watchedAll(ctx context.Context, rows []store.Deployment) (targets []qos.Target, err error) {
	type place struct {
		cloud *kubernetes.Cloud
		pods  map[string][]kubernetes.Pod
		err   error
	}
	places := map[clusterKey]*place{}
	scope := clouds.Any
	if len(rows) == 1 {
		scope = rows[0].ID
	}
	for i := range rows {
		row := &rows[i]
		if row.Provider != policies.Kubernetes || len(row.Instances) == 0 {
			t, err := d.watched(ctx, row)
			if err != nil {
				return nil, err
			}
			targets = append(targets, t...)
			continue
		}
		k := clusterKey{row.Region, row.Type, row.Sandbox}
		p := places[k]
		if p == nil {
			p = &place{pods: map[string][]kubernetes.Pod{}}
			places[k] = p
			if p.cloud, p.err = d.clusterOf(ctx, row, attemptAt(row)); p.err == nil {
				var all []kubernetes.Pod
				all, p.err = p.cloud.Pods(ctx, scope)
				for _, x := range all {
					p.pods[x.Deployment] = append(p.pods[x.Deployment], x)
				}
			}
		}
		if p.err != nil {
			targets = append(targets, unseen(row, p.err)...)
			continue
		}
		targets = append(targets, targetsOf(row, attemptAt(row), p.cloud, p.pods[row.ID])...)
	}
	return targets, nil
}

// unseen are the pods that a deployment had when it came into service, of which
// nothing is known now.
func unseen(row *store.Deployment, err error) []qos.Target {
	out := []qos.Target{}
	for _, i := range row.Instances {
		out = append(out, qos.Target{
			Deployment: row.Name, DeploymentID: row.ID, Service: row.Service.Name, Instance: i.Name,
			Provider: row.Provider, Region: row.Region, Sandbox: row.Sandbox, Kube: &qos.KubeTarget{Err: err},
		})
	}
	return out
}

// PodStatus is a pod as its cluster sees it.
type PodStatus struct {
	Namespace string `json:"namespace"`
	Node      string `json:"node"`
	Phase     string `json:"phase"`
	Ready     bool   `json:"ready"`
	Restarts  int    `json:"restarts"`
}

// podStatus fills in the pods of a deployment as they are now.
func (d *Deployer) podStatus(ctx context.Context, row *store.Deployment, st *Status) {
	targets, err := d.podTargets(ctx, row, attemptAt(row))
	if err != nil {
		st.Problem = err.Error()
		for _, i := range row.Instances {
			st.Live = append(st.Live, InstanceStatus{Instance: i, Exists: Unknown, Healthy: Unknown})
		}
		return
	}
	for _, t := range targets {
		p := t.Kube.Pod
		s := InstanceStatus{
			Instance: podInstance(&p), Exists: Yes, Healthy: No,
			Pod: &PodStatus{Namespace: p.Namespace, Node: p.Node, Phase: p.Phase, Ready: p.Ready, Restarts: p.Restarts()},
		}
		// Ready is what the kubelet's probe of the health check came to.
		if p.Ready {
			s.Healthy = Yes
		} else {
			s.Detail = qos.PodDetail(p)
		}
		st.Live = append(st.Live, s)
	}
}
