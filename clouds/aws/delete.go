package aws

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"skysail/clouds"
	"skysail/internal/apiclient"
)

// errGone stands for the 404 that AWS does not give for what it still lists.
var errGone = &apiclient.Error{Status: http.StatusNotFound, Err: errors.New("gone")}

// Delete removes one thing that Find returned, and returns once AWS says that
// it is gone. A group or volume that is still in use is tried again until its
// instance has let go of it. What is gone already is no error.
func (c *Cloud) Delete(ctx context.Context, r clouds.Resource) error {
	steps, ok := removals[r.Kind]
	if !ok {
		return fmt.Errorf("skysail does not delete an AWS %s: delete %s in the console", r.Kind, r.ID)
	}
	if r.ID == "" || r.Region == "" {
		return fmt.Errorf("an AWS %s is deleted by its ID and region, which are %q and %q", r.Kind, r.ID, r.Region)
	}
	api, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer api.close()
	region := api.ec2(r.Region)
	removal := apiclient.Removal{
		Name: r.Kind + " " + r.ID + " in " + r.Region,
		Delete: func(ctx context.Context) error {
			return call(ctx, func(ctx context.Context) error { return steps.del(ctx, region, r.ID) })
		},
		Get: func(ctx context.Context) error {
			return call(ctx, func(ctx context.Context) error { return steps.get(ctx, region, r.ID) })
		},
		Gone:     func(err error) bool { return notFound(err) || errors.Is(err, errGone) },
		Pause:    c.pause,
		Patience: c.patience,
	}
	if err := removal.Run(ctx); err != nil {
		return api.explain(err)
	}
	return nil
}

// removals are the calls by kind: del starts a deletion, get fails once it is
// done.
var removals = map[string]struct {
	del, get func(ctx context.Context, api *ec2.Client, id string) error
}{
	kindInstance: {
		func(ctx context.Context, api *ec2.Client, id string) error {
			_, err := api.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
			return err
		},
		func(ctx context.Context, api *ec2.Client, id string) error {
			out, err := api.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
			if err != nil {
				return err
			}
			for _, r := range out.Reservations {
				for _, i := range r.Instances {
					if i.State == nil || i.State.Name != types.InstanceStateNameTerminated {
						return nil
					}
				}
			}
			return errGone
		},
	},
	kindVolume: {
		func(ctx context.Context, api *ec2.Client, id string) error {
			_, err := api.DeleteVolume(ctx, &ec2.DeleteVolumeInput{VolumeId: &id})
			return err
		},
		func(ctx context.Context, api *ec2.Client, id string) error {
			out, err := api.DescribeVolumes(ctx, &ec2.DescribeVolumesInput{VolumeIds: []string{id}})
			return left(err, func() int { return len(out.Volumes) })
		},
	},
	kindGroup: {
		func(ctx context.Context, api *ec2.Client, id string) error {
			_, err := api.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: &id})
			return err
		},
		func(ctx context.Context, api *ec2.Client, id string) error {
			out, err := api.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{id}})
			return left(err, func() int { return len(out.SecurityGroups) })
		},
	},
	kindKey: {
		func(ctx context.Context, api *ec2.Client, id string) error {
			_, err := api.DeleteKeyPair(ctx, &ec2.DeleteKeyPairInput{KeyPairId: &id})
			return err
		},
		func(ctx context.Context, api *ec2.Client, id string) error {
			out, err := api.DescribeKeyPairs(ctx, &ec2.DescribeKeyPairsInput{KeyPairIds: []string{id}})
			return left(err, func() int { return len(out.KeyPairs) })
		},
	},
	kindAddress: {
		func(ctx context.Context, api *ec2.Client, id string) error {
			_, err := api.ReleaseAddress(ctx, &ec2.ReleaseAddressInput{AllocationId: &id})
			return err
		},
		func(ctx context.Context, api *ec2.Client, id string) error {
			out, err := api.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{AllocationIds: []string{id}})
			return left(err, func() int { return len(out.Addresses) })
		},
	},
	kindInterface: {
		func(ctx context.Context, api *ec2.Client, id string) error {
			_, err := api.DeleteNetworkInterface(ctx, &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: &id})
			return err
		},
		func(ctx context.Context, api *ec2.Client, id string) error {
			out, err := api.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{id}})
			return left(err, func() int { return len(out.NetworkInterfaces) })
		},
	},
	kindSpotRequest: {
		func(ctx context.Context, api *ec2.Client, id string) error {
			_, err := api.CancelSpotInstanceRequests(ctx, &ec2.CancelSpotInstanceRequestsInput{SpotInstanceRequestIds: []string{id}})
			return err
		},
		func(ctx context.Context, api *ec2.Client, id string) error {
			out, err := api.DescribeSpotInstanceRequests(ctx, &ec2.DescribeSpotInstanceRequestsInput{SpotInstanceRequestIds: []string{id}})
			return left(err, func() int {
				return len(slices.DeleteFunc(out.SpotInstanceRequests, func(s types.SpotInstanceRequest) bool { return slices.Contains(ended, s.State) }))
			})
		},
	},
}

// left says whether something is still listed: nil if so.
func left(err error, count func() int) error {
	if err == nil && count() == 0 {
		return errGone
	}
	return err
}
