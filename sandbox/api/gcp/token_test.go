package gcp

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2/google"
	"google.golang.org/api/compute/v1"
	"google.golang.org/api/option"

	"skysail/sandbox/world"
)

// TestServiceAccount signs in as Google's programs do, with the key file.
func TestServiceAccount(t *testing.T) {
	c := newCloud(t)
	key, err := Credentials(c.world)
	check(t, err)
	again, err := Credentials(c.world)
	check(t, err)
	if string(key) != string(again) {
		t.Error("the key is another one each time")
	}
	config, err := google.JWTConfigFromJSON(key, compute.CloudPlatformScope)
	check(t, err)
	if config.TokenURL != "https://oauth2.googleapis.com/token" || !strings.HasSuffix(config.Email, "@skysail-sandbox.iam.gserviceaccount.com") {
		t.Errorf("key file of %s at %s", config.Email, config.TokenURL)
	}
	config.TokenURL = c.url + "/token"
	s, err := compute.NewService(t.Context(), option.WithHTTPClient(config.Client(context.Background())), option.WithEndpoint(c.url+"/compute/v1/"))
	check(t, err)
	p, err := s.Projects.Get(Project).Do()
	check(t, err)
	if p.Name != Project {
		t.Errorf("project %s", p.Name)
	}

	other, err := newAccountKey()
	check(t, err)
	config.PrivateKey = []byte(other)
	if _, err := config.TokenSource(context.Background()).Token(); err == nil || !strings.Contains(err.Error(), "Invalid JWT Signature.") {
		t.Errorf("another key: %v", err)
	}
	config.Email = "somebody@else.iam.gserviceaccount.com"
	if _, err := config.TokenSource(context.Background()).Token(); err == nil || !strings.Contains(err.Error(), "account not found") {
		t.Errorf("another account: %v", err)
	}
}

func TestTokenEndpoint(t *testing.T) {
	c := newCloud(t)
	for form, want := range map[string]string{
		"grant_type=refresh_token&refresh_token=x":                   `{"error":"unsupported_grant_type","error_description":"the skysail sandbox has no users`,
		"grant_type=password":                                        `{"error":"unsupported_grant_type","error_description":"Invalid grant_type: password"}`,
		"grant_type=" + url.QueryEscape(jwtGrant) + "&assertion=a.b": `{"error":"invalid_grant","error_description":"Invalid JWT: Failed to parse"}`,
	} {
		status, body := c.form("/token", form)
		if status != 400 || !strings.HasPrefix(body, want) {
			t.Errorf("%s: %d %s, want %s", form, status, body, want)
		}
	}
	if status, body := c.raw("GET", "/v1/userinfo", c.token(), ""); status != 200 || !strings.Contains(body, accountEmail) {
		t.Errorf("userinfo: %d %s", status, body)
	}
	if status, _ := c.raw("GET", "/v1/userinfo", "x", ""); status != 401 {
		t.Errorf("userinfo with a wrong token: %d", status)
	}
	if status, body := c.raw("GET", "/v1/projects/"+Project, c.token(), ""); status != 200 || !strings.Contains(body, `"lifecycleState":"ACTIVE"`) {
		t.Errorf("project: %d %s", status, body)
	}
	if c.world.State().Tokens[world.GCP] == c.world.State().Tokens[accountKey] {
		t.Error("the key is the token")
	}
}
