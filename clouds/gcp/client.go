package gcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/compute/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"skysail/clouds"
	"skysail/internal/apiclient"
)

// client is a connection for one Find, Delete, Check, Metrics or Offers.
type client struct {
	*compute.Service
	http    *http.Client
	base    *http.Client
	api     addresses
	project string
	source  string
	pause   time.Duration
}

// connect gets an access token, so that a refusal of the credentials is told
// as one and is not repeated.
func (c *Cloud) connect(ctx context.Context) (*client, error) {
	cred, project, err := c.account()
	if err != nil {
		return nil, err
	}
	base, err := clouds.HTTPClient(c.env)
	if err != nil {
		return nil, err
	}
	// No host is the empty one: the token is added by oauth2 instead.
	patient := apiclient.New(base, &url.URL{}, "", c.pause)
	h := &client{base: base, api: c.api, project: project, source: cred.source, pause: c.pause}
	source, err := cred.tokens(context.WithValue(ctx, oauth2.HTTPClient, patient))
	if err != nil {
		return nil, err
	}
	source = oauth2.ReuseTokenSource(nil, source)
	if _, err := source.Token(); err != nil {
		h.close()
		return nil, noToken(cred.source, err)
	}
	var next http.RoundTripper = &oauth2.Transport{Source: source, Base: patient.Transport}
	if cred.quota != "" {
		next = billed{project: cred.quota, next: next}
	}
	h.http = &http.Client{Transport: next, CheckRedirect: patient.CheckRedirect}
	h.Service, err = compute.NewService(ctx, option.WithHTTPClient(h.http), option.WithEndpoint(c.api.compute))
	if err != nil {
		h.close()
		return nil, err
	}
	h.UserAgent = "skysail"
	return h, nil
}

// noToken says why there is no access token, without the answer's body.
func noToken(source string, err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil && refused.Response.StatusCode < http.StatusInternalServerError {
		var why struct {
			Code        string `json:"error"`
			Description string `json:"error_description"`
		}
		_ = json.Unmarshal(refused.Body, &why) // no reason is told then
		return fmt.Errorf("the credentials in %s are not accepted by Google (%s): make a new key, or run `gcloud auth application-default login`",
			source, strings.TrimSpace(why.Code+" "+why.Description))
	}
	return fmt.Errorf("asking Google for an access token with %s: %w", source, err)
}

// billed names the project that a user's own credentials charge calls to.
type billed struct {
	project string
	next    http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (b billed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Goog-User-Project", b.project)
	return b.next.RoundTrip(r)
}

// close drops idle connections: nothing of a call stays behind.
func (c *client) close() { c.base.CloseIdleConnections() }

// said is a refusal in Google's words, without what the SDK puts around them.
type said struct{ err *googleapi.Error }

func (s said) Error() string { return fmt.Sprintf("%d %s", s.err.Code, s.err.Message) }
func (s said) Unwrap() error { return s.err }

// call makes one call through the SDK.
func call(ctx context.Context, do func(context.Context) error) error {
	err := apiclient.Do(ctx, do)
	var refused *googleapi.Error
	if errors.As(err, &refused) && refused.Message != "" {
		return &apiclient.Error{Status: refused.Code, Err: said{err: refused}}
	}
	return err
}

// explain says of a refusal what to do about it.
func (c *client) explain(err error) error {
	var refused *googleapi.Error
	status := apiclient.Status(err)
	switch {
	case errors.As(err, &refused) && disabled(refused):
		return fmt.Errorf("an API is not enabled in project %s (gcloud services enable compute.googleapis.com monitoring.googleapis.com cloudbilling.googleapis.com --project %s): %w", c.project, c.project, err)
	case status == http.StatusUnauthorized:
		return fmt.Errorf("the credentials in %s are not accepted by Google: %w", c.source, err)
	case status == http.StatusForbidden:
		return fmt.Errorf("the credentials in %s may not do this in project %s (docs/providers/gcp-role.yaml has the permissions): %w", c.source, c.project, err)
	default:
		return fmt.Errorf("google cloud: %w", err)
	}
}

// disabled says whether a refusal is about an API that nobody turned on. The
// older APIs say so by reason, the newer ones in their details.
func disabled(e *googleapi.Error) bool {
	if slices.ContainsFunc(e.Errors, func(i googleapi.ErrorItem) bool { return i.Reason == "accessNotConfigured" }) {
		return true
	}
	return e.Code == http.StatusForbidden && strings.Contains(e.Body, `"SERVICE_DISABLED"`)
}
