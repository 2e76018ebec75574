// Package aws is all that skysail itself knows of Amazon Web Services: where
// credentials are, what refusals mean, how to find and delete what a
// deployment left, what instances measure, and what is sold for how much.
package aws

import (
	"os"
	"slices"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"skysail/clouds"
	"skysail/policies"
)

const (
	// firstPause is how soon a deletion is looked at again.
	firstPause = time.Second
	// longestPause is the longest wait between two tries of one call.
	longestPause = 20 * time.Second
	// patience bounds the deletion of one thing. Large instances take minutes
	// to shut down.
	patience = 10 * time.Minute
	// homeRegion is asked where no region is set: it is never switched off.
	homeRegion = "us-east-1"
)

// Cloud speaks to one AWS account. It may be used by several goroutines.
type Cloud struct {
	env      clouds.Env
	pause    time.Duration
	longest  time.Duration
	patience time.Duration
	now      func() time.Time

	mu sync.Mutex
	// cached keeps short-lived credentials from one call to the next.
	cached *sdk.CredentialsCache
}

// New returns the account whose credentials env leads to. It makes no call.
func New(env clouds.Env) *Cloud {
	return &Cloud{env: env, pause: firstPause, longest: longestPause, patience: patience, now: time.Now}
}

// Credentials returns an error that says what is missing and how to get it.
// It reads files at most.
func (c *Cloud) Credentials() error {
	_, err := c.find()
	return err
}

// settings are the variables that AWS's tools, and Terraform's provider among
// them, read: https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html
var settings = []string{
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE",
	"AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE",
	"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
	"AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
	"AWS_CA_BUNDLE", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_STS_REGIONAL_ENDPOINTS",
	"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2", "AWS_ENDPOINT_URL_SSM", "AWS_ENDPOINT_URL_STS", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
}

// TerraformEnv is what leads Terraform's provider to the same credentials and
// endpoints, and how to reach the network. The region is not in it: a bundle
// names its own.
func (c *Cloud) TerraformEnv() map[string]string {
	out := clouds.NetworkEnv(c.env)
	for _, name := range settings {
		if v := c.env.Get(name); v != "" {
			out[name] = v
		}
	}
	if home := c.env.Get("HOME"); home != "" {
		out["HOME"] = home
		return out
	}
	// Who has no home has no files there: those of this process's user are
	// not for, say, the sandbox.
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		if out[name] == "" {
			out[name] = os.DevNull
		}
	}
	return out
}

// resource is one with its tags as the other providers have them: key:value.
func resource(kind, id, region string, tags map[string]string) clouds.Resource {
	list := make([]string, 0, len(tags))
	for k, v := range tags {
		list = append(list, k+":"+v)
	}
	slices.Sort(list)
	return clouds.Resource{Provider: policies.AWS, Kind: kind, ID: id, Name: tags["Name"], Region: region, Tags: list}
}
