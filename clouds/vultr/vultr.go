// Package vultr is all that skysail itself knows of Vultr: where credentials
// are, what refusals mean, and how to find and delete what a deployment left.
package vultr

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"skysail/clouds"
	"skysail/policies"
)

const (
	defaultAPI = "https://api.vultr.com"
	// keyName is the variable that Terraform's provider reads.
	keyName = "VULTR_API_KEY"

	// firstPause is how soon a call is repeated.
	firstPause = time.Second
	// patience bounds the deletion of one thing. A server that is being
	// installed is locked for minutes.
	patience = 6 * time.Minute
)

// Cloud speaks to one Vultr account.
type Cloud struct {
	env      clouds.Env
	api      string
	pause    time.Duration
	patience time.Duration
}

// New returns the account whose credentials env holds. It makes no call.
func New(env clouds.Env) *Cloud {
	return &Cloud{env: env, api: defaultAPI, pause: firstPause, patience: patience}
}

// Credentials returns an error that says what is missing and how to get it.
func (c *Cloud) Credentials() error {
	_, err := c.key()
	return err
}

// TerraformEnv is the API key under the name that Terraform's provider reads,
// and how to reach the network. Vultr's provider has no setting for another
// endpoint.
func (c *Cloud) TerraformEnv() map[string]string {
	out := clouds.NetworkEnv(c.env)
	if k, err := c.key(); err == nil {
		out[keyName] = k.value
	}
	return out
}

// key is a credential and where it was found.
type key struct{ value, source string }

var errNoKey = errors.New("no Vultr API key: set " + keyName +
	" (console → Account → API → Enable API; allow this machine's address under Access Control) or write `api-key: …` into ~/.vultr-cli.yaml")

func (c *Cloud) key() (key, error) {
	if v := clouds.CleanToken(c.env.Get(keyName)); v != "" {
		return key{v, keyName}, nil
	}
	home := c.env.Get("HOME")
	if home == "" {
		return key{}, errNoKey
	}
	path := filepath.Join(home, ".vultr-cli.yaml")
	config, err := clouds.ToolConfig(path)
	if err != nil {
		return key{}, fmt.Errorf("no Vultr API key: vultr-cli's configuration: %w\nset %s, or mend the file", err, keyName)
	}
	if v := clouds.CleanToken(clouds.ToolSetting(config, "api-key")); v != "" {
		return key{v, path}, nil
	}
	return key{}, errNoKey
}

func resource(kind, id, name string) clouds.Resource {
	return clouds.Resource{Provider: policies.Vultr, Kind: kind, ID: id, Name: name, Tags: []string{}}
}
