package plugin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"skysail/internal/apiclient"
	"skysail/internal/tfplugin"
)

// awsRetries is how often the real provider tries a request in all, and
// awsRetryWait the longest pause between two tries, which is 20 seconds there.
const (
	awsRetries   = 25
	awsRetryWait = 100 * time.Millisecond
)

func newAWS() *tfplugin.Provider[*awsCloud] {
	return &tfplugin.Provider[*awsCloud]{
		Source:      AWSSource,
		Schema:      schema("aws.json", AWSSource),
		LegacyTypes: true,
		EnvDefaults: map[string][]string{
			"access_key":  {"AWS_ACCESS_KEY_ID"},
			"secret_key":  {"AWS_SECRET_ACCESS_KEY"},
			"token":       {"AWS_SESSION_TOKEN"},
			"region":      {"AWS_REGION", "AWS_DEFAULT_REGION"},
			"max_retries": {"AWS_MAX_ATTEMPTS"},
			"retry_mode":  {"AWS_RETRY_MODE"},
		},
		Configure: awsClient,
		Resources: map[string]*tfplugin.Resource[*awsCloud]{
			"aws_instance":                        awsInstanceResource(),
			"aws_key_pair":                        awsKeyResource(),
			"aws_security_group":                  awsGroupResource(),
			"aws_vpc_security_group_ingress_rule": awsRuleResource(false),
			"aws_vpc_security_group_egress_rule":  awsRuleResource(true),
		},
		DataSources: map[string]*tfplugin.DataSource[*awsCloud]{
			"aws_ssm_parameter": awsParameterSource(),
		},
	}
}

// awsCloud is the SDK's clients of one region, and whose they are.
type awsCloud struct {
	ec2Calls
	getParameter ssmCall[ssm.GetParameterInput, ssm.GetParameterOutput]
	region       string
	account      string
}

func (c *awsCloud) arn(resource string) string {
	return "arn:aws:ec2:" + c.region + ":" + c.account + ":" + resource
}

// awsUnserved are settings of the real provider that would lead elsewhere, or
// change what is made, without this one doing so.
func awsUnserved(config tfplugin.Object) error {
	const noRole = "The simulated AWS has no roles; give it the access key that `skysail sandbox env` prints."
	var problems []error
	for _, o := range []struct{ name, why string }{
		{"assume_role", noRole},
		{"assume_role_with_web_identity", noRole},
		{"profile", "The stand-in reads no files of the AWS CLI: they lead to real accounts."},
		{"shared_config_files", "The stand-in reads no files of the AWS CLI: they lead to real accounts."},
		{"shared_credentials_files", "The stand-in reads no files of the AWS CLI: they lead to real accounts."},
		{"default_tags", "Tags stand in the resources themselves here; they are part of what is reviewed."},
		{"ignore_tags", "The simulated AWS sets no tags of its own."},
		{"custom_ca_bundle", "Set SSL_CERT_FILE."},
		{"http_proxy", "Set HTTP_PROXY."},
		{"https_proxy", "Set HTTPS_PROXY."},
		{"no_proxy", "Set NO_PROXY."},
		{"use_dualstack_endpoint", "The simulated AWS has one endpoint."},
		{"use_fips_endpoint", "The simulated AWS has one endpoint."},
		{"tag_policy_compliance", "The simulated AWS has no tag policies."},
	} {
		v := config.Value(o.name)
		set := config.Bool(o.name) || config.String(o.name) != "" || len(config.Objects(o.name)) > 0 || len(config.Strings(o.name)) > 0
		if set || !v.IsWhollyKnown() {
			problems = append(problems, &tfplugin.Problem{Summary: o.name + " is not served here", Detail: o.why, Attribute: o.name})
		}
	}
	return errors.Join(problems...)
}

func awsClient(ctx context.Context, conf tfplugin.Object) (*awsCloud, error) {
	if err := awsUnserved(conf); err != nil {
		return nil, err
	}
	region := conf.String("region")
	if region == "" {
		return nil, &tfplugin.Problem{
			Summary: "Invalid provider configuration", Attribute: "region",
			Detail: "The region is not set: give the provider's region argument or AWS_REGION.",
		}
	}
	if conf.String("access_key") == "" || conf.String("secret_key") == "" {
		return nil, &tfplugin.Problem{
			Summary: "No valid credential sources found",
			Detail:  "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; `skysail sandbox env` prints those of the simulated AWS.",
		}
	}
	endpoints, err := awsEndpoints(conf, region)
	if err != nil {
		return nil, err
	}
	// Put together by hand: what the SDK would read of the environment and of
	// the user's files leads to real accounts.
	cfg := awssdk.Config{
		Region:      region,
		Credentials: credentials.NewStaticCredentialsProvider(conf.String("access_key"), conf.String("secret_key"), conf.String("token")),
		HTTPClient:  &http.Client{Transport: guarded{apiclient.WholeRequests(http.DefaultTransport)}},
		Retryer:     awsRetryer(conf),
	}
	c := &awsCloud{
		ec2Calls:     newEC2Calls(ec2.NewFromConfig(cfg, func(o *ec2.Options) { o.BaseEndpoint = endpoints["ec2"] })),
		getParameter: ssm.NewFromConfig(cfg, func(o *ssm.Options) { o.BaseEndpoint = endpoints["ssm"] }).GetParameter,
		region:       region,
	}
	if conf.Bool("skip_credentials_validation") && conf.Bool("skip_requesting_account_id") {
		return c, nil
	}
	who, err := sts.NewFromConfig(cfg, func(o *sts.Options) { o.BaseEndpoint = endpoints["sts"] }).GetCallerIdentity(ctx, nil)
	if err != nil {
		return nil, worded(err, "Retrieving AWS account details: validating provider credentials: retrieving caller identity from STS")
	}
	c.account = awssdk.ToString(who.Account)
	return c, awsAccount(conf, c.account)
}

func awsAccount(conf tfplugin.Object, account string) error {
	allowed := conf.Strings("allowed_account_ids")
	if slices.Contains(conf.Strings("forbidden_account_ids"), account) || (len(allowed) > 0 && !slices.Contains(allowed, account)) {
		return worded(errors.New(account), "AWS account ID not allowed")
	}
	return nil
}

// awsEndpoints finds each service's endpoint as the real provider does, and
// refuses those that are not on this machine before anything is sent.
func awsEndpoints(conf tfplugin.Object, region string) (map[string]*string, error) {
	out := map[string]*string{}
	for _, service := range []string{"ec2", "ssm", "sts"} {
		address := or(os.Getenv("AWS_ENDPOINT_URL_"+strings.ToUpper(service)), os.Getenv("AWS_ENDPOINT_URL"))
		for _, e := range conf.Objects("endpoints") {
			address = or(e.String(service), address)
		}
		if address != "" {
			out[service] = &address
		}
		endpoint, err := url.Parse(or(address, "https://"+service+"."+region+".amazonaws.com"))
		if err != nil {
			return nil, worded(err, "endpoint of %s", service)
		}
		if err := onlySandbox(endpoint); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// guarded holds onlySandbox for every single request.
type guarded struct{ next http.RoundTripper }

func (g guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := onlySandbox(r.URL); err != nil {
		return nil, err
	}
	return g.next.RoundTrip(r)
}

func awsRetryer(conf tfplugin.Object) func() awssdk.Retryer {
	attempts := awsRetries
	if conf.IsSet("max_retries") {
		attempts = max(conf.Int("max_retries"), 1)
	}
	standard := func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = attempts, awsRetryWait
		o.RateLimiter = ratelimit.None
	}
	return func() awssdk.Retryer {
		if conf.String("retry_mode") == "adaptive" {
			return retry.NewAdaptiveMode(func(o *retry.AdaptiveModeOptions) {
				o.StandardOptions = append(o.StandardOptions, standard)
			})
		}
		return retry.NewStandard(standard)
	}
}

// awsMissing says that an error is one of EC2's words for "there is no such
// thing".
func awsMissing(err error, codes ...string) bool {
	var e smithy.APIError
	return errors.As(err, &e) && slices.Contains(codes, e.ErrorCode())
}
