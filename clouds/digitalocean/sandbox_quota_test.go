package digitalocean_test

import (
	"testing"

	"skysail/clouds"
	"skysail/clouds/digitalocean"
)

// The simulated account tells its limit, and its droplets count against it.
func TestQuotaOfTheSandbox(t *testing.T) {
	_, env := simulator(t)
	want := clouds.Want{Region: "nyc3", Type: "s-1vcpu-1gb", Count: 1, VCPU: 1}
	c := digitalocean.New(clouds.MapEnv(env))
	before, err := c.Quota(t.Context(), want)
	if err != nil || !before.Known() || before.Used != 0 || !before.Fits() {
		t.Fatalf("%+v, %v", before, err)
	}
	if _, _, err := sdk(t, env).Droplets.Create(t.Context(), request("skysail-"+id+"-0")); err != nil {
		t.Fatal(err)
	}
	want.Count = int(before.Max)
	if full, err := c.Quota(t.Context(), want); err != nil || full.Used != 1 || full.Fits() {
		t.Errorf("%+v, %v", full, err)
	}
}
