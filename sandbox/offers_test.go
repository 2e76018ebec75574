package sandbox

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"skysail/catalog"
	"skysail/clouds"
	"skysail/clouds/digitalocean"
	"skysail/clouds/vultr"
	"skysail/policies"
)

// What the simulated clouds say they sell, read as from the real ones, is the
// catalog that they were made of.
func TestOffersOfTheSandboxAreTheCatalogs(t *testing.T) {
	env := clouds.MapEnv(up(t, newHome(t)).Env())
	for provider, ask := range map[string]func(context.Context) (catalog.File, error){
		policies.DigitalOcean: digitalocean.New(env).Offers,
		policies.Vultr:        vultr.New(env).Offers,
	} {
		file, err := ask(t.Context())
		if err != nil {
			t.Errorf("%s: %v", provider, err)
			continue
		}
		got, err := catalog.Expand(&file)
		check(t, err)
		sold, err := catalog.LoadDir("", provider)
		check(t, err)
		want := sold.Offers
		for _, list := range [][]catalog.Offer{got, want} {
			for i := range list {
				list[i].Source, list[i].AsOf = "", ""
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-catalog +asked):\n%s", provider, diff)
		}
	}
}
