package digitalocean_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/catalog"
	"skysail/clouds"
	"skysail/clouds/digitalocean"
)

const regionsAnswer = `{"regions": [
	{"slug": "nyc1", "available": true}, {"slug": "nyc3", "available": true}, {"slug": "sfo1", "available": false}
], "links": {}, "meta": {"total": 3}}`

// The rows have the form of the API's own answers.
const sizesAnswer = `{"sizes": [
	{"slug": "s-1vcpu-512mb-10gb", "memory": 512, "vcpus": 1, "disk": 10, "price_monthly": 4, "price_hourly": 0.00595,
	 "regions": ["sfo1", "nyc3", "nyc1"], "available": true, "description": "Basic"},
	{"slug": "gpu-h100x8-640gb", "memory": 1966080, "vcpus": 160, "disk": 2046, "price_hourly": 23.92, "regions": ["nyc1"], "available": true,
	 "gpu_info": {"count": 8, "vram": {"amount": 640, "unit": "gib"}, "model": "nvidia_h100"}},
	{"slug": "gpu-mi300x1-192gb", "memory": 245760, "vcpus": 20, "disk": 720, "price_hourly": 1.99, "regions": ["nyc3"], "available": true,
	 "gpu_info": {"count": 1, "vram": {"amount": 192, "unit": "gib"}, "model": "amd_mi300x"}},
	{"slug": "gpu-unsaid", "memory": 1024, "vcpus": 1, "disk": 10, "price_hourly": 1, "regions": ["nyc3"], "available": true, "gpu_info": {"count": 1}},
	{"slug": "gone", "memory": 1024, "vcpus": 1, "disk": 10, "price_hourly": 1, "regions": ["nyc1"], "available": false},
	{"slug": "sold-out", "memory": 1024, "vcpus": 1, "disk": 10, "price_hourly": 1, "regions": [], "available": true},
	{"slug": "closed-region", "memory": 1024, "vcpus": 1, "disk": 10, "price_hourly": 1, "regions": ["sfo1"], "available": true},
	{"slug": "no-price", "memory": 1024, "vcpus": 1, "disk": 10, "price_hourly": 0, "regions": ["nyc1"], "available": true}
], "links": {}, "meta": {"total": 8}}`

// shop answers with the given texts; a text without a brace is a refusal.
func shop(t *testing.T, regions, sizes string) *digitalocean.Cloud {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := map[string]string{"/v2/regions": regions, "/v2/sizes": sizes}[r.URL.Path]
		if r.Header.Get("Authorization") != "Bearer t0ken" {
			t.Errorf("%s: Authorization %q", r.URL, r.Header.Get("Authorization"))
		}
		if !strings.Contains(body, "{") {
			w.WriteHeader(http.StatusForbidden)
			body = `{"id": "forbidden", "message": "You are not authorized to perform this operation"}`
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return digitalocean.New(clouds.MapEnv(map[string]string{"DIGITALOCEAN_TOKEN": "t0ken", "DIGITALOCEAN_API_URL": server.URL}))
}

func TestOffers(t *testing.T) {
	got, err := shop(t, regionsAnswer, sizesAnswer).Offers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []catalog.Row{
		{Regions: []string{"nyc1", "nyc3"}, Offer: catalog.Offer{
			Type: "s-1vcpu-512mb-10gb", Arch: "amd64", VCPU: 1, MemoryGB: 0.5, DiskGB: 10, PriceUSD: 0.00595, Source: "sizes",
		}},
		{Regions: []string{"nyc1"}, Offer: catalog.Offer{
			Type: "gpu-h100x8-640gb", Arch: "amd64", VCPU: 160, MemoryGB: 1920, DiskGB: 2046, PriceUSD: 23.92, Source: "sizes",
			GPU: &catalog.GPU{Model: "H100", Count: 8, MemoryGB: 80},
		}},
		{Regions: []string{"nyc3"}, Offer: catalog.Offer{
			Type: "gpu-mi300x1-192gb", Arch: "amd64", VCPU: 20, MemoryGB: 240, DiskGB: 720, PriceUSD: 1.99, Source: "sizes",
			GPU: &catalog.GPU{Model: "MI300X", Count: 1, MemoryGB: 192},
		}},
	}
	if diff := cmp.Diff(want, got.Offers); diff != "" {
		t.Error(diff)
	}
	if s := got.Sources; len(s) != 1 || !strings.HasSuffix(s[0].URL, "/v2/sizes") || s[0].AsOf != time.Now().UTC().Format(time.DateOnly) {
		t.Errorf("sources: %+v", s)
	}
	if err := catalog.Save(t.TempDir(), &got); err != nil {
		t.Error(err)
	}
}

func TestOffersRefusedSayTheScope(t *testing.T) {
	for scope, c := range map[string]*digitalocean.Cloud{
		"regions:read": shop(t, "no", sizesAnswer),
		"sizes:read":   shop(t, regionsAnswer, "no"),
	} {
		got, err := c.Offers(t.Context())
		if err == nil || !strings.Contains(err.Error(), scope) || len(got.Offers) > 0 {
			t.Errorf("%s: %v, %v", scope, got.Offers, err)
		}
	}
	if _, err := digitalocean.New(clouds.MapEnv(nil)).Offers(t.Context()); err == nil || !strings.Contains(err.Error(), "DIGITALOCEAN_TOKEN") {
		t.Errorf("without a token: %v", err)
	}
}
