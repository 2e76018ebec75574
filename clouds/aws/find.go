package aws

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/sync/errgroup"

	"skysail/clouds"
	"skysail/internal/apiclient"
)

// The kinds of things that Find returns and Delete takes.
const (
	kindSpotRequest = "spot_request"
	kindInstance    = "instance"
	kindInterface   = "network_interface"
	kindAddress     = "elastic_ip"
	kindVolume      = "volume"
	kindGroup       = "security_group"
	kindKey         = "key_pair"
)

// tagKey is the tag that everything of a deployment carries. Everything here
// has tags, and the module gives them in the call that makes the thing.
const tagKey = "skysail-deployment"

// lookup lists what of one kind belongs to a deployment in a region.
type lookup struct {
	kind, plural string
	// extra marks what no module makes.
	extra bool
	list  func(ctx context.Context, api *ec2.Client, region string, tagged types.Filter) ([]clouds.Resource, error)
}

// lookups are in the order in which things must be deleted.
var lookups = []lookup{
	{kindSpotRequest, "spot requests", true, spotRequests},
	{kindInstance, "instances", false, instances},
	{kindInterface, "network interfaces", true, interfaces},
	{kindAddress, "elastic IPs", true, addresses},
	{kindVolume, "volumes", false, volumes},
	{kindGroup, "security groups", false, groups},
	{kindKey, "key pairs", false, keys},
}

// findCalls bounds how many lists are asked for at once. Their rate limits
// are by region, so this is about this machine.
const findCalls = 24

// Find returns everything that carries the deployment's tag, in the order in
// which it must be deleted. An ID does not say where the deployment was, and
// AWS's lists are by region: it asks in every region that is enabled for the
// account, side by side, seven short calls each. A region that the account's
// organisation forbids is left out. Any other refusal is an error.
func (c *Cloud) Find(ctx context.Context, deploymentID string) ([]clouds.Resource, error) {
	if err := clouds.CheckID(deploymentID); err != nil {
		return nil, err
	}
	return c.search(ctx, types.Filter{Name: sdk.String("tag:" + tagKey), Values: []string{deploymentID}})
}

// FindAll returns what Find does, of all deployments, of this installation and
// of any other in the account; each thing says whose it is. May be retried.
func (c *Cloud) FindAll(ctx context.Context) ([]clouds.Resource, error) {
	list, err := c.search(ctx, types.Filter{Name: sdk.String("tag-key"), Values: []string{tagKey}})
	if err != nil {
		return nil, err
	}
	return clouds.WithDeployment(list), nil
}

func (c *Cloud) search(ctx context.Context, tagged types.Filter) ([]clouds.Resource, error) {
	api, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer api.close()
	regions, err := api.regions(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing regions: %w", api.explain(err))
	}

	listed := make([][]clouds.Resource, len(lookups)*len(regions))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(findCalls)
	for k, l := range lookups {
		for r, region := range regions {
			g.Go(func() error {
				err := call(gctx, func(ctx context.Context) (err error) {
					listed[k*len(regions)+r], err = l.list(ctx, api.ec2(region), region, tagged)
					return err
				})
				if err == nil || closedRegion(err) || l.extra && apiclient.Status(err) == http.StatusNotImplemented {
					return nil // an API without such things holds none
				}
				return fmt.Errorf("listing %s in %s: %w", l.plural, region, api.explain(err))
			})
		}
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	out := []clouds.Resource{}
	for _, list := range listed {
		out = append(out, list...)
	}
	api.price(ctx, out)
	return out, nil
}

// regions are those enabled for the account, sorted.
func (a *client) regions(ctx context.Context) ([]string, error) {
	var out []string
	err := call(ctx, func(ctx context.Context) error {
		list, err := a.ec2("").DescribeRegions(ctx, &ec2.DescribeRegionsInput{})
		if err != nil {
			return err
		}
		for _, r := range list.Regions {
			out = append(out, sdk.ToString(r.RegionName))
		}
		return nil
	})
	slices.Sort(out)
	return out, err
}

func tagMap(tags []types.Tag) map[string]string {
	out := make(map[string]string, len(tags))
	for _, t := range tags {
		out[sdk.ToString(t.Key)] = sdk.ToString(t.Value)
	}
	return out
}

func instances(ctx context.Context, api *ec2.Client, region string, tagged types.Filter) ([]clouds.Resource, error) {
	// A terminated instance is listed for an hour, and costs nothing.
	alive := types.Filter{Name: sdk.String("instance-state-name"), Values: []string{"pending", "running", "shutting-down", "stopping", "stopped"}}
	var out []clouds.Resource
	pages := ec2.NewDescribeInstancesPaginator(describeInstances(api.DescribeInstances), &ec2.DescribeInstancesInput{Filters: []types.Filter{tagged, alive}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, reservation := range page.Reservations {
			for _, i := range reservation.Instances {
				r := resource(kindInstance, sdk.ToString(i.InstanceId), region, tagMap(i.Tags))
				r.CreatedAt = sdk.ToTime(i.LaunchTime)
				out = append(out, r)
			}
		}
	}
	return out, nil
}

func volumes(ctx context.Context, api *ec2.Client, region string, tagged types.Filter) ([]clouds.Resource, error) {
	var out []clouds.Resource
	pages := ec2.NewDescribeVolumesPaginator(describeVolumes(api.DescribeVolumes), &ec2.DescribeVolumesInput{Filters: []types.Filter{tagged}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, v := range page.Volumes {
			r := resource(kindVolume, sdk.ToString(v.VolumeId), region, tagMap(v.Tags))
			r.CreatedAt = sdk.ToTime(v.CreateTime)
			out = append(out, r)
		}
	}
	return out, nil
}

func groups(ctx context.Context, api *ec2.Client, region string, tagged types.Filter) ([]clouds.Resource, error) {
	var out []clouds.Resource
	pages := ec2.NewDescribeSecurityGroupsPaginator(describeSecurityGroups(api.DescribeSecurityGroups), &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{tagged}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, g := range page.SecurityGroups {
			r := resource(kindGroup, sdk.ToString(g.GroupId), region, tagMap(g.Tags))
			r.Name = sdk.ToString(g.GroupName)
			out = append(out, r)
		}
	}
	return out, nil
}

func keys(ctx context.Context, api *ec2.Client, region string, tagged types.Filter) ([]clouds.Resource, error) {
	list, err := api.DescribeKeyPairs(ctx, &ec2.DescribeKeyPairsInput{Filters: []types.Filter{tagged}})
	if err != nil {
		return nil, err
	}
	var out []clouds.Resource
	for _, k := range list.KeyPairs {
		r := resource(kindKey, sdk.ToString(k.KeyPairId), region, tagMap(k.Tags))
		r.Name, r.CreatedAt = sdk.ToString(k.KeyName), sdk.ToTime(k.CreateTime)
		out = append(out, r)
	}
	return out, nil
}

// What follows no module makes.

func addresses(ctx context.Context, api *ec2.Client, region string, tagged types.Filter) ([]clouds.Resource, error) {
	list, err := api.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{Filters: []types.Filter{tagged}})
	if err != nil {
		return nil, err
	}
	var out []clouds.Resource
	for _, a := range list.Addresses {
		out = append(out, resource(kindAddress, sdk.ToString(a.AllocationId), region, tagMap(a.Tags)))
	}
	return out, nil
}

func interfaces(ctx context.Context, api *ec2.Client, region string, tagged types.Filter) ([]clouds.Resource, error) {
	var out []clouds.Resource
	pages := ec2.NewDescribeNetworkInterfacesPaginator(describeNetworkInterfaces(api.DescribeNetworkInterfaces), &ec2.DescribeNetworkInterfacesInput{Filters: []types.Filter{tagged}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, n := range page.NetworkInterfaces {
			out = append(out, resource(kindInterface, sdk.ToString(n.NetworkInterfaceId), region, tagMap(n.TagSet)))
		}
	}
	return out, nil
}

// ended are the states in which a spot request starts nothing any more.
var ended = []types.SpotInstanceState{types.SpotInstanceStateClosed, types.SpotInstanceStateCancelled, types.SpotInstanceStateFailed}

func spotRequests(ctx context.Context, api *ec2.Client, region string, tagged types.Filter) ([]clouds.Resource, error) {
	var out []clouds.Resource
	pages := ec2.NewDescribeSpotInstanceRequestsPaginator(describeSpotInstanceRequests(api.DescribeSpotInstanceRequests), &ec2.DescribeSpotInstanceRequestsInput{Filters: []types.Filter{tagged}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, s := range page.SpotInstanceRequests {
			if slices.Contains(ended, s.State) {
				continue
			}
			r := resource(kindSpotRequest, sdk.ToString(s.SpotInstanceRequestId), region, tagMap(s.Tags))
			r.CreatedAt = sdk.ToTime(s.CreateTime)
			out = append(out, r)
		}
	}
	return out, nil
}

// notFound are the codes by which a thing is gone:
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
func notFound(err error) bool {
	c := code(err)
	return strings.HasSuffix(c, ".NotFound") && strings.HasPrefix(c, "Invalid")
}
