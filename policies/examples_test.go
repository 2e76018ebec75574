package policies_test

import (
	"path/filepath"
	"testing"

	"skysail/policies"
)

// Each example is what a person copies from; all of them must load.
func TestExamples(t *testing.T) {
	found := map[string]policies.Policy{}
	files, err := filepath.Glob("../examples/policies/*.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		p, err := policies.Load(file)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		found[filepath.Base(file)] = p
	}
	for _, want := range []string{"aws-only.hcl", "cost.hcl", "gcp-only.hcl", "gpu.hcl", "hybrid.hcl", "kubernetes.hcl", "new-york.hcl", "spot.hcl"} {
		if _, ok := found[want]; !ok {
			t.Errorf("there is no valid example %s", want)
		}
	}
	if h := found["hybrid.hcl"].Hybrid; h == nil || h.Primary == "" {
		t.Errorf("the hybrid example is not hybrid: %+v", h)
	}
	if found["cost.hcl"].Limits.MaxHourlyUSD == 0 {
		t.Error("the cost example has no budget")
	}
}
