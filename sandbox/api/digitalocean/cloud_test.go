package digitalocean

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/digitalocean/godo"
	"golang.org/x/crypto/ssh"

	"skysail/sandbox/api"
	"skysail/sandbox/fleet"
	"skysail/sandbox/world"
)

// switches is a fleet.Machine that only remembers what is on.
type switches struct{ on sync.Map }

func (s *switches) Start(_ context.Context, dir string) error { s.on.Store(dir, true); return nil }
func (s *switches) Stop(_ context.Context, dir string) error  { s.on.Delete(dir); return nil }

func (s *switches) Running(dir string) (bool, error) {
	_, on := s.on.Load(dir)
	return on, nil
}

// cloud is the API, served over HTTP, and the official SDK's client of it.
type cloud struct {
	*testing.T
	*godo.Client
	world *world.World
	url   string
	usage *readings
}

// readings are a fleet whose machines use what a test says.
type readings struct {
	*fleet.Fleet
	mu   sync.Mutex
	used map[string][]api.Usage // by server ID
}

func (r *readings) Usage(_, id string) []api.Usage {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.used[id]
}

func (r *readings) set(id string, used ...api.Usage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used[id] = used
}

func sizes() ([]api.Size, error) {
	return []api.Size{
		{Name: "s-1vcpu-1gb", VCPU: 1, MemoryMB: 1024, DiskGB: 25, PriceUSD: 0.00893, Regions: []string{"nyc1", "fra1"}},
		{Name: "s-2vcpu-2gb", VCPU: 2, MemoryMB: 2048, DiskGB: 60, PriceUSD: 0.02679, Regions: []string{"nyc1"}},
		{
			Name: "gpu-h100x8-640gb", VCPU: 160, MemoryMB: 1966080, DiskGB: 2046, PriceUSD: 23.92,
			Regions: []string{"nyc1"}, GPU: &api.GPU{Model: "H100", Count: 8, MemoryGB: 80},
		},
	}, nil
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	dir := t.TempDir()
	w, err := world.Open(filepath.Join(dir, "world.json"), nil)
	if err != nil {
		t.Fatal(err)
	}
	f := fleet.New(w, &switches{}, filepath.Join(dir, "instances"), fleet.Options{BootTime: 50 * time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	usage := &readings{Fleet: f, used: map[string][]api.Usage{}}
	srv := httptest.NewServer(New(api.Config{World: w, Fleet: usage, Sizes: sizes}))
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	c := &cloud{T: t, world: w, url: srv.URL, usage: usage}
	c.Client = c.client(w.State().Tokens[provider])
	return c
}

// client is the SDK with a token and without retries.
func (c *cloud) client(token string) *godo.Client {
	c.Helper()
	g, err := godo.New(&http.Client{Transport: bearer(token)}, godo.SetBaseURL(c.url))
	if err != nil {
		c.Fatal(err)
	}
	return g
}

type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

func (c *cloud) fault(f world.Fault) {
	c.Helper()
	f.Provider = provider
	if err := c.world.Update(func(st *world.State) error { st.SetFault(f); return nil }); err != nil {
		c.Fatal(err)
	}
}

func create(name string, change ...func(*godo.DropletCreateRequest)) *godo.DropletCreateRequest {
	r := &godo.DropletCreateRequest{
		Name: name, Region: "nyc1", Size: "s-1vcpu-1gb", Image: godo.DropletCreateImage{Slug: "ubuntu-24-04-x64"},
	}
	for _, f := range change {
		f(r)
	}
	return r
}

// droplet makes one and waits until it is active.
func (c *cloud) droplet(name string, change ...func(*godo.DropletCreateRequest)) *godo.Droplet {
	c.Helper()
	d, _, err := c.Droplets.Create(c.Context(), create(name, change...))
	if err != nil {
		c.Fatal(err)
	}
	return c.await(d.ID, "active")
}

func (c *cloud) await(id int, status string) *godo.Droplet {
	c.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		d, _, err := c.Droplets.Get(c.Context(), id)
		if err != nil {
			c.Fatal(err)
		}
		if d.Status == status && !d.Locked {
			return d
		}
		if time.Now().After(end) {
			c.Fatalf("droplet is %s, locked %v; want %s", d.Status, d.Locked, status)
		}
	}
}

// wantError compares a refusal with what the real API says.
func wantError(t *testing.T, err error, status int, message string) {
	t.Helper()
	var e *godo.ErrorResponse
	if !errors.As(err, &e) {
		t.Fatalf("err = %v, want %d %s", err, status, message)
	}
	if e.Response.StatusCode != status || e.Message != message {
		t.Errorf("%d %q, want %d %q", e.Response.StatusCode, e.Message, status, message)
	}
	if e.RequestID == "" {
		t.Error("no request ID")
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// publicKey makes an SSH key from a seed.
func publicKey(t *testing.T, seed byte) string {
	t.Helper()
	k := ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune('a'+seed)), ed25519.SeedSize)))
	pub, err := ssh.NewPublicKey(k.Public())
	check(t, err)
	return string(ssh.MarshalAuthorizedKey(pub))
}
