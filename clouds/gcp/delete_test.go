package gcp

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"skysail/clouds"
)

const (
	zone     = "zones/us-central1-b"
	instance = zone + "/instances/x"
)

func operation(status, failure string) answer {
	body := `{"name":"operation-1","status":"` + status + `","zone":"https://www.googleapis.com/compute/v1/projects/my-project/zones/us-central1-b"`
	if failure != "" {
		body += `,"error":{"errors":[{"code":"RESOURCE_IN_USE_BY_ANOTHER_RESOURCE","message":"` + failure + `"}]}`
	}
	return ok(body + "}")[0]
}

func TestDelete(t *testing.T) {
	there := ok(`{"name":"x"}`)[0]
	gone := no(404, "notFound", "The resource 'x' was not found")
	const inUse = "The disk resource 'x' is already being used by 'y'"
	const disk = zone + "/disks/x"
	global := ok(`{"name":"operation-2","status":"RUNNING"}`)
	regional := ok(`{"name":"operation-3","status":"RUNNING","region":"https://x/regions/us-central1"}`)
	done := ok(`{"name":"o","status":"DONE"}`)
	for name, c := range map[string]struct {
		kind, id      string
		del, get      []answer
		op            string
		ops           []answer
		fails         string
		deletes, asks int
	}{
		"an instance":             {kind: "instance", id: instance, del: []answer{operation("RUNNING", "")}, op: zone + "/operations/operation-1", ops: []answer{operation("RUNNING", ""), operation("DONE", "")}, get: []answer{gone}, deletes: 1, asks: 2},
		"gone already":            {kind: "instance", id: instance, del: []answer{gone}, deletes: 1},
		"still listed":            {kind: "instance", id: instance, del: []answer{operation("DONE", "")}, get: []answer{there, there, gone}, deletes: 1},
		"a disk in use":           {kind: "disk", id: disk, del: []answer{no(400, "resourceInUseByAnotherResource", inUse), operation("DONE", "")}, get: []answer{there, gone}, deletes: 2},
		"an operation that fails": {kind: "disk", id: disk, del: []answer{operation("RUNNING", ""), operation("DONE", "")}, op: zone + "/operations/operation-1", ops: []answer{operation("DONE", inUse)}, get: []answer{there, gone}, deletes: 2, asks: 1},
		"a firewall rule":         {kind: "firewall", id: "global/firewalls/x", del: global, op: "global/operations/operation-2", ops: done, get: []answer{gone}, deletes: 1, asks: 1},
		"an address":              {kind: "address", id: "regions/us-central1/addresses/x", del: regional, op: "regions/us-central1/operations/operation-3", ops: done, get: []answer{gone}, deletes: 1, asks: 1},
		"a regional disk":         {kind: "disk", id: "regions/us-central1/disks/x", del: regional, op: "regions/us-central1/operations/operation-3", ops: done, get: []answer{gone}, deletes: 1, asks: 1},
		"who may not":             {kind: "instance", id: instance, del: []answer{no(403, "forbidden", "Required 'compute.instances.delete' permission for 'x'")}, get: []answer{there}, fails: "may not do this", deletes: 1},
		"a refused token":         {kind: "instance", id: instance, del: []answer{no(401, "authError", "Invalid Credentials")}, get: []answer{there}, fails: "are not accepted by Google", deletes: 1},
		"a kind that nobody has":  {kind: "bucket", id: "global/buckets/x", fails: "console"},
		"a kind of another place": {kind: "firewall", id: zone + "/instances/x", fails: "console"},
		"a way out":               {kind: "instance", id: "zones/../instances/x", fails: "console"},
	} {
		t.Run(name, func(t *testing.T) {
			f, cloud := serve(t, map[string][]answer{
				"DELETE " + at + "/" + c.id: c.del, "GET " + at + "/" + c.id: c.get, "GET " + at + "/" + c.op: c.ops,
			})
			err := cloud.Delete(t.Context(), clouds.Resource{Provider: "gcp", Kind: c.kind, ID: "projects/" + project + "/" + c.id})
			switch {
			case c.fails == "" && err != nil:
				t.Error(err)
			case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
				t.Errorf("%v does not say %q", err, c.fails)
			case err != nil && strings.Contains(err.Error(), secret):
				t.Errorf("the error holds the token: %v", err)
			}
			if n := f.count("DELETE "); n != c.deletes {
				t.Errorf("%d deletes, want %d", n, c.deletes)
			}
			if n := f.count("GET " + at + "/" + c.op); c.op != "" && n != c.asks {
				t.Errorf("the operation was asked for %d times, want %d", n, c.asks)
			}
		})
	}
}

// What was refused for a lasting reason is told with Google's words.
func TestDeleteIsBounded(t *testing.T) {
	_, c := serve(t, map[string][]answer{
		"DELETE " + at + "/" + zone + "/disks/x": {operation("DONE", "The disk resource 'x' is already being used by 'y'")},
		"GET " + at + "/" + zone + "/disks/x":    ok(`{"name":"x"}`),
	})
	c.patience = 50 * time.Millisecond
	err := c.Delete(t.Context(), clouds.Resource{Kind: "disk", ID: "projects/" + project + "/" + zone + "/disks/x"})
	if err == nil || !strings.Contains(err.Error(), "disk x: not gone after 50ms: The disk resource 'x' is already being used by 'y'") {
		t.Errorf("the error does not say what is left and why: %v", err)
	}
}

func TestDeleteEndsWithItsContext(t *testing.T) {
	_, c := serve(t, map[string][]answer{
		"DELETE " + at + "/" + instance:                      {operation("RUNNING", "")},
		"GET " + at + "/" + zone + "/operations/operation-1": {operation("RUNNING", "")},
		"GET " + at + "/" + instance:                         ok(`{"name":"x"}`),
	})
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(stop) })
	if err := c.Delete(ctx, clouds.Resource{Kind: "instance", ID: "projects/" + project + "/" + instance}); !errors.Is(err, stop) {
		t.Errorf("the error does not tell the cause: %v", err)
	}
}
