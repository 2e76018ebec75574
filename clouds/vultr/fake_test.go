package vultr

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

// fake answers as Vultr does, with what a test lays down.
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

func no(status int, msg string) answer {
	return answer{status: status, body: fmt.Sprintf(`{"error":%q,"status":%d}`, msg, status)}
}

var deleted = answer{status: 204}

// list is a page of a list; next is the cursor of the next one.
func list(name, next string, items ...string) []answer {
	return ok(fmt.Sprintf(`{%q:[%s],"meta":{"total":%d,"links":{"next":%q,"prev":""}}}`, name, strings.Join(items, ","), len(items), next))
}

// account is an account with nothing in it.
func account() map[string][]answer {
	return map[string][]answer{
		"GET /v2/instances":    list("instances", ""),
		"GET /v2/blocks":       list("blocks", ""),
		"GET /v2/reserved-ips": list("reserved_ips", ""),
		"GET /v2/firewalls":    list("firewall_groups", ""),
		"GET /v2/ssh-keys":     list("ssh_keys", ""),
		"GET /v2/plans":        list("plans", "", `{"id":"vc2-1c-1gb","monthly_cost":5,"hourly_cost":0.007}`),
	}
}

func serve(t *testing.T, answers map[string][]answer) (*fake, *Cloud) {
	t.Helper()
	f := &fake{answers: answers}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	c := New(clouds.MapEnv(map[string]string{"VULTR_API_KEY": secret}))
	c.api, c.pause = f.URL, time.Millisecond
	return f, c
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path := r.Method + " " + r.URL.Path
	full := path + "?" + r.URL.Query().Encode()
	f.calls = append(f.calls, full)
	key := full
	if _, ok := f.answers[key]; !ok {
		key = path
	}
	list := f.answers[key]
	if r.Header.Get("Authorization") != "Bearer "+secret {
		list = []answer{no(401, "Invalid API token.")}
	}
	if len(list) == 0 {
		list = []answer{no(404, "not found")}
	}
	if len(list) > 1 {
		f.answers[key] = list[1:]
	}
	w.Header().Set("Content-Type", "application/json")
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
