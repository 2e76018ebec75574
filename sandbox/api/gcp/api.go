// Package gcp simulates the part of Google Cloud that servers need: Compute
// Engine, Cloud Monitoring, Cloud Billing's prices, and the endpoints that
// give tokens and say whose they are. Answers and errors have the form and the
// words of the real APIs, so that the official SDKs and the Terraform provider
// work against it.
package gcp

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

const provider = world.GCP

// Project is the simulated account's only project.
const Project = "skysail-sandbox"

// projectNumber is the number of Project, by which some texts name it.
const projectNumber = "702551090118"

// hostSuffix ends the names of all of Google's APIs.
const hostSuffix = ".googleapis.com"

type server struct{ api.Config }

// handler answers one call: with a body, or with an error in Google's form.
type handler func(w http.ResponseWriter, r *http.Request) (any, error)

// routes are one API's calls by pattern.
type routes map[string]handler

// New returns the APIs' handler. It tells the APIs apart by the Host of the
// request. A caller that reached it by a loopback address, with an endpoint
// setting in place of a proxy, gets them all: their paths do not overlap.
func New(c api.Config) http.Handler {
	s := &server{c}
	compute, manager := s.computeRoutes(), routes{"GET /v1/projects/{project}": s.getManagedProject, "GET /v3/projects/{project}": s.getManagedProject}
	billing := routes{"GET /v1/services": s.listServices, "GET /v1/services/{service}/skus": s.listSKUs}
	monitoring := routes{"GET /v3/projects/{project}/timeSeries": s.listTimeSeries}
	userinfo := routes{"GET /v1/userinfo": s.userinfo, "GET /oauth2/v2/userinfo": s.userinfo, "GET /oauth2/v3/userinfo": s.userinfo}
	muxes := map[string]*http.ServeMux{
		"compute":              s.mux(nil, compute),
		"www":                  s.mux(s.tokenRoutes(), compute, userinfo),
		"oauth2":               s.mux(s.tokenRoutes(), userinfo),
		"openidconnect":        s.mux(nil, userinfo),
		"cloudresourcemanager": s.mux(nil, manager),
		"cloudbilling":         s.mux(nil, billing),
		"monitoring":           s.mux(nil, monitoring),
	}
	all := s.mux(s.tokenRoutes(), compute, userinfo, manager, billing, monitoring)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if ip := net.ParseIP(host); host == "localhost" || (ip != nil && ip.IsLoopback()) {
			all.ServeHTTP(w, r)
			return
		}
		name, ok := strings.CutSuffix(strings.ToLower(host), hostSuffix)
		mux := muxes[name]
		if !ok || mux == nil {
			refuse(w, unsimulated(r, "https://"+host+r.URL.Path))
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// mux serves public calls and, to those who have the token, the others.
func (s *server) mux(public routes, apis ...routes) *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, h := range public {
		mux.Handle(pattern, s.wrap(h, true))
	}
	for _, rs := range apis {
		for pattern, h := range rs {
			mux.Handle(pattern, s.wrap(h, false))
		}
	}
	mux.Handle("/", s.wrap(func(_ http.ResponseWriter, r *http.Request) (any, error) {
		return nil, unsimulated(r, r.URL.Path)
	}, false))
	return mux
}

// wrap checks the token, answers and words refusals.
func (s *server) wrap(h handler, public bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := s.answer(h, public, w, r)
		var oauth *oauthError
		switch {
		case errors.As(err, &oauth):
			write(w, http.StatusBadRequest, map[string]string{"error": oauth.code, "error_description": oauth.text})
		case err != nil:
			refuse(w, s.worded(r, err))
		default:
			write(w, http.StatusOK, body)
		}
	})
}

func (s *server) answer(h handler, public bool, w http.ResponseWriter, r *http.Request) (any, error) {
	if !public {
		if !api.Authorized(r, s.World.State().Tokens[provider]) {
			return nil, errToken()
		}
		switch struck, err := s.AuthFault(provider); {
		case err != nil:
			return nil, err
		case struck:
			return nil, errToken()
		}
	}
	// Only images are looked for in the projects of others.
	if p := r.PathValue("project"); p != "" && p != Project && p != projectNumber && !strings.Contains(r.URL.Path, "/global/images/") {
		return nil, notFound("projects/" + p)
	}
	return h(w, r)
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone, then
}
