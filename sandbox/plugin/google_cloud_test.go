package plugin

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"skysail/sandbox/api"
	"skysail/sandbox/api/gcp"
	"skysail/sandbox/fleet"
	"skysail/sandbox/proxy"
	"skysail/sandbox/world"
)

func googleSizes() ([]api.Size, error) {
	zones := map[string][]string{"us-central1": {"us-central1-a", "us-central1-b"}}
	return []api.Size{
		{Name: "e2-small", VCPU: 2, MemoryMB: 2048, PriceUSD: 0.01675, SpotUSD: 0.005, Regions: []string{"us-central1"}, Zones: zones, Arch: "amd64"},
		{Name: "e2-medium", VCPU: 2, MemoryMB: 4096, PriceUSD: 0.0335, Regions: []string{"us-central1"}, Zones: zones, Arch: "amd64"},
		{
			Name: "g2-standard-4", VCPU: 4, MemoryMB: 16384, PriceUSD: 0.7068, Regions: []string{"us-central1"}, Zones: zones, Arch: "amd64",
			GPU: &api.GPU{Model: "L4", Count: 1, MemoryGB: 24},
		},
	}, nil
}

// newGoogleCloud is the simulated Google Cloud behind the sandbox's proxy,
// with the credentials that the sandbox gives out.
func newGoogleCloud(t *testing.T) *cloud {
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
	key, err := gcp.Credentials(w)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, gcp.CredentialsFile)
	if err := os.WriteFile(file, key, 0o600); err != nil {
		t.Fatal(err)
	}
	h := gcp.New(api.Config{World: w, Fleet: f, Sizes: googleSizes})
	hosts := map[string]http.Handler{
		"compute.googleapis.com": h, "oauth2.googleapis.com": h, "openidconnect.googleapis.com": h, "www.googleapis.com": h,
	}
	authority, err := proxy.LoadAuthority(dir, []string{
		"compute.googleapis.com", "oauth2.googleapis.com", "openidconnect.googleapis.com", "www.googleapis.com",
	}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	prx, err := proxy.New(authority, hosts, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(prx)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		prx.Close(ctx)
		srv.CloseClientConnections()
		srv.Close()
	})
	return &cloud{World: w, env: map[string]string{
		"GOOGLE_APPLICATION_CREDENTIALS": file,
		"GOOGLE_PROJECT":                 gcp.Project,
		"HTTPS_PROXY":                    srv.URL,
		"SSL_CERT_FILE":                  filepath.Join(dir, proxy.CertFile),
	}}
}

// wantNothing is wantEmpty with disks, of which Google lists all.
func (c *cloud) wantNothing(t *testing.T) {
	t.Helper()
	c.wantEmpty(t)
	if n := len(c.State().Disks); n > 0 {
		t.Errorf("left behind: %d disks", n)
	}
}
