package aws

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"skysail/sandbox/world"
)

func TestRefusals(t *testing.T) {
	for _, tc := range []struct {
		kind, code, message string
		status              int
	}{
		{world.Capacity, "InsufficientInstanceCapacity", "We currently do not have sufficient t3.micro capacity in the Availability Zone you requested (us-east-1a).", 500},
		{world.Quota, "VcpuLimitExceeded", "You have requested more vCPU capacity than your current vCPU limit of 1 allows", 400},
		{world.NotEnabled, "OptInRequired", "You are not subscribed to this service.", 401},
		{world.Invalid, "InvalidParameterValue", "Invalid value 't3.micro' for InstanceType.", 400},
		{world.RateLimit, "RequestLimitExceeded", "Request limit exceeded.", 503},
	} {
		t.Run(tc.kind, func(t *testing.T) {
			c := newCloud(t)
			sg := c.group("web")
			c.fault(world.Fault{Kind: tc.kind, Times: 1, Region: region})
			// The SDK repeats 500 and 503: all its tries are one attempt.
			_, err := c.retrying().RunInstances(t.Context(), c.run(sg))
			wantError(t, err, tc.code, tc.message)
			var re *awshttp.ResponseError
			if !errors.As(err, &re) || re.HTTPStatusCode() != tc.status {
				t.Errorf("err = %v, want status %d", err, tc.status)
			}
			if n := len(c.world.State().Servers) + len(c.world.State().Disks); n != 0 {
				t.Errorf("%d things were made", n)
			}
			_, err = c.retrying().RunInstances(t.Context(), c.run(sg))
			check(t, err)
		})
	}
}

func TestSpotHasAQuotaOfItsOwn(t *testing.T) {
	c := newCloud(t)
	sg := c.group("web")
	c.fault(world.Fault{Kind: world.Quota})
	_, err := c.RunInstances(t.Context(), c.run(sg, func(in *ec2.RunInstancesInput) {
		in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{MarketType: "spot"}
	}))
	wantError(t, err, "MaxSpotInstanceCountExceeded", "Max spot instance count exceeded")
}

func TestSlow(t *testing.T) {
	c := newCloud(t)
	sg := c.group("web")
	c.fault(world.Fault{Kind: world.Slow, Times: 1})
	out, err := c.RunInstances(t.Context(), c.run(sg))
	check(t, err)
	c.instance(sg)
	if i := c.describe(*out.Instances[0].InstanceId); i.State.Name != "pending" {
		t.Errorf("the slow instance is %s", i.State.Name)
	}
}

// TestHalfMade uses the SDK as the Terraform provider does: with retries, and
// a token that makes them one request.
func TestHalfMade(t *testing.T) {
	c := newCloud(t)
	sg := c.group("web")
	c.fault(world.Fault{Kind: world.HalfMade, Times: 1})
	_, err := c.retrying().RunInstances(t.Context(), c.run(sg))
	wantError(t, err, "InternalError", "An internal error has occurred")
	var re *awshttp.ResponseError
	if !errors.As(err, &re) || re.HTTPStatusCode() != http.StatusInternalServerError {
		t.Errorf("err = %v", err)
	}
	left, err := c.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{Filters: []types.Filter{{Name: awssdk.String("tag:skysail-deployment"), Values: []string{"d1"}}}})
	check(t, err)
	if len(left.Reservations) != 1 || len(left.Reservations[0].Instances) != 1 {
		t.Fatalf("left: %+v", left.Reservations)
	}
	id := *left.Reservations[0].Instances[0].InstanceId
	_, err = c.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
	check(t, err)
	c.await(id, "terminated")
	_, err = c.retrying().RunInstances(t.Context(), c.run(sg))
	check(t, err)
}

func TestHang(t *testing.T) {
	c := newCloud(t)
	sg := c.group("web")
	c.fault(world.Fault{Kind: world.Hang, Times: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := c.RunInstances(ctx, c.run(sg))
	if err == nil || ctx.Err() == nil {
		t.Errorf("err = %v, want no answer", err)
	}
	if n := len(c.world.State().Servers); n != 1 {
		t.Errorf("%d instances, want the one that nobody was told of", n)
	}
	_, err = c.RunInstances(t.Context(), c.run(sg))
	check(t, err)
}
