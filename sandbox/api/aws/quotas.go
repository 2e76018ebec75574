package aws

import (
	"context"
	"slices"
	"strings"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

// vcpuLimit is how many vCPUs of a bucket an account may have in a region. Of
// real accounts it is the other way round: the limit of vCPUs is what counts,
// and a new one has 5 to 64.
const vcpuLimit = api.ServerLimit * 24

// bucket are types that share a limit, with its codes; see
// https://docs.aws.amazon.com/general/latest/gr/ec2-service.html.
type bucket struct {
	demand, spot string
	name         string
	series       []string
}

var buckets = []bucket{
	{"L-1216C47A", "L-34B43A08", "Standard (A, C, D, H, I, M, R, T, Z)", []string{"a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"}},
	{"L-DB2E81BA", "L-3819A6DF", "G and VT", []string{"g", "gr", "vt"}},
	{"L-417A185B", "L-7212CCBC", "P", []string{"p"}},
}

func bucketOf(size string) *bucket {
	n := strings.IndexAny(size, "0123456789")
	for i := range buckets {
		if n >= 0 && slices.Contains(buckets[i].series, size[:n]) {
			return &buckets[i]
		}
	}
	return nil
}

func (s *server) serveQuotas(_ context.Context, c *call) (any, error) {
	if c.operation() != "GetServiceQuota" {
		return nil, unsimulated("the Service Quotas operation " + c.operation())
	}
	var in struct{ ServiceCode, QuotaCode string }
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	for _, b := range buckets {
		name := "Running On-Demand " + b.name + " instances"
		if in.QuotaCode == b.spot {
			name = "All " + b.name + " Spot Instance Requests"
		}
		if in.ServiceCode == "ec2" && (in.QuotaCode == b.demand || in.QuotaCode == b.spot) {
			return map[string]any{"Quota": map[string]any{
				"ServiceCode": "ec2", "ServiceName": "Amazon Elastic Compute Cloud (Amazon EC2)", "QuotaCode": in.QuotaCode, "QuotaName": name,
				"QuotaArn": "arn:aws:servicequotas:" + c.region + ":" + Account + ":ec2/" + in.QuotaCode,
				"Value":    vcpuLimit, "Unit": "None", "Adjustable": true, "GlobalQuota": false,
			}}, nil
		}
	}
	return nil, badRequest("NoSuchResourceException", "The request failed because the specified quota does not exist.")
}

// checkQuota holds a call against the limit of its bucket.
func (in *runRequest) checkQuota(st *world.State) error {
	b := bucketOf(in.size.Name)
	if b == nil {
		return nil
	}
	used := in.size.VCPU * in.count
	for _, i := range st.ServersOf(provider) {
		if i.Region == in.region && i.Spot == in.spot && i.Powered && !i.Deleting && bucketOf(i.Size) == b {
			used += i.VCPU
		}
	}
	if used <= vcpuLimit {
		return nil
	}
	if in.spot {
		return badRequest("MaxSpotInstanceCountExceeded", "Max spot instance count exceeded")
	}
	return badRequest("VcpuLimitExceeded", "You have requested more vCPU capacity than your current vCPU limit of %d allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.", vcpuLimit)
}
