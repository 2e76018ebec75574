// Package digitalocean is all that skysail itself knows of DigitalOcean: where
// credentials are, what refusals mean, and how to find and delete what a
// deployment left.
package digitalocean

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"skysail/clouds"
	"skysail/policies"
)

const (
	defaultAPI = "https://api.digitalocean.com/"
	apiURLName = "DIGITALOCEAN_API_URL"
	// tokenName is the variable that Terraform's provider reads.
	tokenName = "DIGITALOCEAN_TOKEN"

	// firstPause is how soon a call is repeated.
	firstPause = time.Second
	// patience bounds the deletion of one thing. A droplet takes seconds, and
	// minutes while it is still being made.
	patience = 6 * time.Minute
)

// Cloud speaks to one DigitalOcean account.
type Cloud struct {
	env      clouds.Env
	pause    time.Duration
	patience time.Duration
}

// New returns the account whose credentials env holds. It makes no call.
func New(env clouds.Env) *Cloud {
	return &Cloud{env: env, pause: firstPause, patience: patience}
}

// Credentials returns an error that says what is missing and how to get it.
func (c *Cloud) Credentials() error {
	if _, err := c.token(); err != nil {
		return err
	}
	_, err := c.api()
	return err
}

// TerraformEnv is the token under the name that Terraform's provider reads,
// the endpoint where it is not the usual one, and how to reach the network.
func (c *Cloud) TerraformEnv() map[string]string {
	out := clouds.NetworkEnv(c.env)
	if t, err := c.token(); err == nil {
		out[tokenName] = t.value
	}
	if u := c.env.Get(apiURLName); u != "" {
		out[apiURLName] = u
	}
	return out
}

// token is a credential and where it was found.
type token struct{ value, source string }

var errNoToken = errors.New("no DigitalOcean token: set " + tokenName +
	" (control panel → API → Generate New Token, with full access, or with the scopes " + scopes + ") or run `doctl auth init`")

// scopes are what a token with custom scopes needs for a whole deployment.
const scopes = "actions:read, image:read, monitoring:read, regions:read, sizes:read and all of droplet, firewall, ssh_key and tag, for data disks of block_storage and block_storage_action"

func (c *Cloud) token() (token, error) {
	for _, name := range []string{tokenName, "DIGITALOCEAN_ACCESS_TOKEN"} {
		if v := clouds.CleanToken(c.env.Get(name)); v != "" {
			return token{v, name}, nil
		}
	}
	for _, path := range c.doctlConfigs() {
		config, err := clouds.ToolConfig(path)
		if err != nil {
			return token{}, fmt.Errorf("no DigitalOcean token: doctl's configuration: %w\nset %s, or run `doctl auth init`", err, tokenName)
		}
		if v := doctlToken(config, c.env.Get("DIGITALOCEAN_CONTEXT")); v != "" {
			return token{v, path}, nil
		}
	}
	return token{}, errNoToken
}

// api is the address of the API.
func (c *Cloud) api() (*url.URL, error) {
	raw := c.env.Get(apiURLName)
	if raw == "" {
		raw = defaultAPI
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, fmt.Errorf("%s is not an http or https address: set it to one, or unset it for %s", apiURLName, defaultAPI)
	}
	return u, nil
}

func resource(kind, id, name string) clouds.Resource {
	return clouds.Resource{Provider: policies.DigitalOcean, Kind: kind, ID: id, Name: name, Tags: []string{}}
}
