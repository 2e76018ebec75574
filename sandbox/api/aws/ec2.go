package aws

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

type ec2Action func(ctx context.Context, c *call) (x, error)

func (s *server) ec2Actions() map[string]ec2Action {
	return map[string]ec2Action{
		"ImportKeyPair":    s.importKeyPair,
		"DescribeKeyPairs": s.describeKeyPairs,
		"DeleteKeyPair":    s.deleteKeyPair,

		"DescribeRegions":           s.describeRegions,
		"DescribeAvailabilityZones": s.describeZones,
		"DescribeVpcs":              s.describeVpcs,
		"DescribeSubnets":           s.describeSubnets,
		"DescribeAccountAttributes": s.describeAccountAttributes,
		"DescribeImages":            s.describeImages,

		"DescribeInstanceTypes":         s.describeInstanceTypes,
		"DescribeInstanceTypeOfferings": s.describeInstanceTypeOfferings,
		"DescribeSpotPriceHistory":      s.describeSpotPriceHistory,

		"CreateSecurityGroup":           s.createGroup,
		"DescribeSecurityGroups":        s.describeGroups,
		"DeleteSecurityGroup":           s.deleteGroup,
		"AuthorizeSecurityGroupIngress": s.authorize(false),
		"AuthorizeSecurityGroupEgress":  s.authorize(true),
		"RevokeSecurityGroupIngress":    s.revoke(false),
		"RevokeSecurityGroupEgress":     s.revoke(true),
		"DescribeSecurityGroupRules":    s.describeRules,
		"ModifySecurityGroupRules":      s.modifyRules,
		"DescribeNetworkInterfaces":     s.describeNetworkInterfaces,

		"RunInstances":       s.runInstances,
		"DescribeInstances":  s.describeInstances,
		"TerminateInstances": s.terminateInstances,
		"StopInstances":      s.stopInstances,
		"StartInstances":     s.startInstances,
		"RebootInstances":    s.rebootInstances,

		"DescribeInstanceStatus":               s.describeInstanceStatus,
		"DescribeInstanceAttribute":            s.describeInstanceAttribute,
		"DescribeInstanceCreditSpecifications": s.describeCredits,
		"ModifyInstanceAttribute":              s.modifyInstanceAttribute,
		"ModifyInstanceCreditSpecification":    s.modifyCredits,
		"ModifyInstanceMetadataOptions":        s.modifyMetadataOptions,
		"ModifyNetworkInterfaceAttribute":      s.modifyNetworkInterface,
		"MonitorInstances":                     s.monitorInstances(true),
		"UnmonitorInstances":                   s.monitorInstances(false),

		"DescribeSpotInstanceRequests": s.describeSpotRequests,
		"CancelSpotInstanceRequests":   s.cancelSpotRequests,

		"DescribeVolumes": s.describeVolumes,
		"DeleteVolume":    s.deleteVolume,

		"CreateTags":   s.createTags,
		"DeleteTags":   s.deleteTags,
		"DescribeTags": s.describeTags,
	}
}

func (s *server) serveEC2(ctx context.Context, c *call) (any, error) {
	name := c.params.get("Action")
	act, ok := s.ec2[name]
	if !ok {
		return nil, unsimulated("the EC2 action " + name)
	}
	if c.params.bool("DryRun") {
		return nil, &apiError{http.StatusPreconditionFailed, "DryRunOperation", "Request would have succeeded, but DryRun flag is set."}
	}
	if err := s.endPoweredOff(); err != nil {
		return nil, err
	}
	return act(ctx, c)
}

// refusal is how EC2 words what a fault refuses. A stockout is answered 500
// and too many requests 503, which SDKs repeat.
func refusal(f *api.Refused, in *runRequest) *apiError {
	switch f.Kind {
	case world.Worded:
		return worded(f.Words)
	case world.Auth:
		return ec2Failure
	case world.Capacity:
		return errCapacity(in.size.Name, in.zone)
	case world.Quota:
		if in.spot {
			return badRequest("MaxSpotInstanceCountExceeded", "Max spot instance count exceeded")
		}
		return badRequest("VcpuLimitExceeded", "You have requested more vCPU capacity than your current vCPU limit of %d allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.", max(0, in.size.VCPU*in.count-1))
	case world.NotEnabled:
		return &apiError{http.StatusUnauthorized, "OptInRequired", "You are not subscribed to this service. Please go to http://aws.amazon.com to subscribe."}
	case world.Invalid:
		return invalidValue("Invalid value '%s' for InstanceType.", in.size.Name)
	case world.RateLimit:
		return &apiError{http.StatusServiceUnavailable, "RequestLimitExceeded", "Request limit exceeded."}
	}
	return &apiError{http.StatusInternalServerError, "InternalError", "An internal error has occurred"}
}

func errCapacity(size, zone string) *apiError {
	return &apiError{
		http.StatusInternalServerError, "InsufficientInstanceCapacity",
		fmt.Sprintf("We currently do not have sufficient %s capacity in the Availability Zone you requested (%s). Our system will be working on provisioning additional capacity.", size, zone),
	}
}

// newID makes an ID as EC2's are: a word and 17 hexadecimal digits.
func newID(kind string) string {
	return kind + "-" + strings.ReplaceAll(world.NewUUID(), "-", "")[:17]
}

// fixedID makes the ID of what is there without having been made: the same
// for the same name in every world.
func fixedID(kind string, name ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(name, "/")))
	return kind + "-" + hex.EncodeToString(sum[:])[:17]
}

func vpcID(region string) string { return fixedID("vpc", region) }

func subnetID(zone string) string { return fixedID("subnet", zone) }

// zones are those of a region: where the sizes say nothing, three.
func zones(sizes []api.Size, region string) []string {
	var out []string
	for _, z := range sizes {
		out = append(out, z.Zones[region]...)
	}
	slices.Sort(out)
	if out = slices.Compact(out); len(out) > 0 {
		return out
	}
	return []string{region + "a", region + "b", region + "c"}
}

// zonesOf are the zones of a region that have a size.
func zonesOf(z *api.Size, region string, all []string) []string {
	switch {
	case !z.In(region):
		return nil
	case len(z.Zones[region]) > 0:
		return z.Zones[region]
	}
	return all
}
