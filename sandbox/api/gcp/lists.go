package gcp

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// item is one row of a list; key orders the list and never changes.
type item struct {
	key  int64
	view any
}

const (
	maxPage     = 500
	pageKeyBase = 10
)

// page cuts one page out of a list in ascending order of keys. The token holds
// a key, so that rows which go or come meanwhile shift nothing.
func page(r *http.Request, kind string, all []item) (map[string]any, error) {
	rows, token, err := cut(r, all)
	if err != nil {
		return nil, err
	}
	items := []any{}
	for _, i := range rows {
		items = append(items, i.view)
	}
	out := map[string]any{"kind": kind, "id": r.URL.Path[1:], "selfLink": link(r.URL.Path[len("/compute/v1/"):]), "items": items}
	if len(items) == 0 {
		delete(out, "items")
	}
	if token != "" {
		out["nextPageToken"] = token
	}
	return out, nil
}

// cut takes out of a list what the request's filter and page name.
func cut(r *http.Request, all []item) (rows []item, next string, err error) {
	q := r.URL.Query()
	keep, err := parseFilter(q.Get("filter"))
	if err != nil {
		return nil, "", err
	}
	per := maxPage
	if text := q.Get("maxResults"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > maxPage {
			return nil, "", invalid("maxResults", text, "Must be between 0 and 500, inclusive.")
		}
		if n > 0 {
			per = n
		}
	}
	after := int64(-1)
	if text := q.Get("pageToken"); text != "" {
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err == nil {
			after, err = strconv.ParseInt(string(raw), pageKeyBase, 64)
		}
		if err != nil {
			return nil, "", invalid("pageToken", text, "The token is invalid.")
		}
	}
	for _, i := range all {
		if i.key <= after {
			continue
		}
		ok, err := keep(i.view)
		if err != nil {
			return nil, "", err
		}
		if !ok {
			continue
		}
		if len(rows) == per {
			return rows, base64.RawURLEncoding.EncodeToString(strconv.AppendInt(nil, rows[per-1].key, pageKeyBase)), nil
		}
		rows = append(rows, i)
	}
	return rows, "", nil
}

// aggregate lists by scope, which is each row's zone. Scopes with nothing in
// them are there too, with a warning, as in the real API.
func (s *server) aggregate(r *http.Request, kind, name string, all []item, zoneOf func(any) string) (any, error) {
	rows, token, err := cut(r, all)
	if err != nil {
		return nil, err
	}
	zones, err := s.zones()
	if err != nil {
		return nil, err
	}
	by := map[string][]any{}
	for _, z := range slices.Sorted(maps.Keys(zones)) {
		by["zones/"+z] = nil
	}
	for _, i := range rows {
		scope := "zones/" + zoneOf(i.view)
		by[scope] = append(by[scope], i.view)
	}
	items := map[string]any{}
	for scope, views := range by {
		if len(views) > 0 {
			items[scope] = map[string]any{name: views}
			continue
		}
		items[scope] = map[string]any{"warning": map[string]any{
			"code": "NO_RESULTS_ON_PAGE", "message": fmt.Sprintf("There are no results for scope '%s' on this page.", scope),
			"data": []any{map[string]string{"key": "scope", "value": scope}},
		}}
	}
	out := map[string]any{"kind": kind, "id": r.URL.Path[1:], "items": items}
	if token != "" {
		out["nextPageToken"] = token
	}
	return out, nil
}

// fields is a view as JSON has it, for filters.
func fields(view any) (map[string]any, error) {
	raw, err := json.Marshal(view)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	return out, json.Unmarshal(raw, &out)
}
