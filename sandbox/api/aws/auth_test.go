package aws

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"skysail/sandbox/world"
)

// calls makes one cheap call of each service.
func calls(t *testing.T, cfg awssdk.Config) map[string]error {
	t.Helper()
	_, e := ec2.NewFromConfig(cfg).DescribeVpcs(t.Context(), nil)
	_, s := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), nil)
	_, m := ssm.NewFromConfig(cfg).GetParameter(t.Context(), &ssm.GetParameterInput{Name: awssdk.String("/aws/service/debian/release/13/latest/amd64")})
	_, w := cloudwatch.NewFromConfig(cfg).GetMetricData(t.Context(), metricQuery("i-0123456789abcdef0", "CPUUtilization", "Average", 60))
	_, p := pricing.NewFromConfig(cfg).GetProducts(t.Context(), &pricing.GetProductsInput{ServiceCode: awssdk.String("AmazonEC2")})
	return map[string]error{"ec2": e, "sts": s, "ssm": m, "monitoring": w, "pricing": p}
}

func TestCredentials(t *testing.T) {
	c := newCloud(t)
	for service, err := range calls(t, c.config) {
		if err != nil {
			t.Errorf("%s: %v", service, err)
		}
	}
	tokens := c.world.State().Tokens
	const signature = "The request signature we calculated does not match the signature you provided."
	for _, tc := range []struct {
		name, key, secret string
		want              map[string][3]string // code, message, status
	}{
		{"unknown key", "AKIAIOSFODNN7EXAMPLE", tokens[provider], map[string][3]string{
			"ec2":        {"AuthFailure", "AWS was not able to validate the provided access credentials", "401"},
			"sts":        {"InvalidClientTokenId", "The security token included in the request is invalid.", "403"},
			"ssm":        {"UnrecognizedClientException", "The security token included in the request is invalid.", "400"},
			"monitoring": {"InvalidClientTokenId", "The security token included in the request is invalid.", "403"},
			"pricing":    {"UnrecognizedClientException", "The security token included in the request is invalid.", "400"},
		}},
		{"wrong secret", tokens[world.AWSKeyID], "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", map[string][3]string{
			"ec2":        {"AuthFailure", "AWS was not able to validate the provided access credentials", "401"},
			"sts":        {"SignatureDoesNotMatch", signature, "403"},
			"ssm":        {"InvalidSignatureException", signature, "400"},
			"monitoring": {"SignatureDoesNotMatch", signature, "403"},
			"pricing":    {"InvalidSignatureException", signature, "400"},
		}},
	} {
		cfg := c.config.Copy()
		cfg.Credentials = credentials.NewStaticCredentialsProvider(tc.key, tc.secret, "")
		for service, err := range calls(t, cfg) {
			t.Run(tc.name+" "+service, func(t *testing.T) {
				wantError(t, err, tc.want[service][0], tc.want[service][1])
				var re *awshttp.ResponseError
				if !errors.As(err, &re) || http.StatusText(re.HTTPStatusCode()) == "" || !strings.Contains(err.Error(), "StatusCode: "+tc.want[service][2]) {
					t.Errorf("err = %v, want status %s", err, tc.want[service][2])
				}
			})
		}
	}
}

// TestTheBodyIsSigned sends a request whose body is not the one that was
// signed, and one without any signature.
func TestTheBodyIsSigned(t *testing.T) {
	c := newCloud(t)
	cfg := c.config.Copy()
	cfg.HTTPClient = &http.Client{Transport: swap{}}
	_, err := ec2.NewFromConfig(cfg).DescribeVpcs(t.Context(), nil)
	wantError(t, err, "AuthFailure", "AWS was not able to validate")
	cfg.Credentials = awssdk.AnonymousCredentials{}
	cfg.HTTPClient = c.config.HTTPClient
	_, err = ec2.NewFromConfig(cfg).DescribeVpcs(t.Context(), nil)
	wantError(t, err, "MissingAuthenticationToken", "Request is missing Authentication Token")
}

// swap changes a request after it was signed.
type swap struct{}

func (swap) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	body := "Action=DeleteSecurityGroup&Version=2016-11-15&GroupId=sg-0123456789abcdef0"
	r.Body, r.ContentLength = http.NoBody, 0
	again, err := http.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	again.Header, again.Host = r.Header, r.Host
	return http.DefaultTransport.RoundTrip(again)
}

func TestAuthFault(t *testing.T) {
	c := newCloud(t)
	c.fault(world.Fault{Kind: world.Auth})
	got := calls(t, c.config)
	wantError(t, got["ec2"], "AuthFailure", "")
	wantError(t, got["sts"], "InvalidClientTokenId", "")
}

func TestIdentity(t *testing.T) {
	c := newCloud(t)
	who, err := sts.NewFromConfig(c.config).GetCallerIdentity(t.Context(), nil)
	check(t, err)
	if *who.Account != Account || !strings.HasPrefix(*who.Arn, "arn:aws:iam::"+Account+":") || *who.UserId == "" {
		t.Errorf("%+v", who)
	}
}
