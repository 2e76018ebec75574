package aws

import (
	"context"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"skysail/clouds"
)

// pricePatience bounds what is asked to tell a price: what exists counts for
// more than what it costs.
const pricePatience = 20 * time.Second

// price fills in what the found things cost an hour, where AWS says it in
// time. EC2 does not, so it takes a few calls to the price list; none when
// nothing was found.
func (a *client) price(ctx context.Context, found []clouds.Resource) {
	ctx, cancel := context.WithTimeout(ctx, pricePatience)
	defer cancel()
	regions := map[string]map[string][]*clouds.Resource{}
	for i := range found {
		r := &found[i]
		if r.Kind != kindInstance && r.Kind != kindVolume && r.Kind != kindAddress {
			continue
		}
		if regions[r.Region] == nil {
			regions[r.Region] = map[string][]*clouds.Resource{}
		}
		regions[r.Region][r.Kind] = append(regions[r.Region][r.Kind], r)
	}
	for region, kinds := range regions {
		a.priceInstances(ctx, region, kinds[kindInstance])
		if len(kinds[kindVolume])+len(kinds[kindAddress]) == 0 {
			continue
		}
		disk, address, err := a.beside(ctx, region)
		if err != nil {
			continue
		}
		for _, r := range kinds[kindAddress] {
			r.PriceUSD = address
		}
		a.priceVolumes(ctx, region, kinds[kindVolume], disk)
	}
}

// priceInstances leaves spot instances out: their price is the market's.
func (a *client) priceInstances(ctx context.Context, region string, list []*clouds.Resource) {
	if len(list) == 0 {
		return
	}
	out, err := a.ec2(region).DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: resourceIDs(list)})
	if err != nil {
		return
	}
	costs, known := map[string]float64{}, map[string]float64{}
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			kind := string(i.InstanceType)
			if i.InstanceLifecycle == types.InstanceLifecycleTypeSpot || i.State == nil || i.State.Name != types.InstanceStateNameRunning {
				continue
			}
			if _, ok := known[kind]; !ok {
				prices, err := a.onDemand(ctx, region, map[string]string{"instanceType": kind})
				if err != nil {
					return
				}
				known[kind] = prices[kind]
			}
			costs[sdk.ToString(i.InstanceId)] = known[kind]
		}
	}
	for _, r := range list {
		r.PriceUSD = costs[r.ID]
	}
}

func (a *client) priceVolumes(ctx context.Context, region string, list []*clouds.Resource, gib float64) {
	if len(list) == 0 {
		return
	}
	out, err := a.ec2(region).DescribeVolumes(ctx, &ec2.DescribeVolumesInput{VolumeIds: resourceIDs(list)})
	if err != nil {
		return
	}
	for _, v := range out.Volumes {
		for _, r := range list {
			if r.ID == sdk.ToString(v.VolumeId) && v.VolumeType == types.VolumeTypeGp3 {
				r.PriceUSD = float64(sdk.ToInt32(v.Size)) * gib
			}
		}
	}
}

func resourceIDs(list []*clouds.Resource) []string {
	out := make([]string, len(list))
	for i, r := range list {
		out[i] = r.ID
	}
	return out
}
