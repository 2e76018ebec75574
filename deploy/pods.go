package deploy

import (
	"context"
	"fmt"
	"sync"
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
			Provider: row.Provider, Region: row.Region, Sandbox: dep.Sandbox, LogRules: dep.Service.Logs,
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
	places := map[clusterKey]*podSight{}
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
		k := clusterKeyOf(row)
		if places[k] == nil {
			places[k] = d.podSight(ctx, row, scope)
		}
		t, err := places[k].targets(row)
		if err != nil {
			t = unseen(row, err)
		}
		targets = append(targets, t...)
	}
	return targets, nil
}

// podSight is what a namespace of a cluster has of pods, by deployment.
type podSight struct {
	cloud *kubernetes.Cloud
	pods  map[string][]kubernetes.Pod
	err   error // why it is not known
}

// podSight asks where a deployment is for its pods, or those of all deployments
// for clouds.Any.
func (d *Deployer) podSight(ctx context.Context, row *store.Deployment, scope string) *podSight {
	s := &podSight{pods: map[string][]kubernetes.Pod{}}
	if s.cloud, s.err = d.clusterOf(ctx, row, attemptAt(row)); s.err != nil {
		return s
	}
	var all []kubernetes.Pod
	all, s.err = s.cloud.Pods(ctx, scope)
	for _, p := range all {
		s.pods[p.Deployment] = append(s.pods[p.Deployment], p)
	}
	return s
}

// targets are the pods of one of the deployments.
func (s *podSight) targets(row *store.Deployment) ([]qos.Target, error) {
	if s.err != nil {
		return nil, s.err
	}
	return targetsOf(row, attemptAt(row), s.cloud, s.pods[row.ID]), nil
}

// clusterSight is what a namespace of a cluster has of all deployments.
type clusterSight struct {
	*podSight
	found    map[string][]clouds.Resource
	foundErr error
}

// clusterSights asks every cluster in which several of the deployments are, side
// by side. Where there is one alone it is cheaper to ask for that.
func (d *Deployer) clusterSights(ctx context.Context, rows []store.Deployment) map[clusterKey]*clusterSight {
	ctx, cancel := context.WithTimeout(ctx, clusterTimeout)
	defer cancel()
	at := map[clusterKey][]*store.Deployment{}
	for i := range rows {
		if rows[i].Provider == policies.Kubernetes && rows[i].Attempt > 0 {
			k := clusterKeyOf(&rows[i])
			at[k] = append(at[k], &rows[i])
		}
	}
	out := map[clusterKey]*clusterSight{}
	var asked sync.WaitGroup
	for k, there := range at {
		if len(there) == 1 {
			continue
		}
		s := &clusterSight{found: map[string][]clouds.Resource{}}
		out[k] = s
		asked.Go(func() {
			if s.podSight = d.podSight(ctx, there[0], clouds.Any); s.cloud == nil {
				s.foundErr = s.err
				return
			}
			var all []clouds.Resource
			if all, s.foundErr = s.cloud.FindAll(ctx); s.foundErr != nil {
				return
			}
			for _, r := range all {
				s.found[r.Deployment] = append(s.found[r.Deployment], r)
			}
		})
	}
	asked.Wait()
	return out
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

// pods fills in the pods of a deployment as they are now.
func (st *Status) pods(row *store.Deployment, targets []qos.Target, err error) {
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
