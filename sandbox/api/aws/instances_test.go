package aws

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"skysail/sandbox/world"
)

func TestInstanceLifeCycle(t *testing.T) {
	c := newCloud(t)
	sg := c.group("web")
	_, err := c.ImportKeyPair(t.Context(), &ec2.ImportKeyPairInput{KeyName: awssdk.String("k"), PublicKeyMaterial: []byte(publicKey(t, 1))})
	check(t, err)
	out, err := c.RunInstances(t.Context(), c.run(sg, func(in *ec2.RunInstancesInput) {
		in.MinCount, in.MaxCount, in.KeyName = awssdk.Int32(2), awssdk.Int32(2), awssdk.String("k")
		in.Placement = &types.Placement{AvailabilityZone: awssdk.String("us-east-1b")}
		in.MetadataOptions = &types.InstanceMetadataOptionsRequest{HttpTokens: "required", HttpPutResponseHopLimit: awssdk.Int32(1)}
		in.Monitoring = &types.RunInstancesMonitoringEnabled{Enabled: awssdk.Bool(true)}
		in.BlockDeviceMappings = []types.BlockDeviceMapping{
			{DeviceName: awssdk.String("/dev/sda1"), Ebs: &types.EbsBlockDevice{VolumeSize: awssdk.Int32(20), VolumeType: "gp3", Encrypted: awssdk.Bool(true)}},
			{DeviceName: awssdk.String("/dev/sdf"), Ebs: &types.EbsBlockDevice{VolumeSize: awssdk.Int32(50), VolumeType: "gp3", DeleteOnTermination: awssdk.Bool(false)}},
		}
	}))
	check(t, err)
	if len(out.Instances) != 2 || out.Instances[0].State.Name != "pending" || out.Instances[0].PublicIpAddress != nil {
		t.Fatalf("at first: %+v", out.Instances)
	}
	i := c.await(*out.Instances[1].InstanceId, "running")
	server := c.world.State().Server(provider, *i.InstanceId)
	got := []any{
		*i.PublicIpAddress, i.InstanceType, *i.KeyName, *i.Placement.AvailabilityZone, i.MetadataOptions.HttpTokens, *i.MetadataOptions.HttpPutResponseHopLimit,
		i.Monitoring.State, *i.SecurityGroups[0].GroupId, *i.AmiLaunchIndex, *i.Tags[0].Key + "=" + *i.Tags[0].Value, len(i.BlockDeviceMappings),
		*i.NetworkInterfaces[0].Association.PublicIp, *i.NetworkInterfaces[0].Groups[0].GroupId, i.InstanceLifecycle,
	}
	want := []any{
		server.Address, types.InstanceType("t3.micro"), "k", "us-east-1b", types.HttpTokensState("required"), int32(1),
		types.MonitoringState("enabled"), sg, int32(1), "skysail-deployment=d1", 2,
		server.Address, sg, types.InstanceLifecycleType(""),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("running (-want +got):\n%s", diff)
	}
	if server.UserData != "#cloud-config\n" || !server.HasTag("skysail-deployment:d1") || server.DiskGB != 20 {
		t.Errorf("server: %+v", server)
	}

	vols, err := c.DescribeVolumes(t.Context(), &ec2.DescribeVolumesInput{Filters: []types.Filter{{Name: awssdk.String("tag:skysail-deployment"), Values: []string{"d1"}}}})
	check(t, err)
	if len(vols.Volumes) != 4 || !*vols.Volumes[0].Encrypted || *vols.Volumes[0].Iops != 3000 || *vols.Volumes[1].Size != 50 {
		t.Errorf("volumes: %+v", vols.Volumes)
	}
	if price := c.world.State().Disks[1].PriceUSD; price < 0.0049 || price > 0.0051 {
		t.Errorf("50 GiB cost %g an hour", price)
	}

	_, err = c.DeleteSecurityGroup(t.Context(), &ec2.DeleteSecurityGroupInput{GroupId: &sg})
	wantError(t, err, "DependencyViolation", "has a dependent object")
	end, err := c.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{*out.Instances[0].InstanceId, *i.InstanceId}})
	check(t, err)
	if end.TerminatingInstances[0].CurrentState.Name != "shutting-down" || end.TerminatingInstances[1].PreviousState.Name != "running" {
		t.Errorf("terminating: %+v", end.TerminatingInstances)
	}
	dead := c.await(*i.InstanceId, "terminated")
	if dead.PublicIpAddress != nil || len(dead.SecurityGroups)+len(dead.BlockDeviceMappings) != 0 || *dead.StateReason.Code != "Client.UserInitiatedShutdown" {
		t.Errorf("terminated: %+v", dead)
	}
	c.await(*out.Instances[0].InstanceId, "terminated")
	again, err := c.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{*i.InstanceId}})
	check(t, err)
	if again.TerminatingInstances[0].PreviousState.Name != "terminated" {
		t.Errorf("again: %+v", again.TerminatingInstances)
	}
	// What was not to go with the instances stays and costs.
	left := c.world.State().Disks
	if len(left) != 2 || left[0].SizeGB != 50 || left[0].ServerID != "" {
		t.Errorf("volumes left: %+v", left)
	}
	for _, v := range left {
		_, err := c.DeleteVolume(t.Context(), &ec2.DeleteVolumeInput{VolumeId: &v.ID})
		check(t, err)
	}
	_, err = c.DeleteSecurityGroup(t.Context(), &ec2.DeleteSecurityGroupInput{GroupId: &sg})
	check(t, err)
	if st := c.world.State(); len(st.Servers)+len(st.Disks)+len(st.Firewalls) != 0 {
		t.Error("something is left")
	}
}

func TestTheDeadAreForgotten(t *testing.T) {
	var g graves
	now := time.Now()
	g.bury(&world.Server{Provider: provider, ID: "i-1", Region: region}, "x", now)
	st := &world.State{}
	if len(g.list(st, region, now)) != 1 || len(g.list(st, "eu-central-1", now)) != 0 {
		t.Error("listed in the wrong place")
	}
	if len(g.list(st, region, now.Add(2*graveTime))) != 0 || len(g.dead) != 0 {
		t.Error("listed for ever")
	}
}

func TestRegionsDoNotSeeEachOther(t *testing.T) {
	c := newCloud(t)
	sg := c.group("web")
	i := c.instance(sg)
	other := c.in("eu-central-1")
	_, err := other.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{*i.InstanceId}})
	wantError(t, err, "InvalidInstanceID.NotFound", "The instance ID '"+*i.InstanceId+"' does not exist")
	_, err = other.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{*i.InstanceId}})
	wantError(t, err, "InvalidInstanceID.NotFound", "does not exist")
	_, err = other.DeleteSecurityGroup(t.Context(), &ec2.DeleteSecurityGroupInput{GroupId: &sg})
	wantError(t, err, "InvalidGroup.NotFound", "does not exist")
	all, err := other.DescribeVolumes(t.Context(), nil)
	check(t, err)
	if len(all.Volumes) != 0 {
		t.Error("volumes of another region are listed")
	}
	_, err = other.RunInstances(t.Context(), c.run(sg))
	wantError(t, err, "InvalidAMIID.NotFound", "does not exist")
}

func TestRunIsRefused(t *testing.T) {
	c := newCloud(t)
	sg := c.group("web")
	for name, tc := range map[string]struct {
		change        func(*ec2.RunInstancesInput)
		code, message string
	}{
		"type":   {func(in *ec2.RunInstancesInput) { in.InstanceType = "t9.huge" }, "InvalidParameterValue", "Invalid value 't9.huge' for InstanceType."},
		"image":  {func(in *ec2.RunInstancesInput) { in.ImageId = awssdk.String("ami-0123456789abcdef0") }, "InvalidAMIID.NotFound", "The image id '[ami-0123456789abcdef0]' does not exist"},
		"arch":   {func(in *ec2.RunInstancesInput) { in.InstanceType = "m7g.large" }, "InvalidParameterValue", "does not match the architecture"},
		"key":    {func(in *ec2.RunInstancesInput) { in.KeyName = awssdk.String("ghost") }, "InvalidKeyPair.NotFound", "The key pair 'ghost' does not exist"},
		"group":  {func(in *ec2.RunInstancesInput) { in.SecurityGroupIds = []string{"sg-0123456789abcdef0"} }, "InvalidGroup.NotFound", "does not exist"},
		"groups": {func(in *ec2.RunInstancesInput) { in.SecurityGroupIds = nil }, "MissingParameter", "name the instance's groups"},
		"zone": {func(in *ec2.RunInstancesInput) {
			in.InstanceType, in.ImageId = "m7g.large", awssdk.String(ubuntu(region, "arm64"))
			in.Placement = &types.Placement{AvailabilityZone: awssdk.String("us-east-1a")}
		}, "Unsupported", "or choosing us-east-1b."},
		"disk": {func(in *ec2.RunInstancesInput) {
			in.BlockDeviceMappings = []types.BlockDeviceMapping{{DeviceName: awssdk.String("/dev/sda1"), Ebs: &types.EbsBlockDevice{VolumeSize: awssdk.Int32(4)}}}
		}, "InvalidBlockDeviceMapping", "expect size >= 8GB"},
		"data": {func(in *ec2.RunInstancesInput) {
			in.UserData = awssdk.String(base64.StdEncoding.EncodeToString(make([]byte, 16385)))
		}, "InvalidParameterValue", "User data is limited to 16384 bytes"},
		"bid": {func(in *ec2.RunInstancesInput) {
			in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{MarketType: "spot", SpotOptions: &types.SpotMarketOptions{MaxPrice: awssdk.String("0.001")}}
		}, "SpotMaxPriceTooLow", "Your Spot request price of 0.001 is lower"},
		"profile": {func(in *ec2.RunInstancesInput) {
			in.IamInstanceProfile = &types.IamInstanceProfileSpecification{Name: awssdk.String("x")}
		}, "UnsupportedOperation", "the skysail sandbox does not simulate IAM roles"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.RunInstances(t.Context(), c.run(sg, tc.change))
			wantError(t, err, tc.code, tc.message)
		})
	}
	if n := len(c.world.State().Servers) + len(c.world.State().Disks); n != 0 {
		t.Errorf("%d things were made", n)
	}
}

func TestRunIsIdempotent(t *testing.T) {
	c := newCloud(t)
	in := c.run(c.group("web"), func(in *ec2.RunInstancesInput) { in.ClientToken = awssdk.String("once") })
	first, err := c.RunInstances(t.Context(), in)
	check(t, err)
	second, err := c.RunInstances(t.Context(), in)
	check(t, err)
	if *first.Instances[0].InstanceId != *second.Instances[0].InstanceId || len(c.world.State().Servers) != 1 {
		t.Error("the same token made another instance")
	}
	in.EbsOptimized = awssdk.Bool(true)
	_, err = c.RunInstances(t.Context(), in)
	wantError(t, err, "IdempotentParameterMismatch", "inconsistent")
}

func TestPackedUserDataIsUnpacked(t *testing.T) {
	c := newCloud(t)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte("#cloud-config\npackages: []\n"))
	check(t, err)
	check(t, z.Close())
	packed := base64.StdEncoding.EncodeToString(b.Bytes())
	i := c.instance(c.group("web"), func(in *ec2.RunInstancesInput) { in.UserData = &packed })
	if got := c.world.State().Server(provider, *i.InstanceId).UserData; got != "#cloud-config\npackages: []\n" {
		t.Errorf("machine's user data %q", got)
	}
	out, err := c.DescribeInstanceAttribute(t.Context(), &ec2.DescribeInstanceAttributeInput{InstanceId: i.InstanceId, Attribute: "userData"})
	check(t, err)
	if *out.UserData.Value != packed {
		t.Error("the attribute is not what was given")
	}
}

func TestSpot(t *testing.T) {
	c := newCloud(t)
	i := c.instance(c.group("web"), func(in *ec2.RunInstancesInput) {
		in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{MarketType: "spot", SpotOptions: &types.SpotMarketOptions{SpotInstanceType: "one-time"}}
	})
	if i.InstanceLifecycle != "spot" || !strings.HasPrefix(*i.SpotInstanceRequestId, "sir-") {
		t.Errorf("%+v", i)
	}
	if s := c.world.State().Servers[0]; !s.Spot || s.PriceUSD != 0.0031 {
		t.Errorf("server: %+v", s)
	}
	_, err := c.StopInstances(t.Context(), &ec2.StopInstancesInput{InstanceIds: []string{*i.InstanceId}})
	wantError(t, err, "UnsupportedOperation", "one-time Spot Instance request")
}

func TestStopAndStart(t *testing.T) {
	c := newCloud(t)
	i := c.instance(c.group("web"))
	ids := []string{*i.InstanceId}
	_, err := c.ModifyInstanceAttribute(t.Context(), &ec2.ModifyInstanceAttributeInput{InstanceId: i.InstanceId, InstanceType: &types.AttributeValue{Value: awssdk.String("g6.xlarge")}})
	wantError(t, err, "IncorrectInstanceState", "is not in the 'stopped' state.")
	_, err = c.StopInstances(t.Context(), &ec2.StopInstancesInput{InstanceIds: ids})
	check(t, err)
	if off := c.await(ids[0], "stopped"); off.PublicIpAddress != nil {
		t.Error("a stopped instance has an address")
	}
	_, err = c.ModifyInstanceAttribute(t.Context(), &ec2.ModifyInstanceAttributeInput{InstanceId: i.InstanceId, InstanceType: &types.AttributeValue{Value: awssdk.String("g6.xlarge")}})
	check(t, err)
	_, err = c.StartInstances(t.Context(), &ec2.StartInstancesInput{InstanceIds: ids})
	check(t, err)
	if on := c.await(ids[0], "running"); on.InstanceType != "g6.xlarge" {
		t.Errorf("type %s", on.InstanceType)
	}
	_, err = c.ModifyInstanceAttribute(t.Context(), &ec2.ModifyInstanceAttributeInput{InstanceId: i.InstanceId, DisableApiTermination: &types.AttributeBooleanValue{Value: awssdk.Bool(true)}})
	check(t, err)
	_, err = c.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: ids})
	wantError(t, err, "OperationNotPermitted", "may not be terminated")
}

// TestPoweredOffByItself is the fuse: an instance whose system powers it off
// ends, when it was made to.
func TestPoweredOffByItself(t *testing.T) {
	c := newCloud(t)
	sg := c.group("web")
	fused := c.instance(sg, func(in *ec2.RunInstancesInput) { in.InstanceInitiatedShutdownBehavior = "terminate" })
	plain := c.instance(sg)
	c.machines.on.Range(func(dir, _ any) bool { c.machines.on.Delete(dir); return true })
	if i := c.await(*fused.InstanceId, "terminated"); *i.StateReason.Code != "Client.InstanceInitiatedShutdown" {
		t.Errorf("reason %+v", i.StateReason)
	}
	c.await(*plain.InstanceId, "stopped")
	still := slices.ContainsFunc(c.world.State().Servers, func(s *world.Server) bool { return s.ID == *fused.InstanceId })
	if still {
		t.Error("the instance is still there")
	}
}
