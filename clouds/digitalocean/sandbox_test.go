package digitalocean_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/digitalocean/godo"
	"github.com/google/go-cmp/cmp"

	"skysail/clouds"
	"skysail/clouds/cloudtest"
	"skysail/clouds/digitalocean"
	"skysail/sandbox/api"
	simulated "skysail/sandbox/api/digitalocean"
	"skysail/sandbox/world"
)

const (
	id  = "d4k2m9x7qpb1"
	tag = "skysail-deployment:" + id
)

// machines stands for the fleet.
type machines struct{ *world.World }

// Usage implements api.Fleet: two looks, half a minute apart.
func (m machines) Usage(string, string) []api.Usage {
	now := time.Now()
	return []api.Usage{
		{At: now.Add(-40 * time.Second), CPUSeconds: 10, MemoryBytes: 256 << 20, ReceivedBytes: 1000, SentBytes: 5000, Load: 0.2},
		{At: now.Add(-10 * time.Second), CPUSeconds: 16, MemoryBytes: 256 << 20, ReceivedBytes: 4000, SentBytes: 65_000, Load: 0.7},
	}
}

// boot lets every machine run: until then they are locked.
func (m machines) boot(t *testing.T) {
	t.Helper()
	if err := m.Update(func(st *world.State) error {
		for _, s := range st.Servers {
			s.Phase, s.Booted = world.Running, true
		}
		return nil
	}); err != nil {
		t.Fatal(err)
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

// simulator is DigitalOcean as the sandbox has it, and how to reach it.
func simulator(t *testing.T) (*world.World, map[string]string) {
	t.Helper()
	w, err := world.Open(filepath.Join(t.TempDir(), "world.json"), nil)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(simulated.New(api.Config{World: w, Fleet: machines{w}, Sizes: func() ([]api.Size, error) {
		return []api.Size{{Name: "s-1vcpu-1gb", VCPU: 1, MemoryMB: 1024, DiskGB: 25, PriceUSD: 0.00893, Regions: []string{"nyc3"}}}, nil
	}}))
	t.Cleanup(server.Close)
	return w, map[string]string{
		"DIGITALOCEAN_TOKEN":   w.State().Tokens[world.DigitalOcean],
		"DIGITALOCEAN_API_URL": server.URL,
	}
}

// sdk calls the simulated API as Terraform's provider does.
func sdk(t *testing.T, env map[string]string) *godo.Client {
	t.Helper()
	h := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(h.CloseIdleConnections)
	c, err := godo.New(h, godo.SetBaseURL(env["DIGITALOCEAN_API_URL"]),
		godo.SetRequestHeaders(map[string]string{"Authorization": "Bearer " + env["DIGITALOCEAN_TOKEN"]}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func request(name string) *godo.DropletCreateRequest {
	return &godo.DropletCreateRequest{
		Name: name, Region: "nyc3", Size: "s-1vcpu-1gb",
		Image: godo.DropletCreateImage{Slug: "ubuntu-24-04-x64"}, Tags: []string{"skysail", tag},
	}
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
	w, env := simulator(t)
	c := sdk(t, env)
	ctx := t.Context()
	var first *godo.Droplet
	for _, name := range []string{"skysail-" + id + "-0", "skysail-" + id + "-1"} {
		d, _, err := c.Droplets.Create(ctx, request(name))
		if err != nil {
			t.Fatal(err)
		}
		first = d
	}
	other := request("skysail-d00000000000-0")
	other.Tags = []string{"skysail", "skysail-deployment:d00000000000"}
	if _, _, err := c.Droplets.Create(ctx, other); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Firewalls.Create(ctx, &godo.FirewallRequest{
		Name: "skysail-" + id, Tags: []string{tag},
		InboundRules: []godo.InboundRule{{Protocol: "tcp", PortRange: "22", Sources: &godo.Sources{Addresses: []string{"203.0.113.0/24"}}}},
	}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Keys.Create(ctx, &godo.KeyCreateRequest{
		Name: "skysail-" + id, PublicKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8h9vbJ0f8n2mK1v9m0H0o8bT1q5nJ0mWm0uN7q2m3b test",
	}); err != nil {
		t.Fatal(err)
	}

	machines{w}.boot(t)
	// One is attached, one lost its tag, one is another's.
	for name, tags := range map[string][]string{"skysail-" + id + "-0": {tag}, "skysail-" + id + "-1": nil, "skysail-d00000000000-0": nil} {
		v, _, err := c.Storage.CreateVolume(ctx, &godo.VolumeCreateRequest{Region: "nyc3", Name: name, SizeGigaBytes: 672, Tags: tags})
		if err != nil {
			t.Fatal(err)
		}
		if tags == nil {
			continue
		}
		if _, _, err := c.StorageActions.Attach(ctx, v.ID, first.ID); err != nil {
			t.Fatal(err)
		}
	}

	cloud := digitalocean.New(clouds.MapEnv(env))
	found, err := cloud.Find(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	cloudtest.All(t, cloud.FindAll, found, id, "d00000000000")
	want := []string{
		"droplet skysail-" + id + "-0", "droplet skysail-" + id + "-1",
		"volume skysail-" + id + "-0", "volume skysail-" + id + "-1",
		"firewall skysail-" + id, "ssh_key skysail-" + id, "tag " + tag,
	}
	slices.SortFunc(found[2:4], func(a, b clouds.Resource) int { return strings.Compare(a.Name, b.Name) })
	if diff := cmp.Diff(want, kinds(found)); diff != "" {
		t.Fatal(diff)
	}
	if got := found[2].PriceUSD; got < 0.0999 || got > 0.1001 {
		t.Errorf("672 GiB cost %g an hour", got)
	}
	if found[0].PriceUSD != 0.00893 || found[0].Region != "nyc3" || found[0].CreatedAt.IsZero() {
		t.Errorf("droplet: %+v", found[0])
	}
	for _, r := range found {
		if err := cloud.Delete(ctx, r); err != nil {
			t.Error(err)
		}
		if err := cloud.Delete(ctx, r); err != nil {
			t.Errorf("what is gone already: %v", err)
		}
	}
	if left, err := cloud.Find(ctx, id); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if left, err := cloud.Find(ctx, "d00000000000"); err != nil || len(left) != 3 {
		t.Errorf("the other deployment has %v, %v", kinds(left), err)
	}
}

// A create that was answered with an error has made a droplet nonetheless,
// and a destroy has deleted the tag from it: it is found all the same.
func TestFindHalfMadeWithoutItsTag(t *testing.T) {
	w, env := simulator(t)
	c := sdk(t, env)
	ctx := t.Context()
	if err := w.Update(func(st *world.State) error {
		st.SetFault(world.Fault{Provider: world.DigitalOcean, Kind: world.HalfMade, Times: 1})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Droplets.Create(ctx, request("skysail-"+id+"-0")); err == nil {
		t.Fatal("the fault did not strike")
	}
	if _, err := c.Tags.Delete(ctx, tag); err != nil {
		t.Fatal(err)
	}
	found, err := digitalocean.New(clouds.MapEnv(env)).Find(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"droplet skysail-" + id + "-0"}, kinds(found)); diff != "" {
		t.Error(diff)
	}
}
