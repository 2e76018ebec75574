package deploy

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"skysail/catalog"
	"skysail/clouds"
	"skysail/clouds/aws"
	"skysail/clouds/digitalocean"
	"skysail/clouds/faults"
	"skysail/clouds/gcp"
	"skysail/clouds/kubernetes"
	"skysail/clouds/local"
	"skysail/clouds/vultr"
	"skysail/policies"
	"skysail/selector"
	"skysail/spec"
	"skysail/store"
)

// Cloud is what a Deployer needs to know of one provider.
type Cloud interface {
	// Credentials returns an error that says what is missing and how to get
	// it, without a network call.
	Credentials() error
	// TerraformEnv is what Terraform's provider needs in its environment.
	TerraformEnv() map[string]string
	// Faults classifies what Terraform prints when this provider refuses.
	Faults() faults.Table
	// Find asks the provider for what carries a deployment's tag. It is
	// idempotent and may be retried; the answer can lag behind a create.
	Find(ctx context.Context, deploymentID string) ([]clouds.Resource, error)
	// Delete removes one resource. What is gone already is no error.
	Delete(ctx context.Context, r clouds.Resource) error
}

// Checker is a cloud whose credentials can be tried: all but the local machine.
type Checker interface {
	// Account says where the credentials were found, without a network call.
	Account() (clouds.Account, error)
	// Check makes one cheap, free call with the credentials and returns whose
	// they are. It changes nothing and may be retried; an error says what is
	// wrong and how to mend it.
	Check(ctx context.Context) (clouds.Account, error)
}

// Measurer is a cloud that measures instances itself.
type Measurer interface {
	// Metrics returns the newest readings of the instances in as few calls as
	// the provider allows. What the provider has not measured yet is left out.
	// It may be retried, and not more often than MetricsCost says.
	Metrics(ctx context.Context, instances []clouds.Measured) ([]clouds.Reading, error)
	// MetricsCost is what one Metrics of these instances takes, and how often
	// asking again makes sense: by the provider's resolution, rate limits and
	// price of a call. It asks nobody.
	MetricsCost(instances []clouds.Measured) clouds.MetricsCost
}

// Seller is a cloud that says what it sells and for how much.
type Seller interface {
	// Offers asks the provider's APIs for everything it sells now and what it
	// costs. A price that can not be had leaves the offer out; a failed call
	// is an error, never a short list. May be retried.
	Offers(ctx context.Context) (catalog.File, error)
}

// Quoter is a cloud whose API says in a moment what the account's limits leave.
type Quoter interface {
	// Quota says whether there is room for what an attempt wants. It changes
	// nothing, may be retried, and gives up when ctx ends: it is asked with a
	// deadline of a second. What the provider does not tell is the zero Room
	// and no error.
	Quota(ctx context.Context, want clouds.Want) (clouds.Room, error)
}

// Lister is a cloud that lists what carries the tag of any deployment: all but
// the local machine, which holds nothing that costs money.
type Lister interface {
	// FindAll is Find for every deployment, this installation's and others';
	// each resource says whose it is. It may be retried.
	FindAll(ctx context.Context) ([]clouds.Resource, error)
}

// cloud returns what speaks to a provider, through env: of the clusters, to the
// policy's own. See cloudOf for the one of an attempt.
func (d *Deployer) cloud(provider string, env clouds.Env) (Cloud, error) {
	switch provider {
	case policies.Kubernetes:
		return kubernetes.New(env, d.policy.Kubernetes.Context, d.policy.Kubernetes.Namespace)
	case policies.AWS:
		return aws.New(env), nil
	case policies.DigitalOcean:
		return digitalocean.New(env), nil
	case policies.GCP:
		return gcp.New(env), nil
	case policies.Vultr:
		return vultr.New(env), nil
	case policies.Local:
		return local.New(filepath.Join(d.home, "local"), env), nil
	default:
		return nil, fmt.Errorf("this version of skysail can not deploy to %s", provider)
	}
}

// cloudOf is cloud for what an attempt made, or is to make: a cluster is told
// by its kubeconfig context, which is the attempt's region, and the namespace,
// which is its type.
func (d *Deployer) cloudOf(row *store.Attempt, env clouds.Env) (Cloud, error) {
	if row.Provider == policies.Kubernetes {
		return kubernetes.New(env, row.Region, row.Type)
	}
	return d.cloud(row.Provider, env)
}

// environment is where credentials and endpoints come from: the sandbox, or
// the caller.
func (d *Deployer) environment(ctx context.Context, sandbox bool) (clouds.Env, error) {
	if !sandbox {
		return d.lookup, nil
	}
	sim, err := d.simulator(ctx)
	if err != nil {
		return nil, err
	}
	return clouds.MapEnv(sim.Env()), nil
}

// unavailable says of each provider that a policy could choose why it can
// not be used. Clusters are another matter: see clusters.
func (d *Deployer) unavailable(env clouds.Env) map[string]string {
	out := map[string]string{}
	for _, p := range policies.Providers() {
		if p == policies.Kubernetes {
			continue
		}
		c, err := d.cloud(p, env)
		if err == nil {
			err = c.Credentials()
		}
		if err != nil {
			out[p] = err.Error()
		}
	}
	return out
}

// clusters asks the clusters that a selection could come to, side by side, and
// nobody when it comes to none: one that is away takes seconds not to answer.
func (d *Deployer) clusters(ctx context.Context, env clouds.Env, svc *spec.Service) map[string]string {
	names := selector.Clusters(svc, &d.policy)
	why := make([]string, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { why[i] = d.clusterRefusal(ctx, env, name) })
	}
	wg.Wait()
	out := map[string]string{}
	for i, name := range names {
		out[name] = why[i]
	}
	return out
}

// noSandboxCluster is said where the sandbox runs without a cluster.
const noSandboxCluster = "the sandbox has no Kubernetes cluster (`skysail sandbox up --kubernetes` starts one), and a real one is not touched from it"

// clusterRefusal says why a context can not be used now, or "".
func (d *Deployer) clusterRefusal(ctx context.Context, env clouds.Env, name string) string {
	if d.opts.Sandbox && env.Get("KUBECONFIG") == "" {
		return noSandboxCluster
	}
	if _, err := kubernetes.Version(ctx, env, name); err != nil {
		return err.Error()
	}
	return ""
}
