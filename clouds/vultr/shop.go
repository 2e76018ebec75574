package vultr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"skysail/clouds"
	"skysail/internal/apiclient"
)

const (
	// atOnce is how many regions are asked at the same time: the API takes 30
	// calls a second from one address.
	atOnce = 4
	// maxAnswer bounds what is read of one answer.
	maxAnswer = 16 << 20
)

// shop is a connection without credentials.
type shop struct {
	api  *url.URL
	http *http.Client
}

func (c *Cloud) shop() (*shop, error) {
	api, err := url.Parse(c.api)
	if err != nil {
		return nil, err
	}
	base, err := clouds.HTTPClient(c.env)
	if err != nil {
		return nil, err
	}
	return &shop{api: api, http: apiclient.New(base, api, "", c.pause)}, nil
}

// plans are the plans of all types, each once. GPU plans are asked for by
// their own type as well: the API's description does not say that "all" has
// them.
func (s *shop) plans(ctx context.Context) ([]soldPlan, error) {
	var out []soldPlan
	seen := map[string]bool{}
	for _, kind := range []string{"all", "vcg"} {
		got, err := pages(ctx, s, "v2/plans", url.Values{"type": {kind}}, "plans", func(p *soldPlan) bool { return p.ID != "" })
		if err != nil {
			return nil, err
		}
		for _, p := range got {
			if !seen[p.ID] {
				seen[p.ID] = true
				out = append(out, p)
			}
		}
	}
	return out, nil
}

// stock says of each region which plans can be had there.
func (s *shop) stock(ctx context.Context) (map[string][]string, error) {
	type region struct {
		ID string `json:"id"`
	}
	regions, err := pages(ctx, s, "v2/regions", url.Values{}, "regions", func(r *region) bool { return r.ID != "" })
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	out := map[string][]string{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, r := range regions {
		group.Go(func() error {
			var answer struct {
				Plans []string `json:"available_plans"`
			}
			if err := s.get(ctx, s.api.JoinPath("v2/regions", r.ID, "availability"), &answer); err != nil {
				return err
			}
			if answer.Plans == nil {
				return fmt.Errorf("region %s: %w", r.ID, errNoList)
			}
			mu.Lock()
			defer mu.Unlock()
			out[r.ID] = answer.Plans
			return nil
		})
	}
	return out, group.Wait()
}

// pages reads every page of a list, and refuses what is no list: it must not
// be taken for an empty one.
func pages[T any](ctx context.Context, s *shop, path string, query url.Values, name string, whole func(*T) bool) ([]T, error) {
	var out []T
	query.Set("per_page", strconv.Itoa(pageSize))
	for {
		address := s.api.JoinPath(path)
		address.RawQuery = query.Encode()
		var answer map[string]json.RawMessage
		if err := s.get(ctx, address, &answer); err != nil {
			return nil, err
		}
		var items []T
		var meta struct {
			Links struct {
				Next string `json:"next"`
			} `json:"links"`
		}
		err := errors.Join(json.Unmarshal(answer[name], &items), json.Unmarshal(answer["meta"], &meta))
		if err != nil || items == nil || slices.ContainsFunc(items, func(item T) bool { return !whole(&item) }) {
			return nil, fmt.Errorf("%s: %w", path, errNoList)
		}
		out = append(out, items...)
		if meta.Links.Next == "" || len(items) == 0 {
			return out, nil
		}
		query.Set("cursor", meta.Links.Next)
	}
}

func (s *shop) get(ctx context.Context, address *url.URL, answer any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := s.http.Do(req)
	if err != nil {
		return fmt.Errorf("vultr: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // it was read to its end
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("vultr: %s: %w", address.Path, err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("vultr: %s: %d %s", address.Path, resp.StatusCode, words(errors.New(string(raw))))
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("vultr: %s: %w", address.Path, err)
	}
	return nil
}
