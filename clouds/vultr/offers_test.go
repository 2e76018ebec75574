package vultr_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/catalog"
	"skysail/clouds"
	"skysail/clouds/vultr"
)

const meta = `"meta": {"total": 1, "links": {"next": "", "prev": ""}}`

// answers are by path and query. The rows have the form of the API's own.
func answers() map[string]string {
	return map[string]string{
		"/v2/plans?per_page=500&type=all": `{"plans": [
			{"id": "vc2-1c-1gb", "vcpu_count": 1, "ram": 1024, "disk": 25, "disk_count": 1, "type": "vc2", "hourly_cost": 0.007, "monthly_cost": 5,
			 "locations": ["ord", "ewr", "sao"], "deploy_ondemand": true, "gpu_brand": "none"}
		], "meta": {"total": 9, "links": {"next": "bmV4dF9f", "prev": ""}}}`,
		"/v2/plans?cursor=bmV4dF9f&per_page=500&type=all": `{"plans": [
			{"id": "vc2-1c-0.5gb-v6", "vcpu_count": 1, "ram": 512, "disk": 10, "type": "vc2", "hourly_cost": 0.003, "locations": ["ewr"]},
			{"id": "vc2-1c-0.5gb-free", "vcpu_count": 1, "ram": 512, "disk": 10, "type": "vc2", "hourly_cost": 0, "locations": ["ewr"]},
			{"id": "sold-out", "vcpu_count": 1, "ram": 512, "disk": 10, "type": "vc2", "hourly_cost": 0.1, "locations": []},
			{"id": "preemptible", "vcpu_count": 1, "ram": 512, "disk": 10, "type": "vc2", "hourly_cost": 0.1, "locations": ["ewr"], "deploy_ondemand": false},
			{"id": "vx1-g-2c-8g", "vcpu_count": 2, "ram": 8192, "disk": 0, "type": "vx1", "hourly_cost": 0.06, "locations": ["ewr"]},
			{"id": "vcg-a40-1c-5g-2vram", "vcpu_count": 1, "ram": 5120, "disk": 90, "type": "vcg", "hourly_cost": 0.075, "locations": ["ewr"],
			 "gpu_type": "NVIDIA_A40", "gpu_vram_gb": 2, "gpu_count": "1/24"}
		], ` + meta + `}`,
		"/v2/plans?per_page=500&type=vcg": `{"plans": [
			{"id": "vcg-a40-1c-5g-2vram", "vcpu_count": 1, "ram": 5120, "disk": 90, "type": "vcg", "hourly_cost": 0.075, "locations": ["ewr"],
			 "gpu_type": "NVIDIA_A40", "gpu_vram_gb": 2, "gpu_count": "1/24"},
			{"id": "vcg-a40-96c-480g-192vram", "vcpu_count": 96, "ram": 491520, "disk": 1700, "type": "vcg", "hourly_cost": 6.847, "locations": ["ewr"],
			 "gpu_type": "NVIDIA_A40", "gpu_vram_gb": 192, "gpu_count": "4"},
			{"id": "vcg-l40s-16c-180g-48vram", "vcpu_count": 16, "ram": 184320, "disk": 1200, "type": "vcg", "hourly_cost": 1.671, "locations": ["ord"],
			 "gpu_type": "NVIDIA_L40S", "gpu_vram_gb": 48, "gpu_count": 1}
		], ` + meta + `}`,
		"/v2/regions?per_page=500":     `{"regions": [{"id": "ewr"}, {"id": "ord"}, {"id": "sao"}], ` + meta + `}`,
		"/v2/regions/ewr/availability": `{"available_plans": ["vc2-1c-1gb", "vc2-1c-0.5gb-v6", "vc2-1c-0.5gb-free", "preemptible", "vx1-g-2c-8g", "vcg-a40-1c-5g-2vram", "vcg-a40-96c-480g-192vram"]}`,
		"/v2/regions/ord/availability": `{"available_plans": ["vc2-1c-1gb", "vcg-l40s-16c-180g-48vram"]}`,
		"/v2/regions/sao/availability": `{"available_plans": []}`,
	}
}

// shop answers without an account, and holds the caller to that.
func shop(t *testing.T, answers map[string]string) *vultr.Cloud {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := r.Header["Authorization"]; ok {
			t.Errorf("%s: credentials were sent", r.URL)
		}
		body, ok := answers[r.URL.RequestURI()]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			body = `{"error": "Invalid region.", "status": 404}`
		}
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return vultr.New(clouds.MapEnv(map[string]string{"VULTR_API_KEY": "k3y"})).At(server.URL)
}

func TestOffers(t *testing.T) {
	got, err := shop(t, answers()).Offers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []catalog.Row{
		{Regions: []string{"ewr", "ord"}, Offer: catalog.Offer{
			Type: "vc2-1c-1gb", Arch: "amd64", VCPU: 1, MemoryGB: 1, DiskGB: 25, PriceUSD: 0.007, Source: "plans",
		}},
		{Regions: []string{"ewr"}, Offer: catalog.Offer{
			Type: "vcg-a40-96c-480g-192vram", Arch: "amd64", VCPU: 96, MemoryGB: 480, DiskGB: 1700, PriceUSD: 6.847, Source: "plans",
			GPU: &catalog.GPU{Model: "A40", Count: 4, MemoryGB: 48},
		}},
		{Regions: []string{"ord"}, Offer: catalog.Offer{
			Type: "vcg-l40s-16c-180g-48vram", Arch: "amd64", VCPU: 16, MemoryGB: 180, DiskGB: 1200, PriceUSD: 1.671, Source: "plans",
			GPU: &catalog.GPU{Model: "L40S", Count: 1, MemoryGB: 48},
		}},
	}
	if diff := cmp.Diff(want, got.Offers); diff != "" {
		t.Error(diff)
	}
	if s := got.Sources; len(s) != 1 || s[0].AsOf != time.Now().UTC().Format(time.DateOnly) {
		t.Errorf("sources: %+v", s)
	}
	if err := catalog.Save(t.TempDir(), &got); err != nil {
		t.Error(err)
	}
}

// A failed or senseless answer is never a short list.
func TestOffersAreAllOrAnError(t *testing.T) {
	for path, tt := range map[string]struct{ answer, want string }{
		"/v2/plans?per_page=500&type=vcg":                 {`{"error": "no"}`, "not a list"},
		"/v2/plans?cursor=bmV4dF9f&per_page=500&type=all": {`{"plans": [{}], ` + meta + `}`, "not a list"},
		"/v2/regions?per_page=500":                        {`<html>`, "invalid character"},
		"/v2/regions/ord/availability":                    {``, "404 Invalid region."},
		"/v2/regions/sao/availability":                    {`{}`, "region sao: the answer is not a list"},
	} {
		given := answers()
		given[path] = tt.answer
		if tt.answer == "" {
			delete(given, path)
		}
		got, err := shop(t, given).Offers(t.Context())
		if err == nil || !strings.Contains(err.Error(), tt.want) || len(got.Offers) > 0 {
			t.Errorf("%s: %d offers, %v", path, len(got.Offers), err)
		}
	}
}
