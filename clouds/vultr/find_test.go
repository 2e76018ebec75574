package vultr

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/clouds"
)

const (
	ours   = "d4k2m9x7qpb1"
	theirs = "d4k2m9x7qpb2"
	ourTag = "skysail-deployment:" + ours
)

func instance(id, label string, tags ...string) string {
	t, _ := json.Marshal(append([]string{}, tags...))
	return fmt.Sprintf(`{"id":%q,"label":%q,"tags":%s,"plan":"vc2-1c-1gb","region":"ewr","date_created":"2026-11-23T10:00:00+00:00"}`, id, label, t)
}

func ids(list []clouds.Resource) []string {
	out := []string{}
	for _, r := range list {
		out = append(out, r.Kind+"/"+r.ID)
	}
	return out
}

func TestFind(t *testing.T) {
	a := account()
	a["GET /v2/instances?per_page=500"] = list("instances", "bmV4dA==",
		instance("i-1", "skysail-"+ours+"-0", "skysail", ourTag),
		instance("i-2", "skysail-"+theirs+"-0", "skysail-deployment:"+theirs),
		instance("i-3", "web"),
	)
	a["GET /v2/instances?cursor=bmV4dA%3D%3D&per_page=500"] = list("instances", "",
		instance("i-4", "skysail-"+ours+"-1"), // half made: no tags yet
		instance("i-5", "renamed", ourTag),
		instance("i-6", "skysail-"+ours+"9-0"),
		instance("i-7", "x-skysail-"+ours),
	)
	a["GET /v2/blocks"] = list("blocks", "", `{"id":"b-1","label":"skysail-`+ours+`-data","region":"ewr","cost":7.3}`, `{"id":"b-2","label":"data"}`)
	a["GET /v2/reserved-ips"] = list("reserved_ips", "", `{"id":"r-1","label":"skysail-`+ours+`","region":"ewr"}`, `{"id":"r-2","label":""}`)
	a["GET /v2/firewalls"] = list("firewall_groups", "", `{"id":"f-1","description":"skysail-`+ours+`"}`, `{"id":"f-2","description":"skysail-`+theirs+`"}`, `{"id":"f-3","description":"for skysail-`+ours+`"}`)
	a["GET /v2/ssh-keys"] = list("ssh_keys", "", `{"id":"k-1","name":"skysail-`+ours+`"}`, `{"id":"k-2","name":"me"}`)
	_, c := serve(t, a)

	got, err := c.Find(t.Context(), ours)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"instance/i-1", "instance/i-4", "instance/i-5", "block_storage/b-1", "reserved_ip/r-1", "firewall_group/f-1", "ssh_key/k-1"}
	if diff := cmp.Diff(want, ids(got)); diff != "" {
		t.Fatal(diff)
	}
	created, _ := time.Parse(time.RFC3339, "2026-11-23T10:00:00+00:00")
	if diff := cmp.Diff(clouds.Resource{
		Provider: "vultr", Kind: "instance", ID: "i-1", Name: "skysail-" + ours + "-0", Region: "ewr",
		Tags: []string{"skysail", ourTag}, CreatedAt: created, PriceUSD: 0.007,
	}, got[0]); diff != "" {
		t.Error(diff)
	}
	if p := got[3].PriceUSD; p < 0.00999 || p > 0.01001 {
		t.Errorf("7.3 dollars a month are %v an hour", p)
	}
}

func TestFindNothing(t *testing.T) {
	f, c := serve(t, account())
	got, err := c.Find(t.Context(), ours)
	if err != nil || got == nil || len(got) != 0 {
		t.Errorf("%v, %v: want an empty list", got, err)
	}
	if f.count("GET /v2/plans") != 0 {
		t.Error("prices of nothing were asked for")
	}
}

func TestFindNeedsAnID(t *testing.T) {
	f, c := serve(t, account())
	for _, id := range []string{"", "d", "d4k2m9x7qpb", ours + "1", strings.ToUpper(ours)} {
		if _, err := c.Find(t.Context(), id); err == nil {
			t.Errorf("%q was taken for an ID", id)
		}
	}
	if n := f.count(""); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}

func TestFindRefused(t *testing.T) {
	html := answer{status: 200, body: `{}`, header: map[string]string{"Content-Type": "application/json; charset=utf-8"}}
	for name, c := range map[string]struct {
		path  string
		say   []answer
		fails string // part of the error, empty for none
	}{
		"the key":             {"/v2/instances", []answer{no(401, "Invalid API token.")}, "the key of VULTR_API_KEY is not accepted by Vultr"},
		"the address":         {"/v2/ssh-keys", []answer{no(401, "Unauthorized IP address: 203.0.113.7")}, "Access Control"},
		"the right":           {"/v2/firewalls", []answer{no(403, "Forbidden")}, "may not do this"},
		"what is not there":   {"/v2/blocks", []answer{no(501, "no blocks here")}, ""},
		"instances":           {"/v2/instances", []answer{no(501, "no instances here")}, "no instances here"},
		"broken for good":     {"/v2/instances", []answer{no(500, "Internal server error.")}, "500 Internal server error."},
		"not a list":          {"/v2/instances", []answer{html}, "not a list"},
		"broken for a moment": {"/v2/instances", append([]answer{no(503, "Busy"), no(500, "x")}, list("instances", "")...), ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := account()
			a["GET "+c.path] = c.say
			_, cloud := serve(t, a)
			_, err := cloud.Find(t.Context(), ours)
			switch {
			case c.fails == "" && err != nil:
				t.Error(err)
			case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
				t.Errorf("%v does not say %q", err, c.fails)
			case err != nil && strings.Contains(err.Error(), secret):
				t.Errorf("the error holds the key: %v", err)
			}
		})
	}
}

// An unknown price is no reason not to tell what exists.
func TestFindWithoutPrices(t *testing.T) {
	a := account()
	a["GET /v2/instances"] = list("instances", "", instance("i-1", "skysail-"+ours+"-0", ourTag))
	a["GET /v2/plans"] = []answer{no(400, "no")}
	_, c := serve(t, a)
	got, err := c.Find(t.Context(), ours)
	if err != nil || len(got) != 1 || got[0].PriceUSD != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestFindWaitsForTheRateLimit(t *testing.T) {
	a := account()
	limited := no(429, "Rate limit exceeded")
	limited.header = map[string]string{"Retry-After": "1"}
	a["GET /v2/ssh-keys"] = append([]answer{limited}, a["GET /v2/ssh-keys"]...)
	f, c := serve(t, a)
	before := time.Now()
	if _, err := c.Find(t.Context(), ours); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(before); took < time.Second {
		t.Errorf("asked again after %s, before Retry-After", took)
	}
	if n := f.count("GET /v2/ssh-keys"); n != 2 {
		t.Errorf("%d calls, want 2", n)
	}
}

func TestFindDoesNotWaitInVain(t *testing.T) {
	a := account()
	limited := no(429, "Rate limit exceeded")
	limited.header = map[string]string{"Retry-After": "3600"}
	a["GET /v2/instances"] = []answer{limited}
	_, c := serve(t, a)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := c.Find(ctx, ours); err == nil || !strings.Contains(err.Error(), "429 Rate limit exceeded") {
		t.Errorf("the error does not tell the rate limit: %v", err)
	}
}
