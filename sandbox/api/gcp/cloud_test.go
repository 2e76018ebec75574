package gcp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/compute/v1"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

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

// seen is a Fleet with readings of machines.
type seen struct {
	*fleet.Fleet
	usage map[string][]api.Usage // by ID
}

func (s *seen) Usage(_, id string) []api.Usage { return s.usage[id] }

const (
	zone   = "us-central1-a"
	region = "us-central1"
)

func sizes() ([]api.Size, error) {
	in := func(regions ...string) map[string][]string {
		out := map[string][]string{}
		for _, r := range regions {
			out[r] = []string{r + "-a", r + "-b"}
		}
		return out
	}
	both := []string{region, "us-east4"}
	return []api.Size{
		{Name: "e2-standard-2", VCPU: 2, MemoryMB: 8192, PriceUSD: 0.067011, SpotUSD: 0.040212, Regions: both, Zones: in(both...), Arch: "amd64", Prices: map[string]api.Price{"us-east4": {USD: 0.075471, SpotUSD: 0.04138}}},
		{Name: "e2-highcpu-2", VCPU: 2, MemoryMB: 2048, PriceUSD: 0.04947, Regions: []string{region}, Zones: in(region), Arch: "amd64"},
		{Name: "e2-medium", VCPU: 2, MemoryMB: 4096, PriceUSD: 0.033506, Regions: []string{region}, Zones: in(region), Arch: "amd64"},
		{Name: "t2a-standard-1", VCPU: 1, MemoryMB: 4096, PriceUSD: 0.0385, Regions: []string{region}, Zones: in(region), Arch: "arm64"},
		{Name: "c4-standard-2", VCPU: 2, MemoryMB: 7168, PriceUSD: 0.096866, Regions: []string{region}, Zones: in(region), Arch: "amd64"},
		{Name: "g2-standard-4", VCPU: 4, MemoryMB: 16384, PriceUSD: 0.706832, Regions: []string{region}, Zones: in(region), Arch: "amd64", GPU: &api.GPU{Model: "L4", Count: 1, MemoryGB: 24}},
		{Name: "g2-standard-8", VCPU: 8, MemoryMB: 32768, PriceUSD: 0.853624, Regions: []string{region}, Zones: in(region), Arch: "amd64", GPU: &api.GPU{Model: "L4", Count: 1, MemoryGB: 24}},
		{Name: "a2-ultragpu-1g", VCPU: 12, MemoryMB: 170 << 10, PriceUSD: 5.068798, Regions: []string{region}, Zones: in(region), Arch: "amd64", GPU: &api.GPU{Model: "A100", Count: 1, MemoryGB: 80}},
	}, nil
}

// cloud is the API, served over HTTP, and the official SDK's client of it.
type cloud struct {
	*testing.T
	*compute.Service
	world *world.World
	seen  *seen
	url   string
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	dir := t.TempDir()
	w, err := world.Open(filepath.Join(dir, "world.json"), nil)
	check(t, err)
	f := &seen{fleet.New(w, &switches{}, filepath.Join(dir, "instances"), fleet.Options{BootTime: 50 * time.Millisecond, Watch: 100 * time.Millisecond}), map[string][]api.Usage{}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	srv := httptest.NewServer(New(api.Config{
		World: w, Fleet: f, Sizes: sizes, DiskUSD: 0.00015068, AddressUSD: 0.005,
	}))
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	c := &cloud{T: t, world: w, seen: f, url: srv.URL}
	c.Service, err = compute.NewService(t.Context(), c.as(w.State().Tokens[provider]), option.WithEndpoint(srv.URL+"/compute/v1/"))
	check(t, err)
	return c
}

func (c *cloud) as(token string) option.ClientOption {
	return option.WithHTTPClient(oauth2.NewClient(context.Background(), oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token})))
}

// raw makes a call without the SDK, to see the answer as it is.
func (c *cloud) raw(method, path, token, body string) (int, string) {
	c.Helper()
	req, err := http.NewRequestWithContext(c.Context(), method, c.url+path, strings.NewReader(body))
	check(c.T, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	check(c.T, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	check(c.T, err)
	return res.StatusCode, strings.TrimSpace(string(text))
}

func (c *cloud) token() string { return c.world.State().Tokens[provider] }

func (c *cloud) fault(f world.Fault) {
	c.Helper()
	f.Provider = provider
	check(c.T, c.world.Update(func(st *world.State) error { st.SetFault(f); return nil }))
}

func request(name string, change ...func(*compute.Instance)) *compute.Instance {
	userData := "#cloud-config\n{}"
	in := &compute.Instance{
		Name: name, MachineType: "zones/" + zone + "/machineTypes/e2-standard-2",
		Labels: map[string]string{"skysail-deployment": "d1"},
		Tags:   &compute.Tags{Items: []string{"skysail-d1"}},
		Disks: []*compute.AttachedDisk{{
			Boot: true, AutoDelete: true,
			InitializeParams: &compute.AttachedDiskInitializeParams{
				SourceImage: "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64", DiskSizeGb: 20, DiskType: "zones/" + zone + "/diskTypes/pd-balanced",
				Labels: map[string]string{"skysail-deployment": "d1"},
			},
		}},
		NetworkInterfaces: []*compute.NetworkInterface{{Network: "global/networks/default", AccessConfigs: []*compute.AccessConfig{{Type: "ONE_TO_ONE_NAT"}}}},
		Metadata:          &compute.Metadata{Items: []*compute.MetadataItems{{Key: "user-data", Value: &userData}}},
	}
	for _, f := range change {
		f(in)
	}
	return in
}

// instance makes one and waits until it runs.
func (c *cloud) instance(name string, change ...func(*compute.Instance)) *compute.Instance {
	c.Helper()
	op, err := c.Instances.Insert(Project, zone, request(name, change...)).Do()
	check(c.T, err)
	if op.Status != "RUNNING" {
		c.Errorf("the operation is %s at once", op.Status)
	}
	c.done(op)
	i, err := c.Instances.Get(Project, zone, name).Do()
	check(c.T, err)
	if i.Status != "RUNNING" {
		c.Errorf("status %s after the operation", i.Status)
	}
	return i
}

// end waits for an operation, and returns it however it ended.
func (c *cloud) end(op *compute.Operation) *compute.Operation {
	c.Helper()
	for limit := time.Now().Add(10 * time.Second); op.Status != "DONE"; time.Sleep(10 * time.Millisecond) {
		var err error
		if op.Zone != "" {
			op, err = c.ZoneOperations.Get(Project, lastPart(op.Zone), op.Name).Do()
		} else {
			op, err = c.GlobalOperations.Get(Project, op.Name).Do()
		}
		check(c.T, err)
		if time.Now().After(limit) {
			c.Fatalf("operation %s is %s", op.OperationType, op.Status)
		}
	}
	return op
}

func (c *cloud) done(op *compute.Operation) {
	c.Helper()
	if op = c.end(op); op.Error != nil {
		c.Fatalf("operation %s: %s", op.OperationType, op.Error.Errors[0].Message)
	}
}

// wantError is for what the SDK says of a refusal.
func wantError(t *testing.T, err error, code int, reason, message string) {
	t.Helper()
	var e *googleapi.Error
	if !errors.As(err, &e) || e.Code != code || len(e.Errors) != 1 || e.Errors[0].Reason != reason || !strings.Contains(e.Message, message) {
		t.Errorf("err = %v, want %d %s, %s", err, code, message, reason)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
