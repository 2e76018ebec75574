//nolint:bodyclose // govultr has read and closed the bodies of the responses it returns
package vultr

import (
	"context"
	"crypto/ed25519"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vultr/govultr/v3"
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
	*govultr.Client
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
		{Name: "vc2-1c-1gb", VCPU: 1, MemoryMB: 1024, DiskGB: 25, PriceUSD: 0.007, Regions: []string{"ewr", "ams"}},
		{Name: "vc2-2c-4gb", VCPU: 2, MemoryMB: 4096, DiskGB: 80, PriceUSD: 0.027, Regions: []string{"ewr"}},
		{Name: "voc-g-1c-4gb-30s-amd", VCPU: 1, MemoryMB: 4096, DiskGB: 30, PriceUSD: 0.041, Regions: []string{"ewr"}},
		{
			Name: "vcg-a40-24c-120g-48vram", VCPU: 24, MemoryMB: 122880, DiskGB: 1400, PriceUSD: 1.712,
			Regions: []string{"ewr"}, GPU: &api.GPU{Model: "A40", Count: 1, MemoryGB: 48},
		},
	}, nil
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	dir := t.TempDir()
	w, err := world.Open(filepath.Join(dir, "world.json"), nil)
	check(t, err)
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
	c.Client = c.client(w.State().Tokens[provider], 0)
	return c
}

func (c *cloud) client(token string, retries int) *govultr.Client {
	c.Helper()
	g := govultr.NewClient(&http.Client{Transport: bearer(token)})
	g.SetRetryLimit(retries)
	g.SetRateLimit(30 * time.Millisecond)
	check(c.T, g.SetBaseURL(c.url))
	return g
}

type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	if b != "" {
		r.Header.Set("Authorization", "Bearer "+string(b))
	}
	return http.DefaultTransport.RoundTrip(r)
}

// raw makes a call without the SDK, to see the answer as it is.
func (c *cloud) raw(method, path, body string) (int, string) {
	c.Helper()
	req, err := http.NewRequestWithContext(c.Context(), method, c.url+path, strings.NewReader(body))
	check(c.T, err)
	res, err := bearer(c.world.State().Tokens[provider]).RoundTrip(req)
	check(c.T, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	check(c.T, err)
	return res.StatusCode, strings.TrimSpace(string(text))
}

func (c *cloud) fault(f world.Fault) {
	c.Helper()
	f.Provider = provider
	check(c.T, c.world.Update(func(st *world.State) error { st.SetFault(f); return nil }))
}

func create(label string, change ...func(*govultr.InstanceCreateReq)) *govultr.InstanceCreateReq {
	r := &govultr.InstanceCreateReq{Region: "ewr", Plan: "vc2-1c-1gb", OsID: 2284, Label: label}
	for _, f := range change {
		f(r)
	}
	return r
}

// instance makes one and waits until it is ready.
func (c *cloud) instance(label string, change ...func(*govultr.InstanceCreateReq)) *govultr.Instance {
	c.Helper()
	i, _, err := c.Instance.Create(c.Context(), create(label, change...))
	check(c.T, err)
	return c.await(i.ID, "active", "running", "ok")
}

func (c *cloud) await(id string, want ...string) *govultr.Instance {
	c.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		i, _, err := c.Instance.Get(c.Context(), id)
		check(c.T, err)
		if i.Status == want[0] && i.PowerStatus == want[1] && i.ServerStatus == want[2] {
			return i
		}
		if time.Now().After(end) {
			c.Fatalf("instance is %s, %s, %s; want %v", i.Status, i.PowerStatus, i.ServerStatus, want)
		}
	}
}

func wantError(t *testing.T, err error, message string) {
	t.Helper()
	if err == nil || !strings.HasSuffix(err.Error(), message) {
		t.Errorf("err = %v, want %s", err, message)
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
