package plugin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	"google.golang.org/api/compute/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"skysail/internal/tfplugin"
)

// googleCompute is where Compute Engine is unless the configuration says
// otherwise.
const googleCompute = "https://compute.googleapis.com/compute/v1/"

// The scopes that the real provider asks for.
var googleScopes = []string{compute.CloudPlatformScope, "https://www.googleapis.com/auth/userinfo.email"}

// googleTimeout is the real provider's default for each of the timeouts.
const googleTimeout = 20 * time.Minute

func newGoogle() *tfplugin.Provider[*googleCloud] {
	s := schema("google.json", GoogleSource)
	settings := &googleSettings{}
	return &tfplugin.Provider[*googleCloud]{
		Source:      GoogleSource,
		Schema:      s,
		LegacyTypes: true,
		EnvDefaults: map[string][]string{
			"credentials":             {"GOOGLE_CREDENTIALS", "GOOGLE_CLOUD_KEYFILE_JSON", "GCLOUD_KEYFILE_JSON"},
			"access_token":            {"GOOGLE_OAUTH_ACCESS_TOKEN"},
			"project":                 {"GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"},
			"region":                  {"GOOGLE_REGION", "GCLOUD_REGION", "CLOUDSDK_COMPUTE_REGION"},
			"zone":                    {"GOOGLE_ZONE", "GCLOUD_ZONE", "CLOUDSDK_COMPUTE_ZONE"},
			"compute_custom_endpoint": {"GOOGLE_COMPUTE_CUSTOM_ENDPOINT"},
		},
		Configure: settings.configure,
		Resources: map[string]*tfplugin.Resource[*googleCloud]{
			"google_compute_instance": googleInstanceResource(s.ResourceSchemas["google_compute_instance"].Block, settings),
			"google_compute_firewall": googleFirewallResource(settings),
			"google_compute_disk":     googleDiskResource(settings),
		},
	}
}

// googleSettings are the parts of the provider's configuration that a plan
// depends on. Terraform configures a provider before it asks for a plan.
type googleSettings struct {
	project, zone string
	labels        map[string]string
	attribution   bool // CREATION_ONLY, the default of the real provider
	everywhere    bool // PROACTIVE
	deletion      string
}

// googleCloud is the SDK's client with what the configuration says.
type googleCloud struct {
	*compute.Service
	*googleSettings
	poll time.Duration
}

func (s *googleSettings) configure(_ context.Context, config tfplugin.Object) (*googleCloud, error) {
	endpoint := config.String("compute_custom_endpoint")
	if endpoint == "" {
		endpoint = googleCompute
	}
	base, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	if err := onlySandbox(base); err != nil {
		return nil, err
	}
	poll := pollEvery
	if text := config.String("poll_interval"); text != "" {
		if poll, err = time.ParseDuration(text); err != nil {
			return nil, fmt.Errorf("could not parse poll_interval value: %w", err)
		}
	}
	// The context of this call ends with it; the client outlives it.
	ctx := context.Background()
	client, err := googleHTTP(ctx, config)
	if err != nil {
		return nil, err
	}
	service, err := compute.NewService(ctx, option.WithHTTPClient(client), option.WithEndpoint(strings.TrimSuffix(endpoint, "/")+"/"))
	if err != nil {
		return nil, err
	}
	s.project, s.zone, s.labels = config.String("project"), config.String("zone"), config.StringMap("default_labels")
	s.attribution = !config.IsSet("add_terraform_attribution_label") || config.Bool("add_terraform_attribution_label")
	s.everywhere = config.String("terraform_attribution_label_addition_strategy") == "PROACTIVE"
	s.deletion = config.String("deletion_policy")
	if s.deletion == "" {
		s.deletion = "DELETE"
	}
	return &googleCloud{Service: service, googleSettings: s, poll: poll}, nil
}

// googleHTTP makes the client that carries the credentials.
func googleHTTP(ctx context.Context, config tfplugin.Object) (*http.Client, error) {
	roots, err := trustedRoots()
	if err != nil {
		return nil, err
	}
	plain := &http.Client{Transport: &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, plain)
	if token := config.String("access_token"); token != "" {
		return oauth2.NewClient(ctx, oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token})), nil
	}
	key, err := googleKey(config.String("credentials"))
	if err != nil {
		return nil, err
	}
	jwt, err := google.JWTConfigFromJSON(key, googleScopes...)
	if err != nil {
		return nil, &tfplugin.Problem{
			Summary: "skysail's stand-in for this provider takes the key of a service account only",
			Detail:  "The sandbox makes one; `skysail sandbox env` prints where it is. " + err.Error(), Err: err,
		}
	}
	tokens, err := url.Parse(jwt.TokenURL)
	if err != nil {
		return nil, err
	}
	if err := onlySandbox(tokens); err != nil {
		return nil, err
	}
	return jwt.Client(ctx), nil
}

// googleKey reads the key: the setting's own text, the file that it names, or
// the file of the application default credentials.
func googleKey(setting string) ([]byte, error) {
	if strings.HasPrefix(strings.TrimSpace(setting), "{") {
		return []byte(setting), nil
	}
	if setting == "" {
		setting = os.Getenv("GOOGLE_APPLICATION_CREDENTIALS")
	}
	if setting == "" {
		return nil, errors.New("Attempted to load application default credentials since neither `credentials` nor `access_token` was set in the provider block.  " + //nolint:staticcheck // the real provider's words
			"No credentials loaded. To use your gcloud credentials, run 'gcloud auth application-default login'.")
	}
	return os.ReadFile(setting) //nolint:gosec // the user's own setting
}

// projectOf and zoneOf are where a resource is: as it says, or as the provider
// is configured.
func (c *googleCloud) projectOf(d *tfplugin.Data) (string, error) {
	if p := d.String("project"); p != "" {
		return p, nil
	}
	if c.project == "" {
		return "", errors.New("project: required field is not set")
	}
	return c.project, nil
}

func (c *googleCloud) zoneOf(d *tfplugin.Data) (string, error) {
	zone := d.String("zone")
	if zone == "" {
		zone = c.zone
	}
	if zone == "" {
		return "", errors.New("Cannot determine zone: set in this resource, or set provider-level zone.") //nolint:staticcheck // the real provider's words
	}
	return linkName(zone), nil
}

// googleMissing says that an error is the API's word for "there is no such
// thing".
func googleMissing(err error) bool {
	var e *googleapi.Error
	return errors.As(err, &e) && e.Code == http.StatusNotFound
}

// linkName is the last part of a link or a path.
func linkName(link string) string { return link[strings.LastIndex(link, "/")+1:] }

// relativeLink is a link from projects/ on; a bare name stays one.
func relativeLink(link string) string {
	if i := strings.Index(link, "projects/"); i >= 0 {
		return link[i:]
	}
	return link
}

// sameLink compares a link with a link, a path or a name.
func sameLink(have, want string) bool {
	if !strings.Contains(want, "/") {
		return linkName(have) == want
	}
	return relativeLink(have) == relativeLink(want)
}

func sameName(a, b string) bool { return linkName(a) == linkName(b) }
