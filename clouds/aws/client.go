package aws

import (
	"context"
	"fmt"
	"net/http"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"skysail/clouds"
	"skysail/internal/apiclient"
)

// attempts is how often a call is made that is throttled or not answered; the
// SDK waits longer each time.
const attempts = 6

// client is a connection for one Find, Delete, …
type client struct {
	cloud *Cloud
	found found
	cfg   sdk.Config
	http  *http.Client
}

// connect leads to the account. It makes no call: credentials that have to be
// asked for are when the first call needs them.
func (c *Cloud) connect(ctx context.Context) (*client, error) {
	f, err := c.find()
	if err != nil {
		return nil, err
	}
	base, err := c.httpClient()
	if err != nil {
		return nil, err
	}
	creds, err := c.provider(ctx, f, base)
	if err != nil {
		return nil, fmt.Errorf("AWS credentials from %s: %w\n%s", f.source, err, f.expired)
	}
	base.Transport = apiclient.WholeRequests(base.Transport)
	cfg := c.config(c.region(f.region), base)
	cfg.Credentials = creds
	return &client{cloud: c, found: f, cfg: cfg, http: base}, nil
}

// close drops idle connections: nothing of a call stays behind.
func (a *client) close() { a.http.CloseIdleConnections() }

// httpClient honours AWS_CA_BUNDLE as AWS's tools do.
func (c *Cloud) httpClient() (*http.Client, error) {
	return clouds.HTTPClient(func(name string) (string, bool) {
		if name == "SSL_CERT_FILE" && c.env.Get(name) == "" {
			return c.env("AWS_CA_BUNDLE")
		}
		return c.env(name)
	})
}

func (c *Cloud) provider(ctx context.Context, f found, base *http.Client) (sdk.CredentialsProvider, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cached != nil {
		return c.cached, nil
	}
	tr := base.Transport.(*http.Transport) //nolint:forcetypeassert // clouds.HTTPClient makes one
	// It outlives this connection, so it keeps none open.
	p, err := f.load(ctx, awshttp.NewBuildableClient().WithTimeout(time.Minute).WithTransportOptions(func(t *http.Transport) {
		t.Proxy, t.TLSClientConfig, t.DisableKeepAlives = tr.Proxy, tr.TLSClientConfig, true
	}))
	if err != nil {
		return nil, err
	}
	c.cached = sdk.NewCredentialsCache(p, func(o *sdk.CredentialsCacheOptions) { o.ExpiryWindow = 5 * time.Minute })
	return c.cached, nil
}

// region is the one to ask what is the same in all.
func (c *Cloud) region(ofProfile string) string {
	switch {
	case c.env.Get("AWS_REGION", "AWS_DEFAULT_REGION") != "":
		return c.env.Get("AWS_REGION", "AWS_DEFAULT_REGION")
	case ofProfile != "":
		return ofProfile
	default:
		return homeRegion
	}
}

// config is put together by hand, since the SDK's own would read this
// process's environment.
func (c *Cloud) config(region string, h sdk.HTTPClient) sdk.Config {
	return sdk.Config{
		Region:     region,
		HTTPClient: h,
		AppID:      "skysail",
		Retryer: func() sdk.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts, o.MaxBackoff = attempts, c.longest
			})
		},
	}
}

// endpoint sends a service's calls where env says, as AWS's tools do:
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
func endpoint[O any](c *Cloud, service string) func(*O) {
	address := c.env.Get("AWS_ENDPOINT_URL_"+service, "AWS_ENDPOINT_URL")
	return func(o *O) {
		if address == "" {
			return
		}
		switch o := any(o).(type) {
		case *ec2.Options:
			o.BaseEndpoint = &address
		case *sts.Options:
			o.BaseEndpoint = &address
		case *cloudwatch.Options:
			o.BaseEndpoint = &address
		case *pricing.Options:
			o.BaseEndpoint = &address
		case *servicequotas.Options:
			o.BaseEndpoint = &address
		}
	}
}

func (a *client) sts() *sts.Client {
	return sts.NewFromConfig(a.cfg, endpoint[sts.Options](a.cloud, "STS"))
}

func (a *client) ec2(region string) *ec2.Client {
	return ec2.NewFromConfig(a.in(region), endpoint[ec2.Options](a.cloud, "EC2"))
}

func (a *client) cloudwatch(region string) *cloudwatch.Client {
	return cloudwatch.NewFromConfig(a.in(region), endpoint[cloudwatch.Options](a.cloud, "CLOUDWATCH"))
}

func (a *client) pricing() *pricing.Client {
	return pricing.NewFromConfig(a.in(pricingRegion), endpoint[pricing.Options](a.cloud, "PRICING"))
}

func (a *client) quotas(region string) *servicequotas.Client {
	return servicequotas.NewFromConfig(a.in(region), endpoint[servicequotas.Options](a.cloud, "SERVICE_QUOTAS"))
}

func (a *client) in(region string) sdk.Config {
	cfg := a.cfg.Copy()
	if region != "" {
		cfg.Region = region
	}
	return cfg
}
