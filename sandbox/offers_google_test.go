package sandbox

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"skysail/catalog"
	"skysail/clouds"
	"skysail/clouds/gcp"
	"skysail/policies"
)

// TestOffersOfTheSimulatedGoogleAreTheCatalogs adds up the simulated price
// list, in which vCPU, memory and GPUs are apart, as one adds up Google's.
func TestOffersOfTheSimulatedGoogleAreTheCatalogs(t *testing.T) {
	env := clouds.MapEnv(up(t, newHome(t)).Env())
	file, err := gcp.New(env).Offers(t.Context())
	check(t, err)
	got, err := catalog.Expand(&file)
	check(t, err)
	sold, err := catalog.LoadDir("", policies.GCP)
	check(t, err)
	want := sold.Offers
	for _, list := range [][]catalog.Offer{got, want} {
		for i := range list {
			list[i].Source, list[i].AsOf = "", ""
		}
	}
	// Parts are priced to the billionth of a dollar, and added up; the catalog's
	// prices are rounded, each type for itself.
	price := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 2e-6+5e-6*math.Abs(a) })
	if diff := cmp.Diff(want, got, price, cmpopts.SortSlices(func(a, b catalog.Offer) bool { return a.Type+a.Region < b.Type+b.Region })); diff != "" {
		t.Errorf("(-catalog +asked):\n%s", diff)
	}
	rates := sold.Rates[policies.GCP]
	if file.Rates == nil || math.Abs(file.Rates.DiskUSD-rates.DiskUSD) > 1e-9 || file.Rates.AddressUSD != rates.AddressUSD {
		t.Errorf("rates %+v, want %+v", file.Rates, rates)
	}
}
