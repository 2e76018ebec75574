// Package gcp is all that skysail itself knows of Google Cloud: where
// credentials and project are, what refusals mean, how to find and delete what
// a deployment left, what Google measures of instances, and what it sells.
package gcp

import (
	"strings"
	"time"

	"skysail/clouds"
	"skysail/policies"
)

const (
	// computeEndpoint is the variable with which Terraform's provider is sent
	// to another address; it ends in /compute/v1/.
	computeEndpoint = "GOOGLE_COMPUTE_CUSTOM_ENDPOINT"

	// firstPause is how soon a call is repeated.
	firstPause = time.Second
	// patience bounds the deletion of one thing. An instance is given 90 s to
	// shut down before it is deleted.
	patience = 6 * time.Minute
)

// Cloud speaks to one project of Google Cloud.
type Cloud struct {
	env      clouds.Env
	api      addresses
	pause    time.Duration
	patience time.Duration
	now      func() time.Time
	// product is the file in which a machine says whose it is.
	product string
}

// addresses are where Google's APIs are. They end in a slash.
type addresses struct{ compute, monitoring, billing string }

// New returns the project whose credentials env holds. It makes no call.
func New(env clouds.Env) *Cloud {
	c := &Cloud{
		env: env,
		api: addresses{
			compute:    "https://compute.googleapis.com/compute/v1/",
			monitoring: "https://monitoring.googleapis.com/",
			billing:    "https://cloudbilling.googleapis.com/",
		},
		pause: firstPause, patience: patience, now: time.Now,
		product: "/sys/class/dmi/id/product_name",
	}
	if other := env.Get(computeEndpoint); other != "" {
		c.api.compute = strings.TrimSuffix(other, "/") + "/"
	}
	return c
}

// Credentials returns an error that says whether credentials or project are
// missing and how to get them.
func (c *Cloud) Credentials() error {
	_, _, err := c.account()
	return err
}

// account is both of what a call needs.
func (c *Cloud) account() (*credential, string, error) {
	cred, err := c.credential()
	if err != nil {
		return nil, "", err
	}
	project, err := c.project(cred)
	return cred, project, err
}

// TerraformEnv is credentials and project under the names that Terraform's
// provider reads, and how to reach the network.
func (c *Cloud) TerraformEnv() map[string]string {
	out := clouds.NetworkEnv(c.env)
	if v := c.env.Get(computeEndpoint); v != "" {
		out[computeEndpoint] = v
	}
	cred, project, err := c.account()
	if err != nil {
		return out
	}
	for k, v := range cred.env {
		out[k] = v
	}
	out["GOOGLE_PROJECT"] = project
	return out
}

// Account says where the credentials were found, without a network call.
func (c *Cloud) Account() (clouds.Account, error) {
	cred, project, err := c.account()
	if err != nil {
		return clouds.Account{}, err
	}
	return clouds.Account{Source: cred.source, ID: project}, nil
}

func resource(kind, id, name string) clouds.Resource {
	return clouds.Resource{Provider: policies.GCP, Kind: kind, ID: id, Name: name, Tags: []string{}}
}
