package vultr

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"skysail/clouds"
)

func TestDelete(t *testing.T) {
	locked := no(500, "Unable to destroy server: Unable to remove VM: Server is currently locked")
	pending := no(500, "Unable to destroy server: Server is already pending destruction.")
	there := ok(`{"instance":` + instance("i-1", "x") + `}`)[0]
	gone := no(404, "instance not found")
	for name, c := range map[string]struct {
		kind, path string
		del, get   []answer
		fails      string
	}{
		// Vultr's DELETE does not wait.
		"an instance":            {kind: "instance", path: "/v2/instances/x", del: []answer{deleted}, get: []answer{there, there, gone}},
		"a locked instance":      {kind: "instance", path: "/v2/instances/x", del: []answer{locked, locked, locked, locked, locked, deleted}, get: []answer{there, gone}},
		"one that is going":      {kind: "instance", path: "/v2/instances/x", del: []answer{pending}, get: []answer{there, gone}},
		"gone already":           {kind: "instance", path: "/v2/instances/x", del: []answer{gone}},
		"gone, said with 400":    {kind: "instance", path: "/v2/instances/x", del: []answer{no(400, "instance not found")}},
		"a firewall in use":      {kind: "firewall_group", path: "/v2/firewalls/x", del: []answer{no(400, "The firewall group is in use"), deleted}, get: []answer{ok(`{"firewall_group":{"id":"x"}}`)[0], no(404, "Firewall group not found")}},
		"a key":                  {kind: "ssh_key", path: "/v2/ssh-keys/x", del: []answer{deleted}, get: []answer{no(400, "Invalid ssh key")}},
		"block storage":          {kind: "block_storage", path: "/v2/blocks/x", del: []answer{deleted}, get: []answer{gone}},
		"a reserved IP":          {kind: "reserved_ip", path: "/v2/reserved-ips/x", del: []answer{deleted}, get: []answer{gone}},
		"a key that may not":     {kind: "instance", path: "/v2/instances/x", del: []answer{no(403, "Forbidden")}, get: []answer{there}, fails: "may not do this"},
		"a key that is refused":  {kind: "instance", path: "/v2/instances/x", del: []answer{no(401, "Invalid API token.")}, get: []answer{there}, fails: "is not accepted by Vultr"},
		"a kind that nobody has": {kind: "database", path: "/v2/databases/x", fails: "console"},
	} {
		t.Run(name, func(t *testing.T) {
			_, cloud := serve(t, map[string][]answer{"DELETE " + c.path: c.del, "GET " + c.path: c.get})
			err := cloud.Delete(t.Context(), clouds.Resource{Provider: "vultr", Kind: c.kind, ID: "x"})
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

// What was refused for a lasting reason is told with Vultr's words.
func TestDeleteIsBounded(t *testing.T) {
	_, c := serve(t, map[string][]answer{
		"DELETE /v2/firewalls/x": {no(400, "The firewall group is in use")},
		"GET /v2/firewalls/x":    ok(`{"firewall_group":{"id":"x"}}`),
	})
	c.patience = 50 * time.Millisecond
	err := c.Delete(t.Context(), clouds.Resource{Kind: "firewall_group", ID: "x"})
	if err == nil || !strings.Contains(err.Error(), "firewall_group x: not gone after 50ms: 400 The firewall group is in use") {
		t.Errorf("the error does not say what is left and why: %v", err)
	}
}

func TestDeleteEndsWithItsContext(t *testing.T) {
	_, c := serve(t, map[string][]answer{
		"DELETE /v2/instances/x": {deleted},
		"GET /v2/instances/x":    ok(`{"instance":` + instance("x", "x") + `}`),
	})
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(stop) })
	if err := c.Delete(ctx, clouds.Resource{Kind: "instance", ID: "x"}); !errors.Is(err, stop) {
		t.Errorf("the error does not tell the cause: %v", err)
	}
}
