package digitalocean

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/digitalocean/godo"

	"skysail/clouds"
	"skysail/internal/apiclient"
)

// client is a connection for one Find or Delete.
type client struct {
	*godo.Client
	http  *http.Client
	token token
}

func (c *Cloud) connect() (*client, error) {
	t, err := c.token()
	if err != nil {
		return nil, err
	}
	api, err := c.api()
	if err != nil {
		return nil, err
	}
	base, err := clouds.HTTPClient(c.env)
	if err != nil {
		return nil, err
	}
	h := apiclient.New(base, api, t.value, c.pause)
	g, err := godo.New(h, godo.SetBaseURL(api.String()), godo.SetUserAgent("skysail"))
	if err != nil {
		return nil, err
	}
	return &client{Client: g, http: h, token: t}, nil
}

// close drops idle connections: nothing of a call stays behind.
func (c *client) close() { c.http.CloseIdleConnections() }

// explain says of a refusal what to do about it; scope is what the call
// needs of a token.
func (c *client) explain(err error, scope string) error {
	switch status(err) {
	case http.StatusUnauthorized:
		return fmt.Errorf("the token of %s is not accepted by DigitalOcean: %w", c.token.source, err)
	case http.StatusForbidden:
		return fmt.Errorf("the token of %s may not do this, it needs the scope %s: %w", c.token.source, scope, err)
	default:
		return fmt.Errorf("digitalocean: %w", err)
	}
}

// status is the HTTP status of a refusal, 0 when there was no answer.
func status(err error) int {
	var e *godo.ErrorResponse
	if errors.As(err, &e) && e.Response != nil {
		return e.Response.StatusCode
	}
	return 0
}

// pageSize is the most that the API gives at once.
const pageSize = 200

// all reads every page of a list.
func all[T any](ctx context.Context, list func(context.Context, *godo.ListOptions) ([]T, *godo.Response, error)) ([]T, error) {
	var out []T
	for page := 1; ; page++ {
		items, resp, err := list(ctx, &godo.ListOptions{Page: page, PerPage: pageSize})
		if err != nil {
			return nil, err
		}
		out = append(out, items...)
		if len(items) == 0 || resp == nil || resp.Links == nil || resp.Links.IsLastPage() {
			return out, nil
		}
	}
}
