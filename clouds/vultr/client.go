package vultr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/vultr/govultr/v3"

	"skysail/clouds"
	"skysail/internal/apiclient"
)

// client is a connection for one Find or Delete.
type client struct {
	*govultr.Client
	http *http.Client
	key  key
}

func (c *Cloud) connect() (*client, error) {
	k, err := c.key()
	if err != nil {
		return nil, err
	}
	api, err := url.Parse(c.api)
	if err != nil {
		return nil, err
	}
	base, err := clouds.HTTPClient(c.env)
	if err != nil {
		return nil, err
	}
	h := apiclient.New(base, api, k.value, c.pause)
	g := govultr.NewClient(h)
	g.SetRetryLimit(0) // h repeats, and heeds the deadline
	g.SetUserAgent("skysail " + g.UserAgent)
	if err := g.SetBaseURL(c.api); err != nil {
		return nil, err
	}
	return &client{Client: g, http: h, key: k}, nil
}

// close drops idle connections: nothing of a call stays behind.
func (c *client) close() { c.http.CloseIdleConnections() }

// call makes one call through the SDK. A refusal is told in Vultr's words.
func call(ctx context.Context, do func(context.Context) error) error {
	err := apiclient.Do(ctx, do)
	if s := apiclient.Status(err); s != 0 {
		return &apiclient.Error{Status: s, Err: fmt.Errorf("%d %s", s, words(err))}
	}
	return err
}

// words are what Vultr itself said, without what the SDK puts around it.
func words(err error) string {
	text := strings.TrimPrefix(err.Error(), "error returned from api : ")
	if quoted, ok := strings.CutPrefix(text, "gave up after 1 attempts, last error: "); ok {
		if s, err := strconv.Unquote(quoted); err == nil {
			text = s
		}
	}
	var body struct {
		Message string `json:"error"`
	}
	if json.Unmarshal([]byte(text), &body) == nil && body.Message != "" {
		return body.Message
	}
	return text
}

// unknown are words for a thing that does not exist which Vultr also says
// with another status than 404; Terraform's provider goes by them too.
var unknown = regexp.MustCompile(`(?i)\binstance not found\b|\binvalid ssh key\b`)

// gone says whether a failed call means that the thing does not exist.
func gone(err error) bool {
	status := apiclient.Status(err)
	return status == http.StatusNotFound ||
		status == http.StatusBadRequest && unknown.MatchString(err.Error())
}

// explain says of a refusal what to do about it.
func (c *client) explain(err error) error {
	switch apiclient.Status(err) {
	case http.StatusUnauthorized:
		return fmt.Errorf("the key of %s is not accepted by Vultr from this machine's address (console → Account → API → Access Control): %w", c.key.source, err)
	case http.StatusForbidden:
		return fmt.Errorf("the key of %s may not do this (console → Account → Users, and API → Access Control): %w", c.key.source, err)
	default:
		return fmt.Errorf("vultr: %w", err)
	}
}

// pageSize is the most that the API gives at once.
const pageSize = 500

// errNoList is an answer in which the SDK found no list. It says nothing, and
// must not be taken for an empty list.
var errNoList = errors.New("the answer is not a list")

// all reads every page of a list.
func all[T any](ctx context.Context, list func(context.Context, *govultr.ListOptions) ([]T, *govultr.Meta, *http.Response, error)) ([]T, error) {
	var out []T
	options := &govultr.ListOptions{PerPage: pageSize}
	for {
		var items []T
		var meta *govultr.Meta
		err := call(ctx, func(ctx context.Context) error {
			var err error
			items, meta, _, err = list(ctx, options) //nolint:bodyclose // the SDK has read and closed it
			return err
		})
		if err != nil {
			return nil, err
		}
		if meta == nil && len(items) == 0 {
			return nil, errNoList
		}
		out = append(out, items...)
		if len(items) == 0 || meta == nil || meta.Links == nil || meta.Links.Next == "" {
			return out, nil
		}
		options.Cursor = meta.Links.Next
	}
}
