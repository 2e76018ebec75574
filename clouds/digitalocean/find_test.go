package digitalocean

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"skysail/clouds"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	ours   = "d4k2m9x7qpb1"
	theirs = "d4k2m9x7qpb2"
	ourTag = "skysail-deployment:" + ours
)

// fake answers as DigitalOcean does, with what a test lays down.
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
func no(status int, id, msg string) answer {
	return answer{status: status, body: fmt.Sprintf(`{"id":%q,"message":%q}`, id, msg)}
}

var (
	notFound     = no(404, "not_found", "The resource you were accessing could not be found.")
	unauthorized = no(401, "Unauthorized", "Unable to authenticate you")
	forbidden    = no(403, "Forbidden", "You are not authorized to perform this operation")
	deleted      = answer{status: 204}
)

// account is an account with nothing in it.
func account() map[string][]answer {
	return map[string][]answer{
		"GET /v2/tags/" + ourTag: {notFound},
		"GET /v2/droplets":       ok(`{"droplets":[],"links":{},"meta":{"total":0}}`),
		"GET /v2/load_balancers": ok(`{"load_balancers":[],"links":{},"meta":{"total":0}}`),
		"GET /v2/volumes":        ok(`{"volumes":[],"links":{},"meta":{"total":0}}`),
		"GET /v2/snapshots":      ok(`{"snapshots":[],"links":{},"meta":{"total":0}}`),
		"GET /v2/firewalls":      ok(`{"firewalls":[],"links":{},"meta":{"total":0}}`),
		"GET /v2/account/keys":   ok(`{"ssh_keys":[],"links":{},"meta":{"total":0}}`),
	}
}

func serve(t *testing.T, answers map[string][]answer) (*fake, *Cloud) {
	t.Helper()
	f := &fake{answers: answers}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	c := New(clouds.MapEnv(map[string]string{"DIGITALOCEAN_TOKEN": secret, "DIGITALOCEAN_API_URL": f.URL}))
	c.pause = time.Millisecond
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
		list = []answer{unauthorized}
	}
	if len(list) == 0 {
		list = []answer{notFound}
	}
	if len(list) > 1 {
		f.answers[key] = list[1:]
	}
	for k, v := range list[0].header {
		w.Header().Set(k, v)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
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

// ids are the kinds and IDs of resources, in their order.
func ids(list []clouds.Resource) []string {
	out := []string{}
	for _, r := range list {
		out = append(out, r.Kind+"/"+r.ID)
	}
	return out
}

func droplet(id int, name string, tags ...string) string {
	t, _ := json.Marshal(append([]string{}, tags...))
	return fmt.Sprintf(`{"id":%d,"name":%q,"created_at":"2026-11-23T10:00:00Z","tags":%s,
		"region":{"slug":"nyc3"},"size":{"slug":"s-1vcpu-1gb","price_hourly":0.00893}}`, id, name, t)
}

func TestFind(t *testing.T) {
	answers := account()
	answers["GET /v2/tags/"+ourTag] = ok(`{"tag":{"name":"` + ourTag + `","resources":{"count":6}}}`)
	answers["GET /v2/droplets?page=1&per_page=200"] = ok(`{"droplets":[` + strings.Join([]string{
		droplet(1, "skysail-"+ours+"-0", "skysail", ourTag),
		droplet(2, "skysail-"+theirs+"-0", "skysail", "skysail-deployment:"+theirs),
		droplet(3, "web"),
	}, ",") + `],"links":{"pages":{"next":"http://x/v2/droplets?page=2","last":"http://x/v2/droplets?page=2"}},"meta":{"total":6}}`)
	answers["GET /v2/droplets?page=2&per_page=200"] = ok(`{"droplets":[` + strings.Join([]string{
		droplet(4, "renamed", strings.ToUpper(ourTag)),
		droplet(5, "skysail-"+ours+"-1"), // its tag was deleted
		droplet(6, "skysail-"+ours+"9-0"),
		droplet(7, "my-skysail-"+ours+"-0"),
	}, ",") + `],"links":{"pages":{"prev":"http://x/v2/droplets?page=1"}},"meta":{"total":6}}`)
	answers["GET /v2/droplets?page=1&per_page=200&type=gpus"] = ok(`{"droplets":[` + droplet(8, "skysail-"+ours+"-2", ourTag) + `],"links":{},"meta":{"total":1}}`)
	answers["GET /v2/load_balancers"] = ok(`{"load_balancers":[{"id":"lb-1","name":"front","tags":["` + ourTag + `"],"region":{"slug":"nyc3"}},
		{"id":"lb-2","name":"other","tag":"` + ourTag + `","tags":[]}],"links":{},"meta":{"total":2}}`)
	answers["GET /v2/volumes"] = ok(`{"volumes":[{"id":"v-1","name":"data","tags":["` + ourTag + `"],"created_at":"2026-11-23T10:00:00Z"},{"id":"v-2","name":"skysail-` + ours + `","tags":null}],"links":{},"meta":{"total":2}}`)
	answers["GET /v2/snapshots"] = ok(`{"snapshots":[{"id":"s-1","name":"before","tags":["` + ourTag + `"],"regions":["nyc3"]},{"id":"s-2","name":"x"}],"links":{},"meta":{"total":2}}`)
	answers["GET /v2/firewalls"] = ok(`{"firewalls":[
		{"id":"f-1","name":"skysail-` + ours + `","tags":["` + ourTag + `"],"droplet_ids":[]},
		{"id":"f-2","name":"by hand","tags":["` + ourTag + `"],"droplet_ids":null},
		{"id":"f-3","name":"shared","tags":["` + ourTag + `","web"]},
		{"id":"f-4","name":"shared","tags":["` + ourTag + `"],"droplet_ids":[3]},
		{"id":"f-5","name":"skysail-` + theirs + `","tags":[]}],"links":{},"meta":{"total":5}}`)
	answers["GET /v2/account/keys"] = ok(`{"ssh_keys":[{"id":11,"name":"skysail-` + ours + `"},{"id":12,"name":"skysail-` + theirs + `"},{"id":13,"name":"skysail-` + ours + `x"}],"links":{},"meta":{"total":3}}`)
	_, c := serve(t, answers)

	got, err := c.Find(t.Context(), ours)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"droplet/1", "droplet/4", "droplet/5", "droplet/8",
		"load_balancer/lb-1", "volume/v-1", "volume/v-2", "snapshot/s-1", "firewall/f-1", "firewall/f-2", "ssh_key/11", "tag/" + ourTag,
	}
	if diff := cmp.Diff(want, ids(got)); diff != "" {
		t.Fatal(diff)
	}
	if diff := cmp.Diff(clouds.Resource{
		Provider: "digitalocean", Kind: "droplet", ID: "1", Name: "skysail-" + ours + "-0", Region: "nyc3",
		Tags: []string{"skysail", ourTag}, CreatedAt: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), PriceUSD: 0.00893,
	}, got[0]); diff != "" {
		t.Error(diff)
	}
}

func TestFindNothing(t *testing.T) {
	_, c := serve(t, account())
	got, err := c.Find(t.Context(), ours)
	if err != nil || got == nil || len(got) != 0 {
		t.Errorf("%v, %v: want an empty list", got, err)
	}
}

// Without an ID, or with half of one, a sweep would match what is not ours.
func TestFindNeedsAnID(t *testing.T) {
	f, c := serve(t, account())
	for _, id := range []string{"", "d", "d4k2m9x7qpb", ours + "1", "D4K2M9X7QPB1", "d4k2m9x7qp/1"} {
		if _, err := c.Find(t.Context(), id); err == nil {
			t.Errorf("%q was taken for an ID", id)
		}
	}
	if n := f.count(""); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}

func TestFindWhatTheTokenMayNotSee(t *testing.T) {
	carrier := func(count int) []answer {
		return ok(fmt.Sprintf(`{"tag":{"name":%q,"resources":{"count":%d}}}`, ourTag, count))
	}
	for name, c := range map[string]struct {
		change func(map[string][]answer)
		fails  string // part of the error, empty for none
	}{
		"nothing is tagged": {change: func(a map[string][]answer) { a["GET /v2/volumes"] = []answer{forbidden} }},
		"the tag is on what was found": {change: func(a map[string][]answer) {
			a["GET /v2/volumes"] = []answer{forbidden}
			a["GET /v2/tags/"+ourTag] = carrier(1)
			a["GET /v2/droplets"] = ok(`{"droplets":[` + droplet(1, "x", ourTag) + `]}`)
		}},
		"the tag is on something else": {change: func(a map[string][]answer) {
			a["GET /v2/volumes"] = []answer{forbidden}
			a["GET /v2/tags/"+ourTag] = carrier(2)
			a["GET /v2/droplets"] = ok(`{"droplets":[` + droplet(1, "x", ourTag) + `]}`)
		}, fails: "block_storage:read"},
		"droplets": {change: func(a map[string][]answer) { a["GET /v2/droplets"] = []answer{forbidden} }, fails: "droplet:read"},
		"keys":     {change: func(a map[string][]answer) { a["GET /v2/account/keys"] = []answer{forbidden} }, fails: "ssh_key:read"},
		"tags":     {change: func(a map[string][]answer) { a["GET /v2/tags/"+ourTag] = []answer{forbidden} }, fails: "tag:read"},
		"no such API": {change: func(a map[string][]answer) {
			a["GET /v2/load_balancers"] = []answer{no(501, "not_implemented", "no load balancers here")}
		}},
		"no droplets API": {change: func(a map[string][]answer) {
			a["GET /v2/droplets"] = []answer{no(501, "not_implemented", "no droplets here")}
		}, fails: "no droplets here"},
		"the token is refused": {change: func(a map[string][]answer) {
			a["GET /v2/firewalls"] = []answer{unauthorized}
		}, fails: "the token of DIGITALOCEAN_TOKEN is not accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			a := account()
			c.change(a)
			_, cloud := serve(t, a)
			_, err := cloud.Find(t.Context(), ours)
			switch {
			case c.fails == "" && err != nil:
				t.Error(err)
			case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
				t.Errorf("%v does not say %q", err, c.fails)
			case err != nil && strings.Contains(err.Error(), secret):
				t.Errorf("the error holds the token: %v", err)
			}
		})
	}
}

func TestFindWaitsForTheRateLimit(t *testing.T) {
	a := account()
	limited := no(429, "too_many_requests", "API Rate limit exceeded.")
	limited.header = map[string]string{"Retry-After": "1"}
	a["GET /v2/account/keys"] = append([]answer{limited, no(503, "", "")}, a["GET /v2/account/keys"]...)
	f, c := serve(t, a)
	before := time.Now()
	if _, err := c.Find(t.Context(), ours); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(before); took < time.Second {
		t.Errorf("asked again after %s, before Retry-After", took)
	}
	if n := f.count("GET /v2/account/keys"); n != 3 {
		t.Errorf("%d calls, want 3", n)
	}
}

// A wait that cannot end in time is not begun.
func TestFindDoesNotWaitInVain(t *testing.T) {
	a := account()
	limited := no(429, "too_many_requests", "API Rate limit exceeded.")
	limited.header = map[string]string{"Retry-After": "3600"}
	a["GET /v2/tags/"+ourTag] = []answer{limited}
	f, c := serve(t, a)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := c.Find(ctx, ours)
	if err == nil || !strings.Contains(err.Error(), "429") {
		t.Errorf("the error does not tell the rate limit: %v", err)
	}
	if n := f.count("GET"); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
}

func TestFindEndsWithItsContext(t *testing.T) {
	a := account()
	a["GET /v2/droplets"] = []answer{no(500, "server_error", "Unexpected server-side error")}
	_, c := serve(t, a)
	c.pause = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Find(ctx, ours); err == nil {
		t.Error("no error")
	}
}
