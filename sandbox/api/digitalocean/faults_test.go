package digitalocean

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/digitalocean/godo"
	"golang.org/x/oauth2"

	"skysail/sandbox/world"
)

func TestRefusals(t *testing.T) {
	for kind, message := range map[string]string{
		world.Capacity:   "Size is not available in this region.",
		world.Quota:      "creating this/these droplet(s) will exceed your droplet limit",
		world.NotEnabled: "This size is currently restricted please send an additional payment to unlock.",
		world.Invalid:    "You specified an invalid image for Droplet creation.",
	} {
		t.Run(kind, func(t *testing.T) {
			c := newCloud(t)
			c.fault(world.Fault{Kind: kind, Times: 1, Region: "nyc1"})
			_, _, err := c.Droplets.Create(t.Context(), create("elsewhere", func(r *godo.DropletCreateRequest) { r.Region = "fra1" }))
			check(t, err)
			_, _, err = c.Droplets.Create(t.Context(), create("web"))
			wantError(t, err, 422, message)
			_, _, err = c.Droplets.Create(t.Context(), create("web"))
			check(t, err)
		})
	}
}

// TestRateLimit uses the SDK as the Terraform provider does: with retries,
// which all belong to one attempt.
func TestRateLimit(t *testing.T) {
	c := newCloud(t)
	c.fault(world.Fault{Kind: world.RateLimit, Times: 1})
	retrying := c.retrying()
	_, _, err := retrying.Droplets.Create(t.Context(), create("web"))
	wantError(t, err, 429, "Too many requests")
	if err == nil || !strings.HasSuffix(err.Error(), "giving up after 3 attempt(s)") {
		t.Errorf("err = %v", err)
	}
	var e *godo.ErrorResponse
	if errors.As(err, &e) && e.Response.Header.Get("Retry-After") == "" {
		t.Error("it does not say when to try again")
	}
	if len(c.world.State().Servers) != 0 {
		t.Error("a refused call made something")
	}
	_, _, err = retrying.Droplets.Create(t.Context(), create("another"))
	check(t, err)
}

func TestAuth(t *testing.T) {
	c := newCloud(t)
	for name, token := range map[string]string{"none": "", "wrong": "dop_v1_0", "the other cloud's": c.world.State().Tokens[world.Vultr]} {
		_, _, err := c.client(token).Droplets.List(t.Context(), nil)
		t.Run(name, func(t *testing.T) { wantError(t, err, 401, "Unable to authenticate you") })
	}
	c.fault(world.Fault{Kind: world.Auth})
	_, _, err := c.Account.Get(t.Context())
	wantError(t, err, 401, "Unable to authenticate you")
	_, _, err = c.Keys.Create(t.Context(), &godo.KeyCreateRequest{Name: "k", PublicKey: publicKey(t, 0)})
	wantError(t, err, 401, "Unable to authenticate you")
	if len(c.world.State().Keys) != 0 {
		t.Error("a refused call made something")
	}
}

func TestSlow(t *testing.T) {
	c := newCloud(t)
	c.fault(world.Fault{Kind: world.Slow, Times: 1})
	d, _, err := c.Droplets.Create(t.Context(), create("slow"))
	check(t, err)
	c.droplet("quick")
	d, _, err = c.Droplets.Get(t.Context(), d.ID)
	check(t, err)
	if d.Status != "new" {
		t.Errorf("the slow droplet is %s", d.Status)
	}
	for _, s := range c.world.State().Servers {
		if held := s.HoldUntil.Sub(s.CreatedAt).Round(time.Second); s.Name == "slow" && held != world.SlowBoot {
			t.Errorf("held for %s, want %s", held, world.SlowBoot)
		}
	}
}

// retrying is the SDK with as many retries as skysail's bundles ask for.
func (c *cloud) retrying() *godo.Client {
	c.Helper()
	tokens := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: c.world.State().Tokens[provider]})
	g, err := godo.New(oauth2.NewClient(context.Background(), tokens), godo.SetBaseURL(c.url),
		godo.WithRetryAndBackoffs(godo.RetryConfig{RetryMax: 2, RetryWaitMin: godo.PtrTo(0.01), RetryWaitMax: godo.PtrTo(0.02)}))
	check(c.T, err)
	return g
}

// TestHalfMade uses the SDK as the Terraform provider does: with retries.
func TestHalfMade(t *testing.T) {
	c := newCloud(t)
	c.fault(world.Fault{Kind: world.HalfMade, Times: 1})
	retrying := c.retrying()
	_, _, err := retrying.Droplets.Create(t.Context(), create("web"))
	wantError(t, err, 500, "Unexpected server-side error")
	if err == nil || !strings.HasSuffix(err.Error(), "giving up after 3 attempt(s)") {
		t.Errorf("err = %v", err)
	}
	ds, _, err := c.Droplets.ListByName(t.Context(), "web", nil)
	check(t, err)
	if len(ds) != 3 {
		t.Errorf("%d droplets were left, want one for each of 3 tries", len(ds))
	}
	for _, d := range ds {
		c.await(d.ID, "active")
		_, err := c.Droplets.Delete(t.Context(), d.ID)
		check(t, err)
	}
	_, _, err = retrying.Droplets.Create(t.Context(), create("web"))
	check(t, err)
}

func TestHang(t *testing.T) {
	c := newCloud(t)
	c.fault(world.Fault{Kind: world.Hang, Times: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, _, err := c.Droplets.Create(ctx, create("web"))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("err = %v, want no answer", err)
	}
	ds, _, err := c.Droplets.ListByName(t.Context(), "web", nil)
	check(t, err)
	if len(ds) != 1 {
		t.Errorf("%d droplets, want the one that nobody was told of", len(ds))
	}
	_, _, err = c.Droplets.Create(t.Context(), create("other"))
	check(t, err)
}

func TestWhatIsNotSimulatedIsSaidSo(t *testing.T) {
	c := newCloud(t)
	_, _, err := c.LoadBalancers.List(t.Context(), nil)
	wantError(t, err, http.StatusNotImplemented, "the skysail sandbox does not simulate GET /v2/load_balancers")
}

// TestTimesHoldsSideBySide orders three failures for twenty creates at once:
// exactly three fail, and the others are all different.
func TestTimesHoldsSideBySide(t *testing.T) {
	c := newCloud(t)
	c.fault(world.Fault{Kind: world.Capacity, Times: 3})
	var mu sync.Mutex
	var wg sync.WaitGroup
	failed, ids := 0, map[int]bool{}
	for n := range 20 {
		wg.Go(func() {
			d, _, err := c.Droplets.Create(t.Context(), create(fmt.Sprintf("web-%d", n)))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed++
				return
			}
			ids[d.ID] = true
		})
	}
	wg.Wait()
	addresses := map[string]bool{}
	for _, s := range c.world.State().Servers {
		addresses[s.Address] = true
	}
	if failed != 3 || len(ids) != 17 || len(addresses) != 17 {
		t.Errorf("%d failed, %d IDs, %d addresses; want 3, 17, 17", failed, len(ids), len(addresses))
	}
}
