package vultr_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vultr/govultr/v3"
	"golang.org/x/oauth2"

	"skysail/clouds"
	"skysail/clouds/cloudtest"
	"skysail/clouds/vultr"
	"skysail/sandbox/api"
	simulated "skysail/sandbox/api/vultr"
	"skysail/sandbox/world"
)

const (
	id  = "d4k2m9x7qpb1"
	tag = "skysail-deployment:" + id
)

// machines stands for the fleet: what is to be deleted is gone at once.
type machines struct{ *world.World }

// Usage implements api.Fleet: two looks, half a minute apart.
func (m machines) Usage(string, string) []api.Usage {
	now := time.Now()
	return []api.Usage{
		{At: now.Add(-40 * time.Second), CPUSeconds: 10, MemoryBytes: 256 << 20, ReceivedBytes: 1000, SentBytes: 5000, Load: 0.2},
		{At: now.Add(-10 * time.Second), CPUSeconds: 16, MemoryBytes: 256 << 20, ReceivedBytes: 4000, SentBytes: 65_000, Load: 0.7},
	}
}

// Settled implements api.Fleet.
func (m machines) Settled(_ context.Context, provider, id string) error {
	return m.Update(func(st *world.State) error {
		if s := st.Server(provider, id); s != nil && s.Deleting {
			st.RemoveServer(provider, id)
		}
		return nil
	})
}

// simulator is Vultr as the sandbox has it, where it is, and its SDK.
func simulator(t *testing.T) (*world.World, string, *govultr.Client) {
	t.Helper()
	w, err := world.Open(filepath.Join(t.TempDir(), "world.json"), nil)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(simulated.New(api.Config{World: w, Fleet: machines{w}, Sizes: func() ([]api.Size, error) {
		return []api.Size{{Name: "vc2-1c-1gb", VCPU: 1, MemoryMB: 1024, DiskGB: 25, PriceUSD: 0.007, Regions: []string{"ewr"}}}, nil
	}}))
	t.Cleanup(server.Close)
	direct := &http.Transport{}
	t.Cleanup(direct.CloseIdleConnections)
	sdk := govultr.NewClient(&http.Client{Transport: &oauth2.Transport{
		Base:   direct,
		Source: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: w.State().Tokens[world.Vultr]}),
	}})
	if err := sdk.SetBaseURL(server.URL); err != nil {
		t.Fatal(err)
	}
	sdk.SetRateLimit(0)
	return w, server.URL, sdk
}

func cloud(w *world.World, address string) *vultr.Cloud {
	return vultr.New(clouds.MapEnv(map[string]string{"VULTR_API_KEY": w.State().Tokens[world.Vultr]})).At(address)
}

func request(label string, tags ...string) *govultr.InstanceCreateReq {
	return &govultr.InstanceCreateReq{Region: "ewr", Plan: "vc2-1c-1gb", OsID: 2136, Label: label, Hostname: label, Tags: tags}
}

func kinds(list []clouds.Resource) []string {
	out := []string{}
	for _, r := range list {
		out = append(out, r.Kind+" "+r.Name)
	}
	return out
}

// What a deployment made is found and goes; what another made stays.
func TestSweep(t *testing.T) {
	w, address, sdk := simulator(t)
	ctx := t.Context()
	for label, tags := range map[string][]string{
		"skysail-" + id + "-0":   {"skysail", tag},
		"skysail-d00000000000-0": {"skysail", "skysail-deployment:d00000000000"},
	} {
		if _, _, err := sdk.Instance.Create(ctx, request(label, tags...)); err != nil { //nolint:bodyclose // the SDK has closed it
			t.Fatal(err)
		}
	}
	if _, _, err := sdk.FirewallGroup.Create(ctx, &govultr.FirewallGroupReq{Description: "skysail-" + id}); err != nil { //nolint:bodyclose // the SDK has closed it
		t.Fatal(err)
	}
	if _, _, err := sdk.SSHKey.Create(ctx, &govultr.SSHKeyReq{ //nolint:bodyclose // the SDK has closed it
		Name: "skysail-" + id, SSHKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8h9vbJ0f8n2mK1v9m0H0o8bT1q5nJ0mWm0uN7q2m3b test",
	}); err != nil {
		t.Fatal(err)
	}

	instance := w.State().ServersOf(world.Vultr)[0].ID
	for _, label := range []string{"skysail-" + id + "-0", "skysail-d00000000000-0"} {
		b, _, err := sdk.BlockStorage.Create(ctx, &govultr.BlockStorageCreate{Region: "ewr", SizeGB: 73, Label: label, BlockType: "high_perf"}) //nolint:bodyclose // the SDK has closed it
		if err != nil {
			t.Fatal(err)
		}
		if err := sdk.BlockStorage.Attach(ctx, b.ID, &govultr.BlockStorageAttach{InstanceID: instance, Live: govultr.BoolToBoolPtr(true)}); err != nil {
			t.Fatal(err)
		}
	}

	c := cloud(w, address)
	found, err := c.Find(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	cloudtest.All(t, c.FindAll, found, id, "d00000000000")
	if len(found) > 1 && (found[1].PriceUSD < 0.0099 || found[1].PriceUSD > 0.0101) {
		t.Errorf("block storage: %+v", found[1])
	}
	want := []string{"instance skysail-" + id + "-0", "block_storage skysail-" + id + "-0", "firewall_group skysail-" + id, "ssh_key skysail-" + id}
	if diff := cmp.Diff(want, kinds(found)); diff != "" {
		t.Fatal(diff)
	}
	if found[0].PriceUSD != 0.007 || found[0].Region != "ewr" || found[0].CreatedAt.IsZero() {
		t.Errorf("instance: %+v", found[0])
	}
	for _, r := range found {
		if err := c.Delete(ctx, r); err != nil {
			t.Error(err)
		}
		if err := c.Delete(ctx, r); err != nil {
			t.Errorf("what is gone already: %v", err)
		}
	}
	if left, err := c.Find(ctx, id); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if left, err := c.Find(ctx, "d00000000000"); err != nil || len(left) != 2 {
		t.Errorf("the other deployment has %v, %v", kinds(left), err)
	}
}

// The SDK repeats a create that is answered with an error. Each repeat has
// made an instance, and all of them are found.
func TestFindHalfMade(t *testing.T) {
	w, address, sdk := simulator(t)
	ctx := t.Context()
	if err := w.Update(func(st *world.State) error {
		st.SetFault(world.Fault{Provider: world.Vultr, Kind: world.HalfMade, Times: 1})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := sdk.Instance.Create(ctx, request("skysail-"+id+"-0")); err == nil { //nolint:bodyclose // the SDK has closed it
		t.Fatal("the fault did not strike")
	}
	made := len(w.State().ServersOf(world.Vultr))
	if made < 2 {
		t.Fatalf("%d instances were made, so that this test shows nothing", made)
	}
	found, err := cloud(w, address).Find(ctx, id)
	if err != nil || len(found) != made {
		t.Errorf("%d of %d were found: %v", len(found), made, err)
	}
}
