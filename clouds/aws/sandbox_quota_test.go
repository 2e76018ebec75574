package aws_test

import (
	"testing"

	"skysail/clouds"
)

// The simulated account tells its limit, and what runs counts against it.
func TestQuotaOfTheSandbox(t *testing.T) {
	_, c, client := simulator(t)
	want := clouds.Want{Region: "us-east-1", Type: "m7i.large", Count: 1, VCPU: 2}
	before, err := c.Quota(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if !before.Known() || before.Used != 0 || !before.Fits() {
		t.Errorf("%+v", before)
	}
	deploy(t, client("us-east-1"), id)
	after, err := c.Quota(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if after.Used < 2 || after.Max != before.Max {
		t.Errorf("%+v after %+v", after, before)
	}
	want.Count = int(after.Max)
	if full, err := c.Quota(t.Context(), want); err != nil || full.Fits() {
		t.Errorf("%+v, %v", full, err)
	}
	want.Region = "eu-central-1"
	if elsewhere, err := c.Quota(t.Context(), want); err != nil || elsewhere.Used != 0 {
		t.Errorf("%+v, %v", elsewhere, err)
	}
}
