package deploy

import (
	"context"
	"fmt"
	"path/filepath"

	"skysail/clouds"
	"skysail/clouds/digitalocean"
	"skysail/clouds/faults"
	"skysail/clouds/local"
	"skysail/clouds/vultr"
	"skysail/policies"
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

// cloud returns what speaks to a provider, through env.
func (d *Deployer) cloud(provider string, env clouds.Env) (Cloud, error) {
	switch provider {
	case policies.DigitalOcean:
		return digitalocean.New(env), nil
	case policies.Vultr:
		return vultr.New(env), nil
	case policies.Local:
		return local.New(filepath.Join(d.home, "local"), env), nil
	default:
		return nil, fmt.Errorf("this version of skysail can not deploy to %s", provider)
	}
}

// environment is where credentials and endpoints come from: the sandbox, or
// the caller.
func (d *Deployer) environment(ctx context.Context, sandbox bool) (clouds.Env, error) {
	if !sandbox {
		return d.opts.LookupEnv, nil
	}
	sim, err := d.simulator(ctx)
	if err != nil {
		return nil, err
	}
	return clouds.MapEnv(sim.Env()), nil
}

// unavailable says of each provider that a policy could choose why it can
// not be used.
func (d *Deployer) unavailable(env clouds.Env) map[string]string {
	out := map[string]string{}
	for _, p := range policies.Providers() {
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
