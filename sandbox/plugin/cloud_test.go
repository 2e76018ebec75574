package plugin

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"skysail/internal/reexec"
	"skysail/internal/tfplugin/tfplugintest"
	"skysail/sandbox/api"
	"skysail/sandbox/api/aws"
	"skysail/sandbox/api/digitalocean"
	"skysail/sandbox/api/vultr"
	"skysail/sandbox/fleet"
	"skysail/sandbox/world"
)

func TestMain(m *testing.M) {
	reexec.Main()
	os.Exit(m.Run())
}

// cloud is the simulated clouds, served over HTTP, with machines that only
// remember whether they are on: what runs on them is not this package's.
type cloud struct {
	*world.World
	env map[string]string
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	dir := t.TempDir()
	w, err := world.Open(filepath.Join(dir, "world.json"), nil)
	if err != nil {
		t.Fatal(err)
	}
	f := fleet.New(w, &switches{on: map[string]bool{}}, filepath.Join(dir, "instances"), fleet.Options{BootTime: 200 * time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	do := httptest.NewServer(digitalocean.New(api.Config{World: w, Fleet: f, Sizes: func() ([]api.Size, error) {
		return []api.Size{
			{Name: "s-1vcpu-1gb", VCPU: 1, MemoryMB: 1024, DiskGB: 25, PriceUSD: 0.00893, Regions: []string{"nyc3", "fra1"}},
			{Name: "s-2vcpu-2gb", VCPU: 2, MemoryMB: 2048, DiskGB: 60, PriceUSD: 0.02679, Regions: []string{"nyc3"}},
		}, nil
	}}))
	t.Cleanup(func() { do.CloseClientConnections(); do.Close() })
	proxy, roots := intercept(t, "api.vultr.com", vultr.New(api.Config{World: w, Fleet: f, Sizes: func() ([]api.Size, error) {
		return []api.Size{
			{Name: "vc2-1c-1gb", VCPU: 1, MemoryMB: 1024, DiskGB: 25, PriceUSD: 0.007, Regions: []string{"ewr", "ord"}},
			{Name: "vc2-2c-4gb", VCPU: 2, MemoryMB: 4096, DiskGB: 80, PriceUSD: 0.027, Regions: []string{"ewr"}},
		}, nil
	}}))
	amazon := httptest.NewServer(aws.New(api.Config{World: w, Fleet: f, Sizes: awsSizes}))
	t.Cleanup(func() { amazon.CloseClientConnections(); amazon.Close() })
	tokens := w.State().Tokens
	return &cloud{World: w, env: map[string]string{
		"AWS_ACCESS_KEY_ID":     tokens[world.AWSKeyID],
		"AWS_SECRET_ACCESS_KEY": tokens[world.AWS],
		"AWS_REGION":            "us-east-1",
		"AWS_ENDPOINT_URL":      amazon.URL,
		"DIGITALOCEAN_TOKEN":    tokens[world.DigitalOcean],
		"DIGITALOCEAN_API_URL":  do.URL,
		"VULTR_API_KEY":         tokens[world.Vultr],
		"HTTPS_PROXY":           proxy,
		"SSL_CERT_FILE":         roots,
	}}
}

func (c *cloud) workspace(t *testing.T, hcl string) *tfplugintest.Workspace {
	t.Helper()
	w := tfplugintest.New(t, c.env, Providers()...)
	w.Write(hcl)
	w.Init()
	return w
}

func (c *cloud) fault(t *testing.T, f world.Fault) {
	t.Helper()
	if err := c.Update(func(st *world.State) error { st.SetFault(f); return nil }); err != nil {
		t.Fatal(err)
	}
}

func (c *cloud) clearFaults(t *testing.T) {
	t.Helper()
	if err := c.Update(func(st *world.State) error { st.ClearFaults(""); return nil }); err != nil {
		t.Fatal(err)
	}
}

// wantEmpty is the cloud's own word that nothing is left.
func (c *cloud) wantEmpty(t *testing.T) {
	t.Helper()
	st := c.State()
	if n := len(st.Servers) + len(st.Keys) + len(st.Firewalls) + len(st.Disks); n > 0 {
		t.Errorf("left behind: %d servers, %d keys, %d firewalls, %d disks", len(st.Servers), len(st.Keys), len(st.Firewalls), len(st.Disks))
	}
}

// server waits for the one server of a provider.
func (c *cloud) server(t *testing.T, provider string) *world.Server {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		if s := c.State().ServersOf(provider); len(s) == 1 {
			return s[0]
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s has %d servers, want 1", provider, len(c.State().ServersOf(provider)))
	return nil
}

// sweep removes the servers that a lost answer left behind, of which there
// have to be so many.
func (c *cloud) sweep(t *testing.T, provider string, want int) {
	t.Helper()
	left := c.State().ServersOf(provider)
	if len(left) != want {
		t.Errorf("%d servers were left behind, want %d", len(left), want)
	}
	err := c.Update(func(st *world.State) error {
		for _, s := range left {
			st.RemoveServer(s.Provider, s.ID)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

type switches struct {
	mu sync.Mutex
	on map[string]bool
}

func (s *switches) set(dir string, on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on[dir] = on
	return nil
}

func (s *switches) Start(_ context.Context, dir string) error { return s.set(dir, true) }
func (s *switches) Stop(_ context.Context, dir string) error  { return s.set(dir, false) }

func (s *switches) Running(dir string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.on[dir], nil
}
