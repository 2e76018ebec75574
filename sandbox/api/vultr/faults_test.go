//nolint:bodyclose // govultr has read and closed the bodies of the responses it returns
package vultr

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/vultr/govultr/v3"

	"skysail/sandbox/world"
)

func TestRefusals(t *testing.T) {
	for kind, message := range map[string]string{
		world.Capacity:   "plan is not available in the selected region",
		world.Quota:      "Server add failed: You have reached the maximum monthly fee limit for this account. To deploy additional services, please request a limit increase.",
		world.NotEnabled: "Server add failed: This plan is not enabled for your account. Please contact our support team to have it enabled.",
		world.Invalid:    "Invalid plan chosen.",
	} {
		t.Run(kind, func(t *testing.T) {
			c := newCloud(t)
			c.fault(world.Fault{Kind: kind, Times: 1, Region: "ewr"})
			_, _, err := c.Instance.Create(t.Context(), create("elsewhere", func(r *govultr.InstanceCreateReq) { r.Region = "ams" }))
			check(t, err)
			_, _, err = c.Instance.Create(t.Context(), create("web"))
			wantError(t, err, message)
			_, _, err = c.Instance.Create(t.Context(), create("web"))
			check(t, err)
		})
	}
}

// TestRateLimit uses the SDK as the Terraform provider does: with retries,
// which all belong to one attempt.
func TestRateLimit(t *testing.T) {
	c := newCloud(t)
	c.fault(world.Fault{Kind: world.RateLimit, Times: 1})
	_, _, err := c.client(c.world.State().Tokens[provider], 3).Instance.Create(t.Context(), create("web"))
	const want = `gave up after 4 attempts, last error: "{\"error\":\"rate limit exceeded\",\"status\":429}"`
	if err == nil || strings.ReplaceAll(err.Error(), `\n`, "") != want {
		t.Errorf("err = %v, want %s", err, want)
	}
	if len(c.world.State().Servers) != 0 {
		t.Error("a refused call made something")
	}
	_, _, err = c.Instance.Create(t.Context(), create("another"))
	check(t, err)
}

func TestAuth(t *testing.T) {
	c := newCloud(t)
	for name, token := range map[string]string{"none": "", "wrong": "ABC", "the other cloud's": c.world.State().Tokens[world.DigitalOcean]} {
		_, _, _, err := c.client(token, 0).Instance.List(t.Context(), nil)
		t.Run(name, func(t *testing.T) { wantError(t, err, "Invalid API token.") })
	}
	_, _, _, err := c.client("wrong", 0).Plan.List(t.Context(), "", nil)
	wantError(t, err, "Invalid API token.")
	c.fault(world.Fault{Kind: world.Auth})
	if status, body := c.raw("POST", "/v2/firewalls", "{}"); status != 401 || body != `{"error":"Invalid API token.","status":401}` {
		t.Errorf("%d %s", status, body)
	}
	if len(c.world.State().Firewalls) != 0 {
		t.Error("a refused call made something")
	}
}

func TestSlow(t *testing.T) {
	c := newCloud(t)
	c.fault(world.Fault{Kind: world.Slow, Times: 1})
	i, _, err := c.Instance.Create(t.Context(), create("slow"))
	check(t, err)
	c.instance("quick")
	i, _, err = c.Instance.Get(t.Context(), i.ID)
	check(t, err)
	if i.Status != "pending" {
		t.Errorf("the slow instance is %s", i.Status)
	}
}

// TestHalfMade uses the SDK as the Terraform provider does: with retries.
func TestHalfMade(t *testing.T) {
	c := newCloud(t)
	c.fault(world.Fault{Kind: world.HalfMade, Times: 1})
	retrying := c.client(c.world.State().Tokens[provider], 3)
	_, _, err := retrying.Instance.Create(t.Context(), create("web"))
	if err == nil || !strings.HasPrefix(err.Error(), "gave up after 4 attempts, last error: ") || !strings.Contains(err.Error(), `\"status\":500`) {
		t.Errorf("err = %v", err)
	}
	is, _, _, err := c.Instance.List(t.Context(), &govultr.ListOptions{Label: "web"})
	check(t, err)
	if len(is) != 4 {
		t.Errorf("%d instances were left, want one for each of 4 tries", len(is))
	}
	for _, i := range is {
		check(t, c.Instance.Delete(t.Context(), i.ID))
	}
	_, _, err = retrying.Instance.Create(t.Context(), create("web"))
	check(t, err)
}

func TestHang(t *testing.T) {
	c := newCloud(t)
	c.fault(world.Fault{Kind: world.Hang, Times: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, _, err := c.Instance.Create(ctx, create("web"))
	if err == nil || ctx.Err() == nil {
		t.Errorf("err = %v, want no answer", err)
	}
	is, _, _, err := c.Instance.List(t.Context(), &govultr.ListOptions{Label: "web"})
	check(t, err)
	if len(is) != 1 {
		t.Errorf("%d instances, want the one that nobody was told of", len(is))
	}
	_, _, err = c.Instance.Create(t.Context(), create("other"))
	check(t, err)
}
