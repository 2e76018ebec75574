package digitalocean

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"skysail/clouds"
)

func TestDelete(t *testing.T) {
	pending := no(422, "unprocessable_entity", "Droplet already has a pending event.")
	active := ok(`{"droplet":` + droplet(1, "x") + `}`)[0]
	firewall := ok(`{"firewall":{"id":"f-1","name":"x"}}`)[0]
	tag := func(n string) answer {
		return ok(`{"tag":{"name":"` + ourTag + `","resources":{"count":` + n + `}}}`)[0]
	}
	for name, c := range map[string]struct {
		kind, id string
		path     string
		del, get []answer
		fails    string
		deletes  int
	}{
		"a droplet that takes its time": {
			kind: "droplet", id: "1", path: "/v2/droplets/1",
			del: []answer{deleted}, get: []answer{active, active, notFound}, deletes: 1,
		},
		"a locked droplet": {
			kind: "droplet", id: "1", path: "/v2/droplets/1",
			del: []answer{pending, pending, deleted}, get: []answer{active, active, active, notFound}, deletes: 3,
		},
		"a droplet that goes while its delete is refused": {
			kind: "droplet", id: "1", path: "/v2/droplets/1",
			del: []answer{pending}, get: []answer{notFound}, deletes: 1,
		},
		"gone already": {
			kind: "droplet", id: "1", path: "/v2/droplets/1", del: []answer{notFound}, deletes: 1,
		},
		"a firewall in use": {
			kind: "firewall", id: "f-1", path: "/v2/firewalls/f-1",
			del: []answer{no(409, "conflict", "firewall is in use"), deleted}, get: []answer{firewall, notFound}, deletes: 2,
		},
		"a key":           {kind: "ssh_key", id: "11", path: "/v2/account/keys/11", del: []answer{deleted}, get: []answer{notFound}, deletes: 1},
		"a volume":        {kind: "volume", id: "v-1", path: "/v2/volumes/v-1", del: []answer{deleted}, get: []answer{notFound}, deletes: 1},
		"a snapshot":      {kind: "snapshot", id: "s-1", path: "/v2/snapshots/s-1", del: []answer{deleted}, get: []answer{notFound}, deletes: 1},
		"a load balancer": {kind: "load_balancer", id: "l-1", path: "/v2/load_balancers/l-1", del: []answer{deleted}, get: []answer{notFound}, deletes: 1},
		"an unused tag":   {kind: "tag", id: ourTag, path: "/v2/tags/" + ourTag, del: []answer{deleted}, get: []answer{tag("0"), notFound}, deletes: 1},
		"no tag":          {kind: "tag", id: ourTag, path: "/v2/tags/" + ourTag, get: []answer{notFound}},
		"a tag in use":    {kind: "tag", id: ourTag, path: "/v2/tags/" + ourTag, get: []answer{tag("2")}, fails: "still on 2 things"},
		"a token that may not": {
			kind: "droplet", id: "1", path: "/v2/droplets/1", del: []answer{forbidden}, get: []answer{active}, fails: "droplet:delete", deletes: 1,
		},
		"a token that is refused": {
			kind: "firewall", id: "f-1", path: "/v2/firewalls/f-1", del: []answer{unauthorized}, fails: "is not accepted", deletes: 1,
		},
		"a kind that nobody made": {kind: "database", id: "db-1", fails: "control panel"},
		"an ID that is none":      {kind: "droplet", id: "../account", fails: "not a number"},
	} {
		t.Run(name, func(t *testing.T) {
			f, cloud := serve(t, map[string][]answer{"DELETE " + c.path: c.del, "GET " + c.path: c.get})
			err := cloud.Delete(t.Context(), clouds.Resource{Provider: "digitalocean", Kind: c.kind, ID: c.id})
			switch {
			case c.fails == "" && err != nil:
				t.Error(err)
			case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
				t.Errorf("%v does not say %q", err, c.fails)
			case err != nil && strings.Contains(err.Error(), secret):
				t.Errorf("the error holds the token: %v", err)
			}
			if n := f.count("DELETE"); n != c.deletes {
				t.Errorf("%d deletes, want %d: %v", n, c.deletes, f.calls)
			}
		})
	}
}

func TestDeleteIsBounded(t *testing.T) {
	_, c := serve(t, map[string][]answer{
		"DELETE /v2/droplets/1": {deleted},
		"GET /v2/droplets/1":    ok(`{"droplet":` + droplet(1, "x") + `}`),
	})
	c.patience = 50 * time.Millisecond
	err := c.Delete(t.Context(), clouds.Resource{Kind: "droplet", ID: "1"})
	if err == nil || !strings.Contains(err.Error(), "still exists") || !strings.Contains(err.Error(), "droplet 1") {
		t.Errorf("the error does not say what is left: %v", err)
	}
}

func TestDeleteEndsWithItsContext(t *testing.T) {
	_, c := serve(t, map[string][]answer{
		"DELETE /v2/droplets/1": {no(422, "unprocessable_entity", "Droplet already has a pending event.")},
		"GET /v2/droplets/1":    ok(`{"droplet":` + droplet(1, "x") + `}`),
	})
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(stop) })
	err := c.Delete(ctx, clouds.Resource{Kind: "droplet", ID: "1"})
	if !errors.Is(err, stop) || !strings.Contains(err.Error(), "pending event") {
		t.Errorf("the error tells neither the cause nor the last refusal: %v", err)
	}
}
