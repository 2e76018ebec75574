package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"skysail/clouds"
	"skysail/clouds/kubernetes"
	"skysail/generator"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/selector"
	"skysail/store"
)

// attemptAt is the place of a deployment's current attempt.
func attemptAt(row *store.Deployment) *store.Attempt {
	return &store.Attempt{N: row.Attempt, Provider: row.Provider, Region: row.Region, Type: row.Type}
}

// cluster is the cluster of an attempt; ok is false for one elsewhere.
func (a *attempt) cluster() (c *kubernetes.Cloud, ok bool) {
	c, ok = a.cloud.(*kubernetes.Cloud)
	return c, ok
}

// clusterKey tells one way to a cluster from another.
type clusterKey struct {
	context, namespace string
	sandbox            bool
}

func clusterKeyOf(row *store.Deployment) clusterKey {
	return clusterKey{row.Region, row.Type, row.Sandbox}
}

// secretNameFile holds the name of the Secret that an attempt's pods use now.
const secretNameFile = "secret.name"

// firstSecret is the name of a deployment's Secret as it is made. One with
// other values, for an update, has another name: so a change rolls the pods,
// and going back finds the values that there were.
func firstSecret(id string) string { return kubernetes.ReleaseName(id) }

// secretName is the name of the Secret for these values: the one that the pods
// have when its values are the same. It tells nothing of them: the MAC's key
// is in the attempt's private folder.
func (a *attempt) secretName(values map[string]string) (string, error) {
	if len(a.dep.Service.Secrets) == 0 {
		return "", nil
	}
	if _, err := os.Stat(filepath.Join(a.private(), secretsMACFile)); errors.Is(err, os.ErrNotExist) {
		return firstSecret(a.dep.ID), nil
	}
	if !secretsChanged(a, values) {
		return a.currentSecret()
	}
	mac, err := secretsMAC(a, values)
	if err != nil {
		return "", err
	}
	return firstSecret(a.dep.ID) + "-" + mac[:10], nil
}

func (a *attempt) currentSecret() (string, error) {
	b, err := os.ReadFile(filepath.Join(a.private(), secretNameFile))
	if errors.Is(err, os.ErrNotExist) {
		return firstSecret(a.dep.ID), nil
	}
	return strings.TrimSpace(string(b)), err
}

// takeSecret keeps which Secret the pods use now, and what secretsChanged
// needs. It returns the Secret's name, "" for a service without secrets.
func (a *attempt) takeSecret(values map[string]string) (string, error) {
	name, err := a.secretName(values)
	if err != nil || name == "" {
		return "", err
	}
	if err := renameio.WriteFile(filepath.Join(a.private(), secretNameFile), []byte(name+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("name of the Secret: %w", err)
	}
	return name, noteSecrets(a, values)
}

// prepareCluster makes what has to be there before the chart is: the
// namespace, where it does not exist, and the Secret, whose values are in no
// chart, plan or state. It may be repeated.
func (d *Deployer) prepareCluster(ctx context.Context, a *attempt, values map[string]string) error {
	c, ok := a.cluster()
	if !ok {
		return nil
	}
	name, err := a.secretName(values)
	if err != nil {
		return err
	}
	return d.step(ctx, a, store.StepCluster, strings.TrimSpace(c.Namespace()+" "+name), func() error {
		made, err := c.JoinNamespace(ctx, a.dep.ID, a.dep.Policy.Kubernetes.CreateNamespace)
		if err != nil {
			return err
		}
		if made {
			d.emit(EventStep, a, "namespace %s did not exist and is made; the last deployment in it takes it away", c.Namespace())
		}
		if name == "" {
			return nil
		}
		return c.EnsureSecret(ctx, a.dep.ID, name, values)
	})
}

// podPatience is how long what an apply made may take to be listed.
const podPatience = 15 * time.Second

// podInstances are the pods of an attempt as instances, those that are on
// their way out left out. There are at least as many as the service wants, or
// it is an error: the apply has waited for them.
func (d *Deployer) podInstances(ctx context.Context, a *attempt) ([]store.Instance, error) {
	c, _ := a.cluster()
	var out []store.Instance
	for end := time.Now().Add(podPatience); ; {
		pods, err := c.Pods(ctx, a.dep.ID)
		if err != nil {
			return nil, err
		}
		out = out[:0]
		for _, p := range living(pods) {
			out = append(out, podInstance(&p))
		}
		if len(out) >= a.dep.Service.Instances {
			return out, nil
		}
		if time.Now().After(end) || !sleep(ctx, time.Second) {
			return nil, fmt.Errorf("%d pods of %d are there", len(out), a.dep.Service.Instances)
		}
	}
}

// podInstance is a pod as an instance. Its ID is that of the pod, which is
// another after each restart of it elsewhere.
func podInstance(p *kubernetes.Pod) store.Instance {
	return store.Instance{ID: p.UID, Name: p.Name, Address: p.IP}
}

// living are the pods that are not on their way out.
func living(pods []kubernetes.Pod) []kubernetes.Pod {
	out := make([]kubernetes.Pod, 0, len(pods))
	for _, p := range pods {
		if !p.Terminating {
			out = append(out, p)
		}
	}
	return out
}

// clusterListers are the clusters to ask for orphans: those that deployments of
// this store are or were on, and the policy's where they are set up.
func (d *Deployer) clusterListers(ctx context.Context, env clouds.Env, q OrphanQuery, unasked map[string]string) ([]lister, error) {
	known, err := d.journal(ctx)
	if err != nil {
		return nil, err
	}
	places := map[clusterKey]bool{} // true for one that something was on
	for _, e := range known {
		for _, at := range e.attempts {
			if at.Provider == policies.Kubernetes && e.row.Sandbox == q.Sandbox {
				places[clusterKey{at.Region, at.Type, q.Sandbox}] = true
			}
		}
	}
	for _, name := range selector.Contexts(&d.policy) {
		k := clusterKey{name, d.policy.Kubernetes.Namespace, q.Sandbox}
		places[k] = places[k] || len(q.Providers) > 0
	}
	var out []lister
	for k, used := range places {
		name := policies.Kubernetes + " " + k.context
		var c *kubernetes.Cloud
		err := error(nil)
		if q.Sandbox && env.Get("KUBECONFIG") == "" {
			err = errors.New(noSandboxCluster)
		} else if c, err = kubernetes.New(env, k.context, k.namespace); err == nil {
			err = c.Credentials()
		}
		switch {
		case err == nil:
			out = append(out, lister{name, clusterLister{c, k}})
		case len(q.Providers) > 0:
			return nil, failure.Wrap(err, failure.Input, name+" can not be asked", "Nothing was changed.", "")
		case used:
			unasked[name] = err.Error()
		}
	}
	slices.SortFunc(out, func(a, b lister) int { return strings.Compare(a.name, b.name) })
	return out, nil
}

// clusterLister tells of what is on a cluster where: by its context, as the
// attempts of this store have it. The namespace is part of the name.
type clusterLister struct {
	*kubernetes.Cloud
	place clusterKey
}

// FindAll implements Lister.
func (l clusterLister) FindAll(ctx context.Context) ([]clouds.Resource, error) {
	list, err := l.Cloud.FindAll(ctx)
	for i := range list {
		list[i].Name, list[i].Region = list[i].Region+"/"+list[i].Name, l.place.context
	}
	return list, err
}

// settleSecret ends an update on a cluster: the Secret of the new values is the
// one that counts, and those of earlier ones go.
func (d *Deployer) settleSecret(ctx context.Context, a *attempt, values map[string]string, changed bool) error {
	c, ok := a.cluster()
	if !ok || len(a.dep.Service.Secrets) == 0 && !changed {
		return nil
	}
	name, err := a.takeSecret(values)
	if err != nil {
		return err
	}
	return d.step(ctx, a, store.StepCluster, "Secrets of earlier values", func() error { return c.KeepSecret(ctx, a.dep.ID, name) })
}

// dropNewSecrets removes the Secrets of an update that is taken back: the pods
// have the one of before.
func (d *Deployer) dropNewSecrets(ctx context.Context, a *attempt) error {
	c, ok := a.cluster()
	if !ok {
		return nil
	}
	name, err := a.currentSecret()
	if err != nil {
		return err
	}
	return d.step(ctx, a, store.StepCluster, "Secrets that were not taken", func() error { return c.KeepSecret(ctx, a.dep.ID, name) })
}

// unlockRelease ends what a Helm that died had begun with a release: until then
// nothing else may be done with it. The caller has taken the deployment over,
// so that no Helm works on it.
func (d *Deployer) unlockRelease(ctx context.Context, a *attempt) error {
	c, ok := a.cluster()
	if !ok {
		return nil
	}
	var ended []string
	err := d.step(ctx, a, store.StepCluster, "release that was left half way", func() (err error) {
		ended, err = c.UnlockRelease(ctx, a.dep.ID)
		return err
	})
	if len(ended) > 0 {
		d.emit(EventStep, a, "Helm was killed in the middle of a change; its record of that is removed: %s", strings.Join(ended, ", "))
	}
	return err
}

// clusterInput is what a bundle for a cluster has beside the rest. Helm is not
// to make the namespace: one that skysail makes says whose it is.
func (d *Deployer) clusterInput(dep *store.Deployment) generator.Kubernetes {
	k := generator.Kubernetes{Ref: dep.Policy.Kubernetes}
	k.Ref.CreateNamespace = false
	// Helm takes back what is not ready, and that has to fit in as well.
	k.ReadyTimeout = min(d.opts.ReadyTimeout, dep.Policy.Failover.Timeout(policies.Kubernetes)*4/5)
	return k
}
