package gcp

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"skysail/clouds"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	secret  = "ya29.a0AfB-canary-of-a-token"
	project = "my-project"
	at      = "/compute/v1/projects/" + project
)

// fake answers as Google does, with what a test lays down.
type fake struct {
	*httptest.Server
	mu    sync.Mutex
	calls []string
	// answers by "METHOD path?query" or "METHOD path"; the last is kept.
	answers map[string][]answer
}

type answer struct {
	status int
	body   string
	header map[string]string
}

func ok(body string) []answer { return []answer{{status: 200, body: body}} }

func no(status int, reason, msg string) answer {
	return answer{status: status, body: fmt.Sprintf(
		`{"error":{"code":%d,"message":%q,"errors":[{"message":%q,"domain":"global","reason":%q}]}}`, status, msg, msg, reason)}
}

// aggregated is a page of an aggregated list with one zone that has things.
func aggregated(next, scope, name string, items ...string) []answer {
	return ok(fmt.Sprintf(`{"items":{"zones/us-east1-b":{"warning":{"code":"NO_RESULTS_ON_PAGE","message":"none"}},%q:{%q:[%s]}},"nextPageToken":%q}`,
		scope, name, strings.Join(items, ","), next))
}

const nothing = `{"items":{"zones/us-east1-b":{"warning":{"code":"NO_RESULTS_ON_PAGE","message":"none"}}}}`

// account is a project with nothing in it.
func account() map[string][]answer {
	return map[string][]answer{
		"GET " + at + "/aggregated/instances": ok(nothing),
		"GET " + at + "/aggregated/disks":     ok(nothing),
		"GET " + at + "/aggregated/addresses": ok(nothing),
		"GET " + at + "/global/firewalls":     ok(`{}`),
	}
}

func serve(t *testing.T, answers map[string][]answer) (*fake, *Cloud) {
	t.Helper()
	f := &fake{answers: answers}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	c := New(clouds.MapEnv(map[string]string{"GOOGLE_OAUTH_ACCESS_TOKEN": secret, "GOOGLE_PROJECT": project}))
	c.at(f.URL)
	return f, c
}

// at points a Cloud at another address than Google's.
func (c *Cloud) at(address string) {
	c.api = addresses{compute: address + "/compute/v1/", monitoring: address + "/", billing: address + "/"}
	c.pause = time.Millisecond
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path := r.Method + " " + r.URL.Path
	query := r.URL.Query()
	query.Del("alt")
	query.Del("prettyPrint")
	full := path + "?" + query.Encode()
	f.calls = append(f.calls, full)
	key := full
	if _, ok := f.answers[key]; !ok {
		key = path
	}
	list := f.answers[key]
	if r.Header.Get("Authorization") != "Bearer "+secret {
		list = []answer{no(401, "authError", "Invalid Credentials")}
	}
	if len(list) == 0 {
		list = []answer{no(404, "notFound", "The resource '"+r.URL.Path+"' was not found")}
	}
	if len(list) > 1 {
		f.answers[key] = list[1:]
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	for k, v := range list[0].header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(list[0].status)
	_, _ = w.Write([]byte(list[0].body))
}

func (f *fake) count(prefix string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, c := range f.calls {
		if strings.HasPrefix(c, prefix) {
			n++
		}
	}
	return n
}
