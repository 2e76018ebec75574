// Package statehttp is a server for Terraform's http backend, for tests: state
// under any path, locked by LOCK and UNLOCK, behind a user and a password
// (https://developer.hashicorp.com/terraform/language/backend/http).
package statehttp

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// User and Password are what it asks for.
const (
	User     = "skysail"
	Password = "canary-http-9b2c" //nolint:gosec // it is to be looked for
)

// Server is one that runs until the test ends.
type Server struct {
	URL string

	mu     sync.Mutex
	states map[string][]byte
	locks  map[string][]byte
	broken int
}

// Start runs a server.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{states: map[string][]byte{}, locks: map[string][]byte{}}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	s.URL = srv.URL
	return s
}

// States returns what is stored, by path.
func (s *Server) States() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]string{}
	for p, b := range s.states {
		out[p] = string(b)
	}
	return out
}

// Locks returns the locks that are held, as their holders describe them.
func (s *Server) Locks() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]string{}
	for p, b := range maps.All(s.locks) {
		out[p] = string(b)
	}
	return out
}

// Forced counts the locks that somebody removed who does not hold them.
func (s *Server) Forced() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

// ServeHTTP is the backend's protocol.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if user, password, ok := r.BasicAuth(); !ok || user != User || password != Password {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	held, locked := s.locks[r.URL.Path]
	switch r.Method {
	case http.MethodGet:
		state, ok := s.states[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write(state)
	case http.MethodPost:
		if locked && !strings.Contains(string(held), `"`+r.URL.Query().Get("ID")+`"`) {
			w.WriteHeader(http.StatusLocked)
			_, _ = w.Write(held)
			return
		}
		s.states[r.URL.Path] = body
	case http.MethodDelete:
		delete(s.states, r.URL.Path)
	case "LOCK":
		if locked {
			w.WriteHeader(http.StatusLocked)
			_, _ = w.Write(held)
			return
		}
		s.locks[r.URL.Path] = body
	case "UNLOCK":
		if locked && len(body) == 0 {
			s.broken++
		}
		delete(s.locks, r.URL.Path)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}
