// Package vultr simulates the part of Vultr's API v2 that servers need:
// instances, firewall groups and their rules, SSH keys, and what there is to
// choose from. Answers and errors have the form and the words of the real
// API, so that the official SDK, vultr-cli and the Terraform provider work
// against it.
package vultr

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

const provider = world.Vultr

type server struct{ api.Config }

// New returns the API's handler.
func New(c api.Config) http.Handler {
	s := &server{c}
	mux := http.NewServeMux()
	routes := map[string]handler{
		"GET /v2/account": s.account,

		"GET /v2/ssh-keys":         s.listKeys,
		"POST /v2/ssh-keys":        s.createKey,
		"GET /v2/ssh-keys/{id}":    s.getKey,
		"PATCH /v2/ssh-keys/{id}":  s.updateKey,
		"DELETE /v2/ssh-keys/{id}": s.deleteKey,

		"GET /v2/firewalls":                      s.listGroups,
		"POST /v2/firewalls":                     s.createGroup,
		"GET /v2/firewalls/{id}":                 s.getGroup,
		"PUT /v2/firewalls/{id}":                 s.updateGroup,
		"DELETE /v2/firewalls/{id}":              s.deleteGroup,
		"GET /v2/firewalls/{id}/rules":           s.listRules,
		"POST /v2/firewalls/{id}/rules":          s.createRule,
		"GET /v2/firewalls/{id}/rules/{rule}":    s.getRule,
		"DELETE /v2/firewalls/{id}/rules/{rule}": s.deleteRule,

		"GET /v2/instances":         s.listInstances,
		"POST /v2/instances":        s.createInstance,
		"GET /v2/instances/{id}":    s.getInstance,
		"PATCH /v2/instances/{id}":  s.updateInstance,
		"DELETE /v2/instances/{id}": s.deleteInstance,

		"POST /v2/instances/halt":        s.powerMany(halt),
		"POST /v2/instances/start":       s.powerMany(start),
		"POST /v2/instances/reboot":      s.powerMany(reboot),
		"POST /v2/instances/{id}/halt":   s.power(halt),
		"POST /v2/instances/{id}/start":  s.power(start),
		"POST /v2/instances/{id}/reboot": s.power(reboot),

		"GET /v2/instances/{id}/backup-schedule":  s.getBackupSchedule,
		"POST /v2/instances/{id}/backup-schedule": s.setBackupSchedule,
		"GET /v2/instances/{id}/user-data":        s.getUserData,
		"GET /v2/instances/{id}/ipv4":             s.listIPv4,
		"GET /v2/instances/{id}/ipv6":             s.listNone("ipv6s"),
		// Provider versions before the removal of VPC 2.0 read both lists.
		"GET /v2/instances/{id}/vpcs":      s.listNone("vpcs"),
		"GET /v2/instances/{id}/vpc2":      s.listNone("vpcs"),
		"GET /v2/instances/{id}/iso":       s.getISO,
		"GET /v2/instances/{id}/neighbors": s.neighbors,
		"GET /v2/instances/{id}/bandwidth": s.bandwidth,

		"/": s.unknown,
	}
	s.blockRoutes(routes)
	for pattern, h := range routes {
		mux.Handle(pattern, s.wrap(h, false))
	}
	// Vultr tells anybody what there is to choose from.
	public := map[string]handler{
		"GET /v2/plans":                     s.listPlans,
		"GET /v2/os":                        s.listSystems,
		"GET /v2/applications":              s.listApplications,
		"GET /v2/regions":                   s.listRegions,
		"GET /v2/regions/{id}/availability": s.availability,
	}
	for pattern, h := range public {
		mux.Handle(pattern, s.wrap(h, true))
	}
	return mux
}

// reply is an answer that succeeded; a nil body is an empty one.
type reply struct {
	status int
	body   any
}

type handler func(w http.ResponseWriter, r *http.Request) (reply, error)

// apiError is a refusal in Vultr's form.
type apiError struct {
	status  int
	message string
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s", e.status, e.message) }

func badRequest(format string, args ...any) error {
	return &apiError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

func notFound(message string) error { return &apiError{http.StatusNotFound, message} }

func errToken() *apiError { return &apiError{http.StatusUnauthorized, "Invalid API token."} }

func (s *server) wrap(h handler, public bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rep, err := s.answer(h, public, w, r)
		switch {
		case errors.Is(err, api.ErrHung):
			panic(http.ErrAbortHandler)
		case err != nil:
			s.refuse(w, r, err)
		case rep.body == nil:
			w.WriteHeader(rep.status)
		default:
			write(w, rep.status, rep.body)
		}
	})
}

func (s *server) answer(h handler, public bool, w http.ResponseWriter, r *http.Request) (reply, error) {
	if public && r.Header.Get("Authorization") == "" {
		return h(w, r)
	}
	if !api.Authorized(r, s.World.State().Tokens[provider]) {
		return reply{}, errToken()
	}
	switch struck, err := s.AuthFault(provider); {
	case err != nil:
		return reply{}, err
	case struck:
		return reply{}, errToken()
	}
	return h(w, r)
}

func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var e *apiError
	var fault *api.Refused
	switch {
	case errors.As(err, &fault):
		e = faultError(fault)
	case errors.As(err, &e):
	default:
		if !errors.Is(err, api.ErrHalfMade) {
			s.Logger().Error("vultr api", "method", r.Method, "path", r.URL.Path, "err", err)
		}
		e = &apiError{http.StatusInternalServerError, "Internal server error."}
	}
	write(w, e.status, map[string]any{"error": e.message, "status": e.status})
}

func write(w http.ResponseWriter, status int, body any) {
	// The official SDK decodes this type only, without a charset.
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone, then
}

func decode(w http.ResponseWriter, r *http.Request, v any) ([]byte, error) {
	raw, err := api.Body(w, r, v)
	if err != nil {
		return nil, badRequest("Bad request.")
	}
	return raw, nil
}

// unknown answers for what the sandbox does not simulate. It says so, rather
// than pretending that the resource is not there.
func (s *server) unknown(_ http.ResponseWriter, r *http.Request) (reply, error) {
	return reply{}, &apiError{
		http.StatusNotImplemented, fmt.Sprintf("the skysail sandbox does not simulate %s %s", r.Method, r.URL.Path),
	}
}

// item is one row of a list; key orders the list and never changes.
type item struct {
	key  int64
	view any
}

// page cuts one page out of a list in ascending order of keys. The cursor
// holds a key, so that rows which go or come meanwhile shift nothing.
func page(r *http.Request, name string, all []item) (reply, error) {
	q := r.URL.Query()
	per, err := strconv.Atoi(q.Get("per_page"))
	if err != nil || per < 1 {
		per = 100
	}
	per = min(per, 500)
	back, key, err := parseCursor(q.Get("cursor"))
	if err != nil {
		return reply{}, err
	}
	from := 0
	for from < len(all) && all[from].key <= key && !back {
		from++
	}
	if back {
		for from < len(all) && all[from].key < key {
			from++
		}
		from = max(0, from-per)
	}
	to := min(from+per, len(all))
	views := []any{}
	for _, i := range all[from:to] {
		views = append(views, i.view)
	}
	links := map[string]string{"next": "", "prev": ""}
	if to < len(all) {
		links["next"] = cursor("next", all[to-1].key)
	}
	if from > 0 {
		links["prev"] = cursor("prev", all[min(from, len(all)-1)].key)
	}
	return reply{http.StatusOK, map[string]any{
		name: views, "meta": map[string]any{"total": len(all), "links": links},
	}}, nil
}

func cursor(direction string, key int64) string {
	return base64.StdEncoding.EncodeToString([]byte(direction + "__" + strconv.FormatInt(key, 10)))
}

func parseCursor(s string) (back bool, key int64, err error) {
	if s == "" {
		return false, -1, nil
	}
	raw, err := base64.StdEncoding.DecodeString(s)
	direction, number, ok := strings.Cut(string(raw), "__")
	if err == nil {
		key, err = strconv.ParseInt(number, 10, 64)
	}
	if err != nil || !ok || (direction != "next" && direction != "prev") {
		return false, 0, badRequest("Invalid cursor.")
	}
	return direction == "prev", key, nil
}

// date is how Vultr writes times.
func date(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05-07:00") }
