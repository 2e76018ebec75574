package aws

import (
	"context"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"golang.org/x/sync/errgroup"

	"skysail/clouds"
	"skysail/clouds/faults"
)

// bucket are the instance types that share a limit of vCPUs in a region. See
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-quotas.html
// and https://docs.aws.amazon.com/general/latest/gr/ec2-service.html.
type bucket struct {
	series []string // what the names of its types begin with
	// demand and spot are the codes of the limits.
	demand, spot string
}

var buckets = []bucket{
	{[]string{"a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"}, "L-1216C47A", "L-34B43A08"},
	{[]string{"g", "gr", "vt"}, "L-DB2E81BA", "L-3819A6DF"},
	{[]string{"p"}, "L-417A185B", "L-7212CCBC"},
}

// bucketOf is the bucket of an instance type, or nil: "g6e.xlarge" is of the
// series g.
func bucketOf(instanceType string) *bucket {
	end := strings.IndexAny(instanceType, "0123456789")
	if end < 0 {
		return nil
	}
	for i := range buckets {
		if slices.Contains(buckets[i].series, instanceType[:end]) {
			return &buckets[i]
		}
	}
	return nil
}

// Quota compares the region's limit of vCPUs for the type's bucket with those
// of the instances that run. Rarer buckets are not told. Service Quotas has no
// value where the account never used the region: that is not told either.
func (c *Cloud) Quota(ctx context.Context, want clouds.Want) (clouds.Room, error) {
	b := bucketOf(want.Type)
	if b == nil {
		return clouds.Room{}, nil
	}
	limit := b.demand
	if want.Spot {
		limit = b.spot
	}
	api, err := c.connect(ctx)
	if err != nil {
		return clouds.Room{}, err
	}
	defer api.close()
	room := clouds.Room{Limit: limit, Need: float64(want.Count) * want.VCPU, Scope: faults.ScopeRegion}
	told := false
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		err := call(gctx, func(ctx context.Context) error {
			out, err := api.quotas(want.Region).GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{
				ServiceCode: sdk.String("ec2"), QuotaCode: &limit,
			})
			if err == nil && out.Quota != nil && out.Quota.Value != nil {
				told, room.Max = true, *out.Quota.Value
				if name := sdk.ToString(out.Quota.QuotaName); name != "" {
					room.Limit = name + " (" + limit + ")"
				}
			}
			return err
		})
		if code(err) == "NoSuchResourceException" {
			return nil
		}
		return err
	})
	var used float64
	g.Go(func() error {
		return call(gctx, func(ctx context.Context) (err error) {
			used, err = vcpus(ctx, api.ec2(want.Region), b, want.Spot)
			return err
		})
	})
	if err := g.Wait(); err != nil {
		return clouds.Room{}, api.explain(err)
	}
	if !told {
		return clouds.Room{}, nil
	}
	room.Used = used
	return room, nil
}

// vcpus counts those of a bucket's instances that run or are about to.
func vcpus(ctx context.Context, api *ec2.Client, b *bucket, spot bool) (float64, error) {
	pages := ec2.NewDescribeInstancesPaginator(describeInstances(api.DescribeInstances), &ec2.DescribeInstancesInput{
		MaxResults: sdk.Int32(1000),
		Filters:    []types.Filter{{Name: sdk.String("instance-state-name"), Values: []string{"pending", "running"}}},
	})
	used := 0.0
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, err
		}
		for _, r := range page.Reservations {
			for _, i := range r.Instances {
				if bucketOf(string(i.InstanceType)) == b && (i.InstanceLifecycle == types.InstanceLifecycleTypeSpot) == spot && i.CpuOptions != nil {
					used += float64(sdk.ToInt32(i.CpuOptions.CoreCount) * sdk.ToInt32(i.CpuOptions.ThreadsPerCore))
				}
			}
		}
	}
	return used, nil
}
