package gcp

import (
	"strings"
	"testing"

	"skysail/clouds"
	"skysail/clouds/faults"
)

func quotas(list ...string) []answer {
	var parts []string
	for _, q := range list {
		f := strings.Fields(q)
		parts = append(parts, `{"metric":"`+f[0]+`","limit":`+f[1]+`,"usage":`+f[2]+`}`)
	}
	return ok(`{"quotas":[` + strings.Join(parts, ",") + `]}`)
}

func TestQuota(t *testing.T) {
	small := clouds.Want{Region: "us-central1", Type: "e2-standard-2", Count: 2, VCPU: 2}
	gpu := clouds.Want{Region: "us-central1", Type: "g2-standard-4", Count: 1, VCPU: 4, GPUs: 1, GPUModel: "L4"}
	spot := gpu
	spot.Spot = true
	for name, c := range map[string]struct {
		want            clouds.Want
		project, region []answer
		limit           string
		fits            bool
		scope           faults.Scope
		need            float64
	}{
		"nearest":            {small, quotas("CPUS_ALL_REGIONS 100 0"), quotas("CPUS 8 2", "INSTANCES 100 1"), "CPUS", true, faults.ScopeRegion, 4},
		"region full":        {small, quotas("CPUS_ALL_REGIONS 100 0"), quotas("CPUS 8 6", "INSTANCES 100 1"), "CPUS", false, faults.ScopeRegion, 4},
		"project full":       {small, quotas("CPUS_ALL_REGIONS 12 12"), quotas("CPUS 8 6"), "CPUS_ALL_REGIONS", false, faults.ScopeProvider, 4},
		"addresses":          {small, quotas("FIREWALLS 1 1"), quotas("CPUS 80 0", "IN_USE_ADDRESSES 4 3"), "IN_USE_ADDRESSES", false, faults.ScopeRegion, 2},
		"no GPUs anywhere":   {gpu, quotas("GPUS_ALL_REGIONS 0 0"), quotas("NVIDIA_L4_GPUS 1 0"), "GPUS_ALL_REGIONS", false, faults.ScopeProvider, 1},
		"no GPU of it here":  {gpu, quotas("GPUS_ALL_REGIONS 4 0"), quotas("NVIDIA_L4_GPUS 0 0"), "NVIDIA_L4_GPUS", false, faults.ScopeRegion, 1},
		"a series' own":      {clouds.Want{Region: "us-central1", Type: "n2-standard-2", Count: 1, VCPU: 2}, quotas(), quotas("CPUS 0 0", "N2_CPUS 8 7"), "N2_CPUS", false, faults.ScopeRegion, 2},
		"a series not told":  {clouds.Want{Region: "us-central1", Type: "c4-standard-2", Count: 1, VCPU: 2}, quotas(), quotas("CPUS 0 0"), "", true, "", 0},
		"spot of its own":    {spot, quotas("GPUS_ALL_REGIONS 4 0"), quotas("NVIDIA_L4_GPUS 0 0", "PREEMPTIBLE_NVIDIA_L4_GPUS 2 0"), "PREEMPTIBLE_NVIDIA_L4_GPUS", true, faults.ScopeRegion, 1},
		"spot of the common": {spot, quotas("GPUS_ALL_REGIONS 4 0"), quotas("NVIDIA_L4_GPUS 0 0", "PREEMPTIBLE_NVIDIA_L4_GPUS 0 0"), "NVIDIA_L4_GPUS", false, faults.ScopeRegion, 1},
	} {
		t.Run(name, func(t *testing.T) {
			_, cloud := serve(t, map[string][]answer{"GET " + at: c.project, "GET " + at + "/regions/us-central1": c.region})
			room, err := cloud.Quota(t.Context(), c.want)
			if err != nil {
				t.Fatal(err)
			}
			if room.Limit != c.limit || room.Fits() != c.fits || room.Need != c.need || c.limit != "" && room.Scope != c.scope {
				t.Errorf("%+v", room)
			}
		})
	}
	no := no(403, "forbidden", "Required 'compute.projects.get' permission")
	_, cloud := serve(t, map[string][]answer{"GET " + at: {no}, "GET " + at + "/regions/us-central1": {no}})
	if _, err := cloud.Quota(t.Context(), small); err == nil || !strings.Contains(err.Error(), "gcp-role.yaml") {
		t.Errorf("a refusal: %v", err)
	}
}
