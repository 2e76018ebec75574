// Package digitalocean simulates the part of DigitalOcean's API v2 that
// servers need: droplets, their actions and metrics, firewalls, SSH keys,
// tags, and what there is to choose from. Answers and errors have the form and the words of
// the real API, so that the official SDK, doctl and the Terraform provider
// work against it.
package digitalocean

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

const provider = world.DigitalOcean

// hourlyLimit is the rate limit that the headers tell of. It is not enforced:
// tests poll faster than people do.
const hourlyLimit = 5000

type server struct {
	api.Config
	limit rateLimit
}

// New returns the API's handler.
func New(c api.Config) http.Handler {
	s := &server{Config: c}
	mux := http.NewServeMux()
	routes := map[string]handler{
		"GET /v2/account": s.account,

		"GET /v2/account/keys":         s.listKeys,
		"POST /v2/account/keys":        s.createKey,
		"GET /v2/account/keys/{id}":    s.getKey,
		"PUT /v2/account/keys/{id}":    s.updateKey,
		"DELETE /v2/account/keys/{id}": s.deleteKey,

		"GET /v2/droplets":                s.listDroplets,
		"POST /v2/droplets":               s.createDroplets,
		"DELETE /v2/droplets":             s.deleteDropletsByTag,
		"GET /v2/droplets/{id}":           s.getDroplet,
		"DELETE /v2/droplets/{id}":        s.deleteDroplet,
		"GET /v2/droplets/{id}/firewalls": s.dropletFirewalls,

		"GET /v2/droplets/{id}/actions":          s.listDropletActions,
		"POST /v2/droplets/{id}/actions":         s.createAction,
		"GET /v2/droplets/{id}/actions/{action}": s.getDropletAction,
		"POST /v2/droplets/actions":              s.createActionsByTag,
		"GET /v2/actions":                        s.listActions,
		"GET /v2/actions/{action}":               s.getAction,

		"GET /v2/firewalls":                  s.listFirewalls,
		"POST /v2/firewalls":                 s.createFirewall,
		"GET /v2/firewalls/{id}":             s.getFirewall,
		"PUT /v2/firewalls/{id}":             s.updateFirewall,
		"DELETE /v2/firewalls/{id}":          s.deleteFirewall,
		"POST /v2/firewalls/{id}/droplets":   s.addFirewallDroplets,
		"DELETE /v2/firewalls/{id}/droplets": s.removeFirewallDroplets,
		"POST /v2/firewalls/{id}/tags":       s.addFirewallTags,
		"DELETE /v2/firewalls/{id}/tags":     s.removeFirewallTags,
		"POST /v2/firewalls/{id}/rules":      s.addFirewallRules,
		"DELETE /v2/firewalls/{id}/rules":    s.removeFirewallRules,

		"GET /v2/tags":                     s.listTags,
		"POST /v2/tags":                    s.createTag,
		"GET /v2/tags/{name}":              s.getTag,
		"DELETE /v2/tags/{name}":           s.deleteTag,
		"POST /v2/tags/{name}/resources":   s.tagResources,
		"DELETE /v2/tags/{name}/resources": s.untagResources,

		"GET /v2/sizes":       s.listSizes,
		"GET /v2/regions":     s.listRegions,
		"GET /v2/images":      s.listImages,
		"GET /v2/images/{id}": s.getImage,

		"/": s.unknown,
	}
	maps.Copy(routes, s.metricRoutes())
	s.volumeRoutes(routes)
	for pattern, h := range routes {
		mux.Handle(pattern, s.wrap(h))
	}
	return mux
}

// reply is an answer that succeeded; a nil body is an empty one.
type reply struct {
	status int
	body   any
}

type handler func(w http.ResponseWriter, r *http.Request) (reply, error)

// apiError is a refusal in DigitalOcean's form.
type apiError struct {
	status      int
	id, message string
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s", e.status, e.message) }

func unprocessable(format string, args ...any) error {
	return &apiError{http.StatusUnprocessableEntity, "unprocessable_entity", fmt.Sprintf(format, args...)}
}

func errNotFound() error {
	return &apiError{http.StatusNotFound, "not_found", "The resource you were accessing could not be found."}
}

func errUnauthorized() *apiError {
	return &apiError{http.StatusUnauthorized, "Unauthorized", "Unable to authenticate you"}
}

func (s *server) wrap(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := world.NewUUID()
		w.Header().Set("x-request-id", id)
		s.limit.set(w.Header(), s.World.Now())
		rep, err := s.answer(h, w, r)
		switch {
		case errors.Is(err, api.ErrHung):
			panic(http.ErrAbortHandler)
		case err != nil:
			s.refuse(w, r, id, err)
		case rep.body == nil:
			w.WriteHeader(rep.status)
		default:
			write(w, rep.status, rep.body)
		}
	})
}

func (s *server) answer(h handler, w http.ResponseWriter, r *http.Request) (reply, error) {
	if !api.Authorized(r, s.World.State().Tokens[provider]) {
		return reply{}, errUnauthorized()
	}
	switch struck, err := s.AuthFault(provider); {
	case err != nil:
		return reply{}, err
	case struck:
		return reply{}, errUnauthorized()
	}
	return h(w, r)
}

func (s *server) refuse(w http.ResponseWriter, r *http.Request, id string, err error) {
	var e *apiError
	var fault *api.Refused
	switch {
	case errors.As(err, &fault):
		e = faultError(fault)
		if e.status == http.StatusTooManyRequests {
			w.Header().Set("retry-after", retryAfter)
		}
	case errors.As(err, &e):
	default:
		if !errors.Is(err, api.ErrHalfMade) {
			s.Logger().Error("digitalocean api", "method", r.Method, "path", r.URL.Path, "err", err)
		}
		e = &apiError{http.StatusInternalServerError, "server_error", "Unexpected server-side error"}
	}
	write(w, e.status, map[string]string{"id": e.id, "message": e.message, "request_id": id})
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone, then
}

// decode reads a JSON body; what is not JSON is a bad request.
func decode(w http.ResponseWriter, r *http.Request, v any) ([]byte, error) {
	raw, err := api.Body(w, r, v)
	if err != nil {
		return nil, &apiError{http.StatusBadRequest, "bad_request", err.Error()}
	}
	return raw, nil
}

// unknown answers for what the sandbox does not simulate. It says so, rather
// than pretending that the resource is not there.
func (s *server) unknown(_ http.ResponseWriter, r *http.Request) (reply, error) {
	return reply{}, &apiError{
		http.StatusNotImplemented, "not_implemented",
		fmt.Sprintf("the skysail sandbox does not simulate %s %s", r.Method, r.URL.Path),
	}
}

// page cuts one page out of a list, in DigitalOcean's form.
func page[T any](r *http.Request, name string, all []T) (reply, error) {
	q := r.URL.Query()
	per := number(q.Get("per_page"), 20, 200)
	last := max(1, (len(all)+per-1)/per)
	n := number(q.Get("page"), 1, 1<<30)
	from := min((n-1)*per, len(all))
	items := all[from:min(from+per, len(all))]
	if items == nil {
		items = []T{}
	}
	links := map[string]any{}
	if last > 1 {
		pages := map[string]string{}
		link := func(key string, n int) { pages[key] = pageURL(r, n) }
		if n > 1 {
			link("first", 1)
			link("prev", min(n-1, last))
		}
		if n < last {
			link("next", n+1)
			link("last", last)
		}
		links["pages"] = pages
	}
	return reply{http.StatusOK, map[string]any{
		name: items, "links": links, "meta": map[string]int{"total": len(all)},
	}}, nil
}

func number(s string, without, most int) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return without
	}
	return min(n, most)
}

func pageURL(r *http.Request, n int) string {
	q := r.URL.Query()
	q.Set("page", strconv.Itoa(n))
	return baseURL(r) + r.URL.Path + "?" + q.Encode()
}

// baseURL is where the client reached the API.
func baseURL(r *http.Request) string {
	u := url.URL{Scheme: "http", Host: r.Host}
	if r.TLS != nil {
		u.Scheme = "https"
	}
	return u.String()
}

// rateLimit counts calls of the current hour.
type rateLimit struct {
	mu    sync.Mutex
	calls int
	reset time.Time
}

func (l *rateLimit) set(h http.Header, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !now.Before(l.reset) {
		l.calls, l.reset = 0, now.Add(time.Hour)
	}
	l.calls++
	h.Set("ratelimit-limit", strconv.Itoa(hourlyLimit))
	h.Set("ratelimit-remaining", strconv.Itoa(max(0, hourlyLimit-l.calls)))
	h.Set("ratelimit-reset", strconv.FormatInt(l.reset.Unix(), 10))
}
