package aws

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"skysail/clouds"
)

// home is a home directory with AWS's two files.
func home(t *testing.T, config, credentials string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"config": config, "credentials": credentials} {
		if content == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, ".aws", name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// elsewhere makes this process itself have credentials, which must not show.
func elsewhere(t *testing.T) {
	t.Helper()
	vendorFile = filepath.Join(t.TempDir(), "none")
	t.Setenv("HOME", home(t, "", "[default]\naws_access_key_id = LEAK\naws_secret_access_key = LEAK\n"))
	for k, v := range map[string]string{
		"AWS_ACCESS_KEY_ID": "LEAK", "AWS_SECRET_ACCESS_KEY": "LEAK", "AWS_SESSION_TOKEN": "LEAK", "AWS_PROFILE": "leak",
		"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_REGION": "leak-1",
	} {
		t.Setenv(k, v)
	}
}

const (
	keys1     = "[default]\naws_access_key_id = AKIAONE\naws_secret_access_key = " + secret + "\n[other]\naws_access_key_id = AKIATWO\naws_secret_access_key = " + secret + "\n"
	profiles1 = `[default]
region = eu-west-1
[profile role]
role_arn = arn:aws:iam::123456789012:role/deploy
source_profile = other
[profile mfa]
role_arn = arn:aws:iam::123456789012:role/deploy
source_profile = other
mfa_serial = arn:aws:iam::123456789012:mfa/me
[profile sso]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = admin
[sso-session corp]
sso_region = us-east-1
sso_start_url = https://corp.awsapps.com/start
[profile process]
credential_process = /bin/echo '{"Version":1,"AccessKeyId":"AKIAPROCESS","SecretAccessKey":"x"}'
[profile variables]
role_arn = arn:aws:iam::123456789012:role/deploy
credential_source = Environment
`
)

func TestCredentials(t *testing.T) {
	for name, c := range map[string]struct {
		env                 map[string]string
		config, credentials string
		source, fails       string
		key                 string // of the credentials, where they are had without a call
	}{
		"variables":           {env: map[string]string{"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": secret, "AWS_PROFILE": "other"}, credentials: keys1, source: "variable AWS_ACCESS_KEY_ID", key: "AKIAENV"},
		"half a key":          {env: map[string]string{"AWS_ACCESS_KEY_ID": "AKIAENV"}, credentials: keys1, fails: "AWS_SECRET_ACCESS_KEY is not"},
		"default profile":     {credentials: keys1, source: "profile default (access key)", key: "AKIAONE"},
		"named profile":       {env: map[string]string{"AWS_PROFILE": "other"}, credentials: keys1, source: "profile other (access key)", key: "AKIATWO"},
		"no such profile":     {env: map[string]string{"AWS_PROFILE": "gone"}, credentials: keys1, fails: `has the profile "gone"`},
		"a role":              {env: map[string]string{"AWS_PROFILE": "role"}, config: profiles1, credentials: keys1, source: "profile role (role arn:aws:iam::123456789012:role/deploy by profile other)"},
		"a role with MFA":     {env: map[string]string{"AWS_PROFILE": "mfa"}, config: profiles1, credentials: keys1, fails: "aws configure export-credentials"},
		"SSO":                 {env: map[string]string{"AWS_PROFILE": "sso"}, config: profiles1, source: "profile sso (SSO)"},
		"a process":           {env: map[string]string{"AWS_PROFILE": "process"}, config: profiles1, source: "profile process (credential_process)", key: "AKIAPROCESS"},
		"keys of variables":   {env: map[string]string{"AWS_PROFILE": "variables"}, config: profiles1, fails: "set AWS_ACCESS_KEY_ID"},
		"settings only":       {config: "[default]\nregion = eu-west-1\n", fails: "aws configure"},
		"no files":            {fails: "aws configure sso"},
		"a web identity":      {env: map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": "arn:x"}, source: "variable AWS_WEB_IDENTITY_TOKEN_FILE"},
		"half a web identity": {env: map[string]string{"AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}, fails: "AWS_ROLE_ARN is not"},
		"a container":         {env: map[string]string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x"}, source: "role of this container"},
		"a strange container": {env: map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://evil.example/x"}, fails: "evil.example"},
		"an instance":         {env: map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1"}, source: "role of this EC2 instance"},
		"one that may not":    {env: map[string]string{"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:1", "AWS_EC2_METADATA_DISABLED": "true"}, fails: "no AWS credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			elsewhere(t)
			env := map[string]string{"HOME": home(t, c.config, c.credentials)}
			maps.Copy(env, c.env)
			cloud := quick(New(clouds.MapEnv(env)))
			err := cloud.Credentials()
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("%v does not say %q", err, c.fails)
				}
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("the error holds the key: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if a, err := cloud.Account(); err != nil || a.Source != c.source {
				t.Errorf("the account is %+v, %v, want source %q", a, err, c.source)
			}
			if c.key == "" {
				return
			}
			api, err := cloud.connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer api.close()
			got, err := api.cfg.Credentials.Retrieve(t.Context())
			if err != nil || got.AccessKeyID != c.key {
				t.Errorf("the key is %q, %v, want %q", got.AccessKeyID, err, c.key)
			}
		})
	}
}

// A file that is no configuration may be quoted by nobody.
func TestUnreadableConfig(t *testing.T) {
	elsewhere(t)
	dir := home(t, "", "[default]\naws_access_key_id = AKIAONE\naws_secret_access_key = "+secret+"\n")
	if err := os.Mkdir(filepath.Join(dir, ".aws", "config"), 0o700); err != nil {
		t.Fatal(err)
	}
	err := New(clouds.MapEnv(map[string]string{"HOME": dir})).Credentials()
	if err == nil || !strings.Contains(err.Error(), "aws configure list") || strings.Contains(err.Error(), secret) {
		t.Errorf("%v", err)
	}
}

func TestTerraformEnv(t *testing.T) {
	elsewhere(t)
	for name, c := range map[string]struct{ env, want map[string]string }{
		"the sandbox": {
			map[string]string{
				"AWS_ACCESS_KEY_ID": keyID, "AWS_SECRET_ACCESS_KEY": secret, "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:4001",
				"AWS_EC2_METADATA_DISABLED": "true", "HTTPS_PROXY": "http://127.0.0.1:4000", "DIGITALOCEAN_TOKEN": "not ours",
			},
			map[string]string{
				"AWS_ACCESS_KEY_ID": keyID, "AWS_SECRET_ACCESS_KEY": secret, "AWS_ENDPOINT_URL": "http://127.0.0.1:4001",
				"AWS_EC2_METADATA_DISABLED": "true", "HTTPS_PROXY": "http://127.0.0.1:4000",
				"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
			},
		},
		"a user": {
			map[string]string{"HOME": "/home/me", "AWS_PROFILE": "work", "AWS_CONFIG_FILE": "/etc/aws"},
			map[string]string{"HOME": "/home/me", "AWS_PROFILE": "work", "AWS_CONFIG_FILE": "/etc/aws"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, New(clouds.MapEnv(c.env)).TerraformEnv()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

const identity = "<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/me</Arn><UserId>AIDA</UserId><Account>123456789012</Account></GetCallerIdentityResult>"

func TestCheck(t *testing.T) {
	elsewhere(t)
	f, c := serve(t, map[string][]answer{"GetCallerIdentity": ok(identity)})
	got, err := c.Check(t.Context())
	want := clouds.Account{Source: "variable AWS_ACCESS_KEY_ID", ID: "123456789012 (arn:aws:iam::123456789012:user/me)"}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if n := f.count("sts:GetCallerIdentity us-east-1"); n != 1 {
		t.Errorf("%d calls", n)
	}
	_, c = serve(t, map[string][]answer{"GetCallerIdentity": {{status: 403, body: "<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>The security token included in the request is invalid.</Message></Error></ErrorResponse>"}}})
	if _, err := c.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "does not accept the credentials of variable AWS_ACCESS_KEY_ID") {
		t.Errorf("%v", err)
	}
}

// A role is assumed once, at the endpoint that env names, and its session is
// used from then on.
func TestRole(t *testing.T) {
	elsewhere(t)
	f, _ := serve(t, map[string][]answer{
		"AssumeRoleWithWebIdentity": ok("<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>" + keyID + "</AccessKeyId><SecretAccessKey>x</SecretAccessKey><SessionToken>y</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"),
		"GetCallerIdentity":         ok(identity),
	})
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("jwt"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := quick(New(clouds.MapEnv(map[string]string{
		"AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/deploy", "AWS_ENDPOINT_URL": f.URL, "AWS_REGION": "us-east-1",
	})))
	for range 2 {
		if _, err := c.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	// Without a signature the fake sees no service.
	if a, i := f.count(":AssumeRoleWithWebIdentity"), f.count("sts:GetCallerIdentity"); a != 1 || i != 2 {
		t.Errorf("%d sessions for %d calls", a, i)
	}
}

// The roles of containers and instances come from the addresses that env
// names.
func TestRolesOfMachines(t *testing.T) {
	elsewhere(t)
	const creds = `{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"AKIAROLE","SecretAccessKey":"x","Token":"y","Expiration":"2099-01-01T00:00:00Z","LastUpdated":"2026-01-01T00:00:00Z"}`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/latest/api/token":
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "300")
			_, _ = io.WriteString(w, "t")
		case strings.HasSuffix(r.URL.Path, "/security-credentials/") || strings.HasSuffix(r.URL.Path, "/security-credentials-extended/"):
			_, _ = io.WriteString(w, "deploy")
		case r.URL.Path == "/container" && r.Header.Get("Authorization") != "secret token":
			w.WriteHeader(http.StatusForbidden)
		default:
			_, _ = io.WriteString(w, creds)
		}
	}))
	defer s.Close()
	for name, env := range map[string]map[string]string{
		"container": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": s.URL + "/container", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "secret token"},
		"instance":  {"AWS_EC2_METADATA_SERVICE_ENDPOINT": s.URL},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := retrieve(t.Context(), quick(New(clouds.MapEnv(env))))
			if err != nil || got.AccessKeyID != "AKIAROLE" {
				t.Errorf("%q, %v", got.AccessKeyID, err)
			}
		})
	}
}

func retrieve(ctx context.Context, c *Cloud) (sdk.Credentials, error) {
	api, err := c.connect(ctx)
	if err != nil {
		return sdk.Credentials{}, err
	}
	defer api.close()
	return api.cfg.Credentials.Retrieve(ctx)
}

// An SSO session that has ended says how to begin another.
func TestEndedSession(t *testing.T) {
	elsewhere(t)
	c := quick(New(clouds.MapEnv(map[string]string{"HOME": home(t, profiles1, ""), "AWS_PROFILE": "sso"})))
	if _, err := c.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "aws sso login --profile sso") {
		t.Errorf("%v", err)
	}
}
