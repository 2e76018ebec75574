package gcp

import (
	"context"
	"math"
	"strings"

	"golang.org/x/sync/errgroup"
	"google.golang.org/api/compute/v1"

	"skysail/clouds"
	"skysail/clouds/faults"
)

// Quota compares the limits of the project and of the region with what is used
// of them: instances, their addresses, vCPUs of the machine series and GPUs of
// the model. Series whose limit these calls do not show (C4, N4 and the like
// are under CPUS_PER_VM_FAMILY) are judged by the others. See
// https://docs.cloud.google.com/compute/resource-usage.
func (c *Cloud) Quota(ctx context.Context, want clouds.Want) (clouds.Room, error) {
	api, err := c.connect(ctx)
	if err != nil {
		return clouds.Room{}, err
	}
	defer api.close()
	var project *compute.Project
	var region *compute.Region
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return call(gctx, func(ctx context.Context) (err error) {
			project, err = api.Projects.Get(api.project).Fields("quotas").Context(ctx).Do()
			return err
		})
	})
	g.Go(func() error {
		return call(gctx, func(ctx context.Context) (err error) {
			region, err = api.Regions.Get(api.project, want.Region).Fields("quotas").Context(ctx).Do()
			return err
		})
	})
	if err := g.Wait(); err != nil {
		return clouds.Room{}, api.explain(err)
	}
	needs := metrics(want, region.Quotas)
	return clouds.Tightest(append(
		rooms(project.Quotas, needs, faults.ScopeProvider),
		rooms(region.Quotas, needs, faults.ScopeRegion)...,
	)...), nil
}

func rooms(quotas []*compute.Quota, needs map[string]float64, scope faults.Scope) []clouds.Room {
	var out []clouds.Room
	for _, q := range quotas {
		if need := needs[q.Metric]; need > 0 && q.Limit >= 0 {
			out = append(out, clouds.Room{Limit: q.Metric, Max: q.Limit, Used: q.Usage, Need: need, Scope: scope})
		}
	}
	return out
}

// metrics are what a Want adds to each metric. What a region has no metric of
// its own for counts under CPUS in the first series only.
func metrics(want clouds.Want, region []*compute.Quota) map[string]float64 {
	n := float64(want.Count)
	cpus, gpus := n*math.Ceil(want.VCPU), n*float64(want.GPUs)
	out := map[string]float64{"INSTANCES": n, "IN_USE_ADDRESSES": n, "CPUS_ALL_REGIONS": cpus, "GPUS_ALL_REGIONS": gpus}
	limit := map[string]float64{}
	for _, q := range region {
		limit[q.Metric] = q.Limit
	}
	series, _, _ := strings.Cut(want.Type, "-")
	own := strings.ToUpper(series) + "_CPUS"
	_, has := limit[own]
	switch {
	// A project that was granted preemptible vCPUs uses them, another those of
	// the series: https://docs.cloud.google.com/compute/docs/instances/preemptible#preemptible_quota
	case want.Spot && limit["PREEMPTIBLE_CPUS"] > 0:
		out["PREEMPTIBLE_CPUS"] = cpus
	case has:
		out[own] = cpus
	case series == "e2" || series == "n1" || series == "f1" || series == "g1":
		out["CPUS"] = cpus
	}
	if metric := gpuMetric(want); metric != "" {
		if p := "PREEMPTIBLE_" + metric; want.Spot && limit[p] > 0 {
			metric = p
		}
		out[metric] = gpus
	}
	return out
}

// gpuMetric is the metric of a GPU's model, empty for one that the calls do
// not show.
func gpuMetric(want clouds.Want) string {
	switch {
	case want.GPUs == 0:
		return ""
	case want.GPUModel == "A100" && strings.HasPrefix(want.Type, "a2-ultragpu"):
		return "NVIDIA_A100_80GB_GPUS"
	case want.GPUModel == "H100":
		return "NVIDIA_H100_GPUS"
	case want.GPUModel == "L4", want.GPUModel == "T4", want.GPUModel == "V100", want.GPUModel == "P100", want.GPUModel == "P4", want.GPUModel == "A100":
		return "NVIDIA_" + want.GPUModel + "_GPUS"
	default:
		return ""
	}
}
