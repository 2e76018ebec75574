package gcp_test

import (
	"testing"

	"skysail/clouds"
)

// The simulated project tells its limits, and what runs counts against them.
func TestQuotaOfTheSandbox(t *testing.T) {
	w, address, sdk := simulator(t)
	c := cloud(w, address)
	want := clouds.Want{Region: "us-central1", Type: "e2-small", Count: 1, VCPU: 2}
	before, err := c.Quota(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if !before.Known() || before.Used != 0 || !before.Fits() {
		t.Errorf("%+v", before)
	}
	insert(t, sdk, machine("one", "d4k2m9x7qpb1"))
	after, err := c.Quota(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if after.Used == 0 {
		t.Errorf("%+v", after)
	}
	want.Count = 100
	if full, err := c.Quota(t.Context(), want); err != nil || full.Fits() {
		t.Errorf("%+v, %v", full, err)
	}
}
