package gcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"

	"skysail/clouds"
)

// scopes let a token do what the project's IAM lets its owner do.
var scopes = []string{"https://www.googleapis.com/auth/cloud-platform"}

// The variables in which Terraform's provider and Google's own tools look for
// credentials (terraform-provider-google google/fwmodels/provider_model.go and
// https://docs.cloud.google.com/docs/authentication/application-default-credentials).
const (
	tokenVariable    = "GOOGLE_OAUTH_ACCESS_TOKEN"      //nolint:gosec // a variable's name
	fileVariable     = "GOOGLE_APPLICATION_CREDENTIALS" //nolint:gosec // a variable's name
	metadataVariable = "GCE_METADATA_HOST"
)

var contentVariables = []string{"GOOGLE_CREDENTIALS", "GOOGLE_CLOUD_KEYFILE_JSON", "GCLOUD_KEYFILE_JSON"}

// credential is what was found, and where.
type credential struct {
	source string
	// env hands it to Terraform's provider.
	env map[string]string
	// project is the one that it names itself, quota the one that pays for
	// its calls; both may be empty.
	project, quota string
	// tokens makes access tokens; ctx holds the HTTP client.
	tokens func(ctx context.Context) (oauth2.TokenSource, error)
}

var errNoCredentials = errors.New("no Google Cloud credentials: run `gcloud auth application-default login`, or set " +
	fileVariable + " to the key file of a service account (console → IAM & Admin → Service accounts → Keys)")

// credential looks in the order of Terraform's provider, so that both speak
// as the same user.
func (c *Cloud) credential() (*credential, error) {
	if v := clouds.CleanToken(c.env.Get(tokenVariable)); v != "" {
		return &credential{
			source: "variable " + tokenVariable,
			env:    map[string]string{tokenVariable: v},
			tokens: func(context.Context) (oauth2.TokenSource, error) {
				return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: v}), nil
			},
		}, nil
	}
	for _, name := range contentVariables {
		if v := strings.TrimSpace(c.env.Get(name)); v != "" {
			return fromVariable(name, v)
		}
	}
	if path := c.env.Get(fileVariable); path != "" {
		return fromFile(path, "file "+path+" of "+fileVariable)
	}
	if dir := c.gcloud(); dir != "" {
		path := filepath.Join(dir, "application_default_credentials.json")
		if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return fromFile(path, "gcloud's "+path)
		}
	}
	return c.fromMachine()
}

// fromVariable takes a variable that holds either a key or the path of one.
func fromVariable(name, value string) (*credential, error) {
	if !strings.HasPrefix(value, "{") {
		if _, err := os.Stat(value); err != nil {
			// The value may be a secret that was cut short: it is not repeated.
			return nil, fmt.Errorf("no Google Cloud credentials: %s holds neither a key in JSON nor the path of a key file that can be read", name)
		}
		return fromFile(value, "file "+value+" of "+name)
	}
	cred, err := fromJSON([]byte(value), "variable "+name)
	if err != nil {
		return nil, err
	}
	cred.env = map[string]string{"GOOGLE_CREDENTIALS": value}
	return cred, nil
}

func fromFile(path, source string) (*credential, error) {
	content, err := os.ReadFile(path) //nolint:gosec // the user's own file, read as Google's tools read it
	if err != nil {
		return nil, fmt.Errorf("no Google Cloud credentials: %s: %w", source, err)
	}
	cred, err := fromJSON(content, source)
	if err != nil {
		return nil, err
	}
	// Terraform runs in another folder.
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	cred.env = map[string]string{fileVariable: path}
	return cred, nil
}

// kinds are the credential files that Google's tools write.
var kinds = []google.CredentialsType{
	google.ServiceAccount, google.AuthorizedUser, google.ExternalAccount,
	google.ExternalAccountAuthorizedUser, google.ImpersonatedServiceAccount,
}

func fromJSON(content []byte, source string) (*credential, error) {
	var f struct {
		Type    google.CredentialsType `json:"type"`
		Project string                 `json:"project_id"`
		Quota   string                 `json:"quota_project_id"`
	}
	if json.Unmarshal(content, &f) != nil || !slices.Contains(kinds, f.Type) {
		return nil, fmt.Errorf("no Google Cloud credentials: %s is not a credentials file of Google: make a new key, or run `gcloud auth application-default login`", source)
	}
	return &credential{
		source: source, project: f.Project, quota: f.Quota,
		tokens: func(ctx context.Context) (oauth2.TokenSource, error) {
			found, err := google.CredentialsFromJSONWithType(ctx, content, f.Type, scopes...)
			if err != nil {
				// The library's errors can quote the file.
				return nil, fmt.Errorf("the credentials in %s are damaged: make a new key", source)
			}
			return found.TokenSource, nil
		},
	}, nil
}

// fromMachine takes the service account of the machine that this runs on,
// when that is one of Google's. Asking the metadata server would be a call.
func (c *Cloud) fromMachine() (*credential, error) {
	host := c.env.Get(metadataVariable)
	name, err := os.ReadFile(c.product)
	if host == "" && (err != nil || !strings.HasPrefix(string(name), "Google")) {
		return nil, errNoCredentials
	}
	cred := &credential{
		source: "this machine's service account",
		env:    map[string]string{},
		tokens: func(context.Context) (oauth2.TokenSource, error) {
			return google.ComputeTokenSource("", scopes...), nil
		},
	}
	if host != "" {
		cred.env[metadataVariable] = host
	}
	return cred, nil
}
