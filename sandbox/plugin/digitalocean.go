package plugin

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/digitalocean/godo"
	"golang.org/x/oauth2"

	"skysail/internal/lazyregexp"
	"skysail/internal/tfplugin"
)

const digitalOceanAPI = "https://api.digitalocean.com"

// The pauses between the attempts of one request, in seconds. The real
// provider's are 1 and 30; it makes as many attempts.
const (
	digitalOceanRetries = 4
	digitalOceanWaitMin = 0.05
	digitalOceanWaitMax = 0.5
)

func newDigitalOcean() *tfplugin.Provider[*godo.Client] {
	return &tfplugin.Provider[*godo.Client]{
		Source:      DigitalOceanSource,
		Schema:      schema("digitalocean.json", DigitalOceanSource),
		LegacyTypes: true,
		EnvDefaults: map[string][]string{
			"token":               {"DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN"},
			"api_endpoint":        {"DIGITALOCEAN_API_URL"},
			"requests_per_second": {"DIGITALOCEAN_REQUESTS_PER_SECOND"},
			"http_retry_max":      {"DIGITALOCEAN_HTTP_RETRY_MAX"},
			"http_retry_wait_min": {"DIGITALOCEAN_HTTP_RETRY_WAIT_MIN"},
			"http_retry_wait_max": {"DIGITALOCEAN_HTTP_RETRY_WAIT_MAX"},
		},
		Configure: digitalOceanClient,
		Resources: map[string]*tfplugin.Resource[*godo.Client]{
			"digitalocean_droplet":  dropletResource(),
			"digitalocean_firewall": doFirewallResource(),
			"digitalocean_ssh_key":  doKeyResource(),
			"digitalocean_tag":      doTagResource(),

			"digitalocean_volume":            doVolumeResource(),
			"digitalocean_volume_attachment": doAttachmentResource(),
		},
	}
}

func digitalOceanClient(_ context.Context, config tfplugin.Object) (*godo.Client, error) {
	for _, name := range []string{"spaces_endpoint", "spaces_access_id", "spaces_secret_key"} {
		if config.String(name) != "" {
			return nil, &tfplugin.Problem{Summary: name + " is not served here", Detail: "The simulated DigitalOcean has no Spaces.", Attribute: name}
		}
	}
	endpoint, err := url.Parse(or(config.String("api_endpoint"), digitalOceanAPI))
	if err != nil {
		return nil, &tfplugin.Problem{Summary: err.Error(), Attribute: "api_endpoint", Err: err}
	}
	if err := onlySandbox(endpoint); err != nil {
		return nil, err
	}
	var opts []godo.ClientOpt
	retries := digitalOceanRetries
	if config.IsSet("http_retry_max") {
		retries = config.Int("http_retry_max")
	}
	if retries > 0 {
		opts = append(opts, godo.WithRetryAndBackoffs(godo.RetryConfig{
			RetryMax:     retries,
			RetryWaitMin: godo.PtrTo(or(config.Float("http_retry_wait_min"), digitalOceanWaitMin)),
			RetryWaitMax: godo.PtrTo(or(config.Float("http_retry_wait_max"), digitalOceanWaitMax)),
		}))
	}
	if rate := config.Float("requests_per_second"); rate > 0 {
		opts = append(opts, godo.SetStaticRateLimit(rate))
	}
	token := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: config.String("token")})
	client, err := godo.New(oauth2.NewClient(context.Background(), token), opts...)
	if err != nil {
		return nil, err
	}
	client.BaseURL = endpoint
	return client, nil
}

var tagName = lazyregexp.New(`^[a-zA-Z0-9:\-_]{1,255}$`)

func validTags(o tfplugin.Object, attribute string) error {
	for _, tag := range o.Strings(attribute) {
		if err := validTag(attribute, tag); err != nil {
			return err
		}
	}
	return nil
}

func validTag(attribute, tag string) error {
	if tagName.MatchString(tag) {
		return nil
	}
	return &tfplugin.Problem{
		Summary:   "tags may contain lowercase letters, numbers, colons, dashes, and underscores; there is a limit of 255 characters per tag",
		Detail:    fmt.Sprintf("%q is not such a tag.", tag),
		Attribute: attribute,
	}
}

// notEmpty refuses strings that are set and empty.
func notEmpty(o tfplugin.Object, attributes ...string) error {
	for _, a := range attributes {
		if o.IsSet(a) && o.IsKnown(a) && o.String(a) == "" {
			return &tfplugin.Problem{Summary: a + " must not be empty", Attribute: a}
		}
	}
	return nil
}

func missing(resp *godo.Response) bool {
	return resp != nil && resp.Response != nil && resp.StatusCode == http.StatusNotFound
}

func numericID(d *tfplugin.Data, what string) (int, error) {
	id, err := strconv.Atoi(d.ID())
	if err != nil {
		return 0, fmt.Errorf("invalid %s id: %w", what, err)
	}
	return id, nil
}

func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}
