package deploy

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skysail/catalog"
	"skysail/clouds"
	"skysail/internal/failure"
	"skysail/policies"
)

func refresher(t *testing.T, env map[string]string) (*Deployer, *[]Event) {
	t.Helper()
	events := &[]Event{}
	d, err := New(t.Context(), Options{
		Home: t.TempDir(), Env: env, Progress: func(ev Event) { *events = append(*events, ev) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d, events
}

// digitalOcean answers with one size at that price; 0 refuses the token.
func digitalOcean(t *testing.T, price string) map[string]string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case price == "0":
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"id": "Unauthorized", "message": "Unable to authenticate you"}`))
		case r.URL.Path == "/v2/regions":
			_, _ = w.Write([]byte(`{"regions": [{"slug": "nyc1", "available": true}], "links": {}, "meta": {"total": 1}}`))
		default:
			_, _ = w.Write([]byte(`{"sizes": [{"slug": "c-2", "memory": 4096, "vcpus": 2, "disk": 25, "price_hourly": ` + price +
				`, "regions": ["nyc1"], "available": true}], "links": {}, "meta": {"total": 1}}`))
		}
	}))
	t.Cleanup(server.Close)
	return map[string]string{"DIGITALOCEAN_TOKEN": "t0ken", "DIGITALOCEAN_API_URL": server.URL}
}

func TestRefreshWritesWhatOffersThenReads(t *testing.T) {
	d, events := refresher(t, digitalOcean(t, "0.0625"))
	q := RefreshQuery{Providers: []string{policies.DigitalOcean}, DryRun: true}
	got, err := d.RefreshCatalog(t.Context(), q)
	if err != nil || len(got) != 1 || got[0].State != Refreshed || got[0].Path != "" || got[0].Offers != 1 {
		t.Fatalf("dry run: %+v, %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(d.home, "catalog")); !os.IsNotExist(err) {
		t.Fatalf("a dry run wrote: %v", err)
	}
	q.DryRun = false
	if got, err = d.RefreshCatalog(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	if got[0].Path != filepath.Join(d.home, "catalog", "digitalocean.json") || got[0].Changes.Removed == 0 || got[0].AsOf == "" {
		t.Errorf("%+v", got[0])
	}
	offers, err := Offers(OffersQuery{Home: d.home, Filter: catalog.Filter{Providers: []string{policies.DigitalOcean}}})
	if err != nil || len(offers) != 1 || offers[0].Type != "c-2" || offers[0].Region != "nyc1" || offers[0].AsOf != got[0].AsOf {
		t.Errorf("offers: %+v, %v", offers, err)
	}
	sold, err := d.catalog()
	if err != nil || sold.Rates[policies.DigitalOcean].DiskUSD <= 0 {
		t.Errorf("rates: %+v, %v", sold.Rates, err)
	}
	if other, err := Offers(OffersQuery{Home: d.home, Sandbox: true, Filter: catalog.Filter{Providers: []string{policies.DigitalOcean}}}); err != nil || len(other) < 40 {
		t.Errorf("the sandbox has %d offers: %v", len(other), err)
	}
	if n := len(*events); n != 4 {
		t.Errorf("%d events: %+v", n, *events)
	}
}

func TestRefreshThatFailsKeepsFileAndDates(t *testing.T) {
	d, _ := refresher(t, digitalOcean(t, "0"))
	file := filepath.Join(d.home, "catalog", "digitalocean.json")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	old := `{"version": 1, "provider": "digitalocean", "sources": [{"id": "a", "url": "https://a.example", "as_of": "2026-10-11"}],
		"offers": [{"type": "c-2", "arch": "amd64", "vcpu": 2, "memory_gib": 4, "disk_gib": 25, "price_usd_hour": 1, "regions": ["nyc1"], "source": "a"}]}`
	if err := os.WriteFile(file, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := d.RefreshCatalog(t.Context(), RefreshQuery{Providers: []string{policies.DigitalOcean}})
	if failure.CodeOf(err) != failure.Failed || !strings.Contains(err.Error(), "not refreshed: digitalocean") ||
		len(got) != 1 || got[0].State != RefreshFailed || !strings.Contains(got[0].Reason, "not accepted") {
		t.Errorf("%+v, %v", got, err)
	}
	if now, err := os.ReadFile(file); err != nil || string(now) != old {
		t.Errorf("the file is %s, %v", now, err)
	}
	files, err := Catalog(d.home, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Provider == policies.DigitalOcean && f.Newest != "2026-10-11" {
			t.Errorf("%+v", f)
		}
	}
}

func TestRefreshMendsABrokenFile(t *testing.T) {
	d, _ := refresher(t, digitalOcean(t, "0.07"))
	file := filepath.Join(d.home, "catalog", "digitalocean.json")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Catalog(d.home, false); err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "skysail catalog refresh digitalocean") {
		t.Errorf("a broken file: %v", err)
	}
	if _, err := d.RefreshCatalog(t.Context(), RefreshQuery{Providers: []string{policies.DigitalOcean}}); err != nil {
		t.Fatal(err)
	}
	if _, err := Catalog(d.home, false); err != nil {
		t.Error(err)
	}
}

// Without credentials a provider is skipped, unless it was asked for by name.
func TestRefreshWithoutCredentials(t *testing.T) {
	d, _ := refresher(t, nil)
	env := clouds.MapEnv(nil)
	r := d.refresh(t.Context(), env, policies.DigitalOcean, RefreshQuery{})
	if r.State != RefreshSkip || !strings.Contains(r.Reason, "DIGITALOCEAN_TOKEN") {
		t.Errorf("%+v", r)
	}
	_, err := d.RefreshCatalog(t.Context(), RefreshQuery{Providers: []string{policies.DigitalOcean}})
	if failure.CodeOf(err) != failure.Failed || !strings.Contains(err.Error(), "DIGITALOCEAN_TOKEN") {
		t.Errorf("named: %v", err)
	}
	if _, err := d.RefreshCatalog(t.Context(), RefreshQuery{Providers: []string{"azure"}}); failure.CodeOf(err) != failure.Input {
		t.Errorf("unknown: %v", err)
	}
}
