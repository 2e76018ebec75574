package gcp

import (
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/api/compute/v1"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

// cpuLimit is how many vCPUs the project may have, in all regions and in each.
const cpuLimit = api.ServerLimit * quotaCPUs

func quota(metric string, limit, used float64) *compute.Quota {
	return &compute.Quota{Metric: metric, Limit: limit, Usage: used, ForceSendFields: []string{"Usage"}}
}

// ownMetric are the series whose vCPUs have a metric of their own; those of the
// first series count under CPUS. See
// https://docs.cloud.google.com/compute/resource-usage.
var ownMetric = []string{"n2", "n2d", "c2", "c2d", "c3", "t2a", "t2d", "m1", "m2", "m3", "a2"}

// regionQuotas are the limits that decide how many machines fit, and how much
// of them is used.
func regionQuotas(st *world.State, region string) []*compute.Quota {
	instances := 0.0
	cpus := map[string]float64{}
	for _, i := range st.ServersOf(provider) {
		if i.Region != region {
			continue
		}
		instances++
		series, _, _ := strings.Cut(i.Size, "-")
		cpus[series] += float64(i.VCPU)
	}
	out := []*compute.Quota{
		quota("INSTANCES", api.ServerLimit, instances),
		quota("IN_USE_ADDRESSES", api.ServerLimit, instances), // each instance has one
		quota("CPUS", cpuLimit, cpus["e2"]+cpus["n1"]+cpus["f1"]+cpus["g1"]),
	}
	for _, series := range ownMetric {
		out = append(out, quota(strings.ToUpper(series)+"_CPUS", cpuLimit, cpus[series]))
	}
	return out
}

// checkCPUs holds a request against the project's limit of vCPUs, which the
// limits of the regions do not go below.
func (in *insertion) checkCPUs(st *world.State) error {
	used := in.size.VCPU
	for _, i := range st.ServersOf(provider) {
		used += i.VCPU
	}
	if used <= cpuLimit {
		return nil
	}
	return &apiError{
		status: http.StatusForbidden, reason: "quotaExceeded", domain: "usageLimits",
		message: fmt.Sprintf("Quota 'CPUS_ALL_REGIONS' exceeded.  Limit: %.1f globally.", float64(cpuLimit)),
	}
}
