package gcp

import (
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
)

// thing is an instance, disk or address; where is "zone" or "region".
func thing(where, place, name, owner string) string {
	return fmt.Sprintf(`{"name":%q,%q:"https://www.googleapis.com/compute/v1/projects/p/%ss/%s","creationTimestamp":"2026-11-23T02:00:00.000-08:00","labels":{"skysail":"true","skysail-deployment":%q}}`,
		name, where, where, place, owner)
}

func ids(list []clouds.Resource) []string {
	out := []string{}
	for _, r := range list {
		out = append(out, r.Kind+" "+strings.TrimPrefix(r.ID, "projects/"+project+"/"))
	}
	return out
}

func TestFind(t *testing.T) {
	const byName, byLabel = "?filter=name+eq+skysail-" + ours + ".%2A", "?filter=labels.skysail-deployment%3D" + ours
	a := account()
	instances := "GET " + at + "/aggregated/instances"
	a[instances+byLabel] = aggregated("bmV4dA==", "zones/us-central1-b", "instances", thing("zone", "us-central1-b", "skysail-"+ours+"-0", ours))
	a[instances+byLabel+"&pageToken=bmV4dA%3D%3D"] = aggregated("", "zones/us-central1-f", "instances", thing("zone", "us-central1-f", "renamed", ours))
	a[instances+byName] = aggregated("", "zones/us-central1-b", "instances",
		thing("zone", "us-central1-b", "skysail-"+ours+"-0", ours),
		thing("zone", "us-central1-b", "skysail-"+ours+"-1", "relabelled"),
		thing("zone", "us-central1-b", "skysail-"+ours+"9-0", theirs), // the filter matches it
	)
	a["GET "+at+"/aggregated/disks"+byLabel] = aggregated("", "zones/us-central1-b", "disks",
		thing("zone", "us-central1-b", "skysail-"+ours+"-0-data", ours),
		thing("zone", "us-central1-b", "skysail-"+theirs+"-0", theirs), // a filter that is not understood
	)
	a["GET "+at+"/aggregated/addresses"+byName] = aggregated("", "regions/us-central1", "addresses",
		thing("region", "us-central1", "skysail-"+ours, "x"), `{"name":"skysail-`+ours+`-global"}`)
	a["GET "+at+"/global/firewalls"+byName] = ok(`{"items":[{"name":"skysail-` + ours + `-closed","creationTimestamp":"2026-11-23T02:00:00.000-08:00"},{"name":"skysail-` + ours + `x"}]}`)
	_, c := serve(t, a)

	got, err := c.Find(t.Context(), ours)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"instance zones/us-central1-b/instances/skysail-" + ours + "-0",
		"instance zones/us-central1-b/instances/skysail-" + ours + "-1",
		"instance zones/us-central1-f/instances/renamed",
		"disk zones/us-central1-b/disks/skysail-" + ours + "-0-data",
		"address regions/us-central1/addresses/skysail-" + ours,
		"firewall global/firewalls/skysail-" + ours + "-closed",
	}
	if diff := cmp.Diff(want, ids(got)); diff != "" {
		t.Fatal(diff)
	}
	if diff := cmp.Diff(clouds.Resource{
		Provider: "gcp", Kind: "instance", ID: "projects/" + project + "/zones/us-central1-b/instances/skysail-" + ours + "-0",
		Name: "skysail-" + ours + "-0", Region: "us-central1", Tags: []string{"skysail-deployment:" + ours, "skysail:true"},
		CreatedAt: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC),
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
	disabled := no(403, "accessNotConfigured", "Compute Engine API has not been used in project 1 before or it is disabled.")
	for name, c := range map[string]struct {
		path  string
		say   []answer
		fails string // part of the error, empty for none
	}{
		"the token":           {"/aggregated/instances", []answer{no(401, "authError", "Invalid Credentials")}, "are not accepted by Google"},
		"the right":           {"/global/firewalls", []answer{no(403, "forbidden", "Required 'compute.firewalls.list' permission for 'projects/p'")}, "listing firewall rules: the credentials in variable GOOGLE_OAUTH_ACCESS_TOKEN may not do this in project my-project"},
		"the API":             {"/aggregated/disks", []answer{disabled}, "gcloud services enable"},
		"what is not there":   {"/aggregated/addresses", []answer{no(501, "notImplemented", "no addresses here")}, ""},
		"broken for good":     {"/aggregated/instances", []answer{no(500, "internalError", "Internal error.")}, "500 Internal error."},
		"broken for a moment": {"/aggregated/instances", append([]answer{no(503, "backendError", "Busy"), no(500, "x", "x")}, ok(nothing)...), ""},
		"a zone that is away": {"/aggregated/instances", ok(`{"items":{"zones/us-east1-b":{"warning":{"code":"UNREACHABLE","message":"x"}}}}`), "the list is not complete: zones/us-east1-b"},
		"a region left out":   {"/aggregated/disks", ok(`{"items":{},"unreachables":["regions/us-east1"]}`), "the list is not complete: regions/us-east1"},
		"some rules":          {"/global/firewalls", ok(`{"warning":{"code":"PARTIAL_SUCCESS"}}`), "the list is not complete"},
	} {
		t.Run(name, func(t *testing.T) {
			a := account()
			a["GET "+at+c.path] = c.say
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

func TestCheck(t *testing.T) {
	f, c := serve(t, map[string][]answer{"GET " + at: ok(`{"name":"my-project","quotas":[{"metric":"SNAPSHOTS","limit":1000,"usage":0}]}`)})
	got, err := c.Check(t.Context())
	if err != nil || got != (clouds.Account{Source: "variable GOOGLE_OAUTH_ACCESS_TOKEN", ID: project}) {
		t.Errorf("%+v, %v", got, err)
	}
	if n := f.count(""); n != 1 {
		t.Errorf("%d calls, want one", n)
	}
	_, c = serve(t, map[string][]answer{"GET " + at: {no(404, "notFound", "The resource 'projects/my-project' was not found")}})
	if got, err := c.Check(t.Context()); err == nil || got != (clouds.Account{}) || !strings.Contains(err.Error(), "was not found") {
		t.Errorf("%+v, %v", got, err)
	}
}
