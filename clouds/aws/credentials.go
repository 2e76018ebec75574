package aws

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// found says where credentials are, and how they are had from there.
type found struct {
	// source is for people to read.
	source string
	// expired is what to do when the source gives none any more.
	expired string
	// region is the one that comes with the source, or empty.
	region string
	// load may make calls with the client.
	load func(context.Context, *http.BuildableClient) (sdk.CredentialsProvider, error)
}

var errNoCredentials = errors.New("no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (console → IAM → Users → Security credentials), or run `aws configure` or `aws configure sso`, and name the profile with AWS_PROFILE when it is not the default one")

// find looks where AWS's own tools do, and in their order: keys in variables,
// a web identity, a profile, a container's role, an instance's role.
// https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
func (c *Cloud) find() (found, error) {
	id, secret := c.env.Get("AWS_ACCESS_KEY_ID"), c.env.Get("AWS_SECRET_ACCESS_KEY")
	switch {
	case id != "" && secret != "":
		token := c.env.Get("AWS_SESSION_TOKEN")
		return found{
			source: "variable AWS_ACCESS_KEY_ID", expired: "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for a session, AWS_SESSION_TOKEN anew",
			load: func(context.Context, *http.BuildableClient) (sdk.CredentialsProvider, error) {
				return credentials.NewStaticCredentialsProvider(id, secret, token), nil
			},
		}, nil
	case id != "":
		return found{}, errors.New("no AWS credentials: AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not: set both")
	case c.env.Get("AWS_WEB_IDENTITY_TOKEN_FILE") != "":
		return c.webIdentity()
	}
	if f, ok, err := c.profile(); ok || err != nil {
		return f, err
	}
	if f, ok, err := c.container(); ok || err != nil {
		return f, err
	}
	if c.onInstance() {
		return found{source: "role of this EC2 instance", expired: "attach a role to this instance", load: c.instanceRole}, nil
	}
	return found{}, errNoCredentials
}

func (c *Cloud) webIdentity() (found, error) {
	file, role := c.env.Get("AWS_WEB_IDENTITY_TOKEN_FILE"), c.env.Get("AWS_ROLE_ARN")
	if role == "" {
		return found{}, errors.New("no AWS credentials: AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN is not: set both")
	}
	return found{
		source: "variable AWS_WEB_IDENTITY_TOKEN_FILE", expired: "let the file of AWS_WEB_IDENTITY_TOKEN_FILE be renewed",
		load: func(_ context.Context, client *http.BuildableClient) (sdk.CredentialsProvider, error) {
			cfg := c.config(c.region(""), client)
			return stscreds.NewWebIdentityRoleProvider(sts.NewFromConfig(cfg, endpoint[sts.Options](c, "STS")), role,
				stscreds.IdentityTokenFile(file), func(o *stscreds.WebIdentityRoleOptions) {
					o.RoleSessionName = c.env.Get("AWS_ROLE_SESSION_NAME")
				}), nil
		},
	}, nil
}

// files are the shared configuration and the shared credentials; empty where
// env knows of none.
func (c *Cloud) files() (configFile, credentialsFile string) {
	configFile, credentialsFile = c.env.Get("AWS_CONFIG_FILE"), c.env.Get("AWS_SHARED_CREDENTIALS_FILE")
	if home := c.env.Get("HOME"); home != "" {
		if configFile == "" {
			configFile = filepath.Join(home, ".aws", "config")
		}
		if credentialsFile == "" {
			credentialsFile = filepath.Join(home, ".aws", "credentials")
		}
	}
	return configFile, credentialsFile
}

// profile is the profile's way to credentials, if it has one.
func (c *Cloud) profile() (found, bool, error) {
	name := c.env.Get("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
	named := name != ""
	if !named {
		name = "default"
	}
	configFile, credentialsFile := c.files()
	if configFile == "" && credentialsFile == "" {
		return found{}, false, nil
	}
	shared, err := config.LoadSharedConfigProfile(context.Background(), name, func(o *config.LoadSharedConfigOptions) {
		o.ConfigFiles, o.CredentialsFiles = list(configFile), list(credentialsFile)
	})
	var missing config.SharedConfigProfileNotExistError
	switch {
	case errors.As(err, &missing) && !named:
		return found{}, false, nil
	case errors.As(err, &missing):
		return found{}, false, fmt.Errorf("no AWS credentials: neither %s nor %s has the profile %q of AWS_PROFILE: see `aws configure list-profiles`", configFile, credentialsFile, name)
	case err != nil:
		// The error may quote the files, which hold credentials.
		return found{}, false, fmt.Errorf("no AWS credentials: profile %q of %s and %s can not be read: see `aws configure list --profile %s`", name, configFile, credentialsFile, name)
	}
	how, expired, err := way(&shared)
	if err != nil || how == "" {
		return found{}, false, err
	}
	return found{
		source: fmt.Sprintf("profile %s (%s)", name, how), expired: expired, region: shared.Region,
		load: func(ctx context.Context, client *http.BuildableClient) (sdk.CredentialsProvider, error) {
			// Only what the profile leads to is taken from this, none of the
			// settings that it reads from this process's own environment.
			cfg, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(client),
				config.WithSharedConfigProfile(name), config.WithSharedConfigFiles(list(configFile)), config.WithSharedCredentialsFiles(list(credentialsFile)),
				config.WithRegion(c.region(shared.Region)))
			return cfg.Credentials, err
		},
	}, true, nil
}

// way says how a profile gets credentials, empty when it has no way.
func way(p *config.SharedConfig) (how, expired string, err error) {
	login := fmt.Sprintf("run `aws sso login --profile %s`", p.Profile)
	switch {
	case p.MFASerial != "":
		return "", "", fmt.Errorf("no AWS credentials: profile %q asks for an MFA code, and there is nobody to ask: make a session with `aws configure export-credentials --profile %s --format env` and use its variables", p.Profile, p.Profile)
	case p.Source != nil:
		inner, expired, err := way(p.Source)
		if inner == "" {
			return "", "", err
		}
		return fmt.Sprintf("role %s by profile %s", p.RoleARN, p.SourceProfileName), expired, nil
	case p.Credentials.HasKeys():
		return "access key", fmt.Sprintf("run `aws configure --profile %s`", p.Profile), nil
	case strings.EqualFold(p.CredentialSource, "Environment"):
		return "", "", fmt.Errorf("no AWS credentials: profile %q takes its keys from variables: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", p.Profile)
	case p.CredentialSource != "":
		return "role by " + p.CredentialSource, "attach a role to this instance or container", nil
	case p.WebIdentityTokenFile != "":
		return "web identity", "let the profile's web_identity_token_file be renewed", nil
	case p.SSOSession != nil || p.SSOStartURL != "":
		return "SSO", login, nil
	case p.LoginSession != "":
		return "login session", fmt.Sprintf("run `aws login --profile %s`", p.Profile), nil
	case p.CredentialProcess != "":
		return "credential_process", "see what the profile's credential_process prints", nil
	default:
		return "", "", nil
	}
}

// list is a list of one name; that of none is empty but not nil, for which
// the SDK would take its own.
func list(name string) []string {
	if name == "" {
		return []string{}
	}
	return []string{name}
}

// containerHost is where ECS answers to a relative URI:
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
const containerHost = "http://169.254.170.2"

// container is the role of the ECS task or EKS pod that this runs in.
func (c *Cloud) container() (found, bool, error) {
	address := c.env.Get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
	if relative := c.env.Get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); relative != "" {
		address = containerHost + relative
	}
	if address == "" {
		return found{}, false, nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return found{}, false, errors.New("no AWS credentials: AWS_CONTAINER_CREDENTIALS_FULL_URI is no URL")
	}
	// As the SDKs do: a token is not sent over the network in the clear.
	if h := u.Hostname(); u.Scheme != "https" && h != "localhost" && !strings.HasPrefix(h, "127.") && h != "::1" &&
		h != "169.254.170.2" && h != "169.254.170.23" && h != "fd00:ec2::23" {
		return found{}, false, fmt.Errorf("no AWS credentials: AWS_CONTAINER_CREDENTIALS_FULL_URI names %s, which is neither https nor this machine", u.Host)
	}
	return found{
		source: "role of this container", expired: "give the task or pod a role",
		load: func(_ context.Context, client *http.BuildableClient) (sdk.CredentialsProvider, error) {
			return endpointcreds.New(address, func(o *endpointcreds.Options) {
				o.HTTPClient = client
				o.AuthorizationToken = c.env.Get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
				if file := c.env.Get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); file != "" {
					o.AuthorizationTokenProvider = endpointcreds.TokenProviderFunc(func() (string, error) {
						b, err := os.ReadFile(file) //nolint:gosec // the variable is the container platform's own
						return string(b), err
					})
				}
			}), nil
		},
	}, true, nil
}

// vendorFile tells, without a call, whose machine this is.
var vendorFile = "/sys/class/dmi/id/sys_vendor"

// onInstance says whether this is an EC2 instance that may ask for its role.
func (c *Cloud) onInstance() bool {
	if strings.EqualFold(c.env.Get("AWS_EC2_METADATA_DISABLED"), "true") {
		return false
	}
	if c.env.Get("AWS_EC2_METADATA_SERVICE_ENDPOINT") != "" {
		return true
	}
	vendor, err := os.ReadFile(vendorFile)
	return err == nil && strings.TrimSpace(string(vendor)) == "Amazon EC2"
}

func (c *Cloud) instanceRole(_ context.Context, client *http.BuildableClient) (sdk.CredentialsProvider, error) {
	return ec2rolecreds.New(func(o *ec2rolecreds.Options) {
		o.Client = imds.New(imds.Options{HTTPClient: client, Endpoint: c.env.Get("AWS_EC2_METADATA_SERVICE_ENDPOINT")})
	}), nil
}
