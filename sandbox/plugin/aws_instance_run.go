package plugin

import (
	"context"
	"encoding/base64"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"skysail/internal/tfplugin"
)

// text and number are nil for what is not set, so that it is left out.

func text(o tfplugin.Object, name string) *string {
	if v := o.String(name); v != "" {
		return &v
	}
	return nil
}

func number(o tfplugin.Object, name string) *int32 {
	if v := o.Int(name); v != 0 {
		n := int32(v) //nolint:gosec // sizes and counts
		return &n
	}
	return nil
}

func flag(o tfplugin.Object, name string) *bool {
	if o.IsSet(name) && o.IsKnown(name) {
		v := o.Bool(name)
		return &v
	}
	return nil
}

// runRequest asks for the one instance of a resource.
func runRequest(d *tfplugin.Data) *ec2.RunInstancesInput {
	in := &ec2.RunInstancesInput{
		ImageId: text(d.Object, "ami"), InstanceType: types.InstanceType(d.String("instance_type")),
		MinCount: awssdk.Int32(1), MaxCount: awssdk.Int32(1), KeyName: text(d.Object, "key_name"),
		DisableApiStop: flag(d.Object, "disable_api_stop"), DisableApiTermination: flag(d.Object, "disable_api_termination"),
		EbsOptimized: flag(d.Object, "ebs_optimized"), UserData: userData(d),
		InstanceInitiatedShutdownBehavior: types.ShutdownBehavior(d.String("instance_initiated_shutdown_behavior")),
		BlockDeviceMappings:               blockDevices(d), CreditSpecification: credits(d.Object), MetadataOptions: metadataRequest(d.Object),
		InstanceMarketOptions: marketRequest(d.Object),
		TagSpecifications: append(
			tagSpecification(types.ResourceTypeInstance, d.StringMap("tags")),
			tagSpecification(types.ResourceTypeVolume, d.StringMap("volume_tags"))...,
		),
	}
	if on := flag(d.Object, "monitoring"); on != nil {
		in.Monitoring = &types.RunInstancesMonitoringEnabled{Enabled: on}
	}
	if zone := text(d.Object, "availability_zone"); zone != nil {
		in.Placement = &types.Placement{AvailabilityZone: zone}
	}
	groups, subnet := d.Strings("vpc_security_group_ids"), text(d.Object, "subnet_id")
	if public := flag(d.Object, "associate_public_ip_address"); public != nil {
		in.NetworkInterfaces = []types.InstanceNetworkInterfaceSpecification{{
			DeviceIndex: awssdk.Int32(0), AssociatePublicIpAddress: public, Groups: groups, SubnetId: subnet,
		}}
		return in
	}
	in.SecurityGroupIds, in.SubnetId = groups, subnet
	return in
}

func userData(d *tfplugin.Data) *string {
	if plain := d.String("user_data"); plain != "" {
		coded := base64.StdEncoding.EncodeToString([]byte(plain))
		return &coded
	}
	return text(d.Object, "user_data_base64")
}

func blockDevices(d *tfplugin.Data) []types.BlockDeviceMapping {
	var out []types.BlockDeviceMapping
	one := func(device *string, b tfplugin.Object) types.BlockDeviceMapping {
		on := !b.IsSet("delete_on_termination") || b.Bool("delete_on_termination")
		return types.BlockDeviceMapping{DeviceName: device, Ebs: &types.EbsBlockDevice{
			DeleteOnTermination: &on, Encrypted: flag(b, "encrypted"), Iops: number(b, "iops"), KmsKeyId: text(b, "kms_key_id"),
			SnapshotId: text(b, "snapshot_id"), Throughput: number(b, "throughput"), VolumeSize: number(b, "volume_size"),
			VolumeType: types.VolumeType(b.String("volume_type")),
		}}
	}
	for _, b := range d.Objects("ebs_block_device") {
		out = append(out, one(text(b, "device_name"), b))
	}
	for _, b := range d.Objects("root_block_device") {
		out = append(out, one(awssdk.String(rootDevice), b))
	}
	return out
}

// rootDevice stands for the image's root device until the image is known.
const rootDevice = ""

// nameRoot asks for the image's root device, as the real provider does: a
// mapping goes by the name that the image has.
func nameRoot(ctx context.Context, client *awsCloud, in *ec2.RunInstancesInput) error {
	for i := range in.BlockDeviceMappings {
		m := &in.BlockDeviceMappings[i]
		if awssdk.ToString(m.DeviceName) != rootDevice {
			continue
		}
		out, err := client.DescribeImages(ctx, &ec2.DescribeImagesInput{ImageIds: []string{awssdk.ToString(in.ImageId)}})
		if err != nil {
			return err
		}
		if len(out.Images) == 0 {
			return errCouldNotFind
		}
		m.DeviceName = out.Images[0].RootDeviceName
	}
	return nil
}

func credits(o tfplugin.Object) *types.CreditSpecificationRequest {
	for _, b := range o.Objects("credit_specification") {
		if v := text(b, "cpu_credits"); v != nil {
			return &types.CreditSpecificationRequest{CpuCredits: v}
		}
	}
	return nil
}

func metadataRequest(o tfplugin.Object) *types.InstanceMetadataOptionsRequest {
	blocks := o.Objects("metadata_options")
	if len(blocks) == 0 {
		return nil
	}
	b := blocks[0]
	out := &types.InstanceMetadataOptionsRequest{HttpEndpoint: types.InstanceMetadataEndpointState(or(b.String("http_endpoint"), "enabled"))}
	if out.HttpEndpoint == types.InstanceMetadataEndpointStateEnabled {
		out.HttpProtocolIpv6 = types.InstanceMetadataProtocolState(b.String("http_protocol_ipv6"))
		out.HttpTokens = types.HttpTokensState(b.String("http_tokens"))
		out.HttpPutResponseHopLimit = number(b, "http_put_response_hop_limit")
		out.InstanceMetadataTags = types.InstanceMetadataTagsState(b.String("instance_metadata_tags"))
	}
	return out
}

func marketRequest(o tfplugin.Object) *types.InstanceMarketOptionsRequest {
	blocks := o.Objects("instance_market_options")
	if len(blocks) == 0 {
		return nil
	}
	out := &types.InstanceMarketOptionsRequest{MarketType: types.MarketType(blocks[0].String("market_type"))}
	for _, s := range blocks[0].Objects("spot_options") {
		out.SpotOptions = &types.SpotMarketOptions{
			InstanceInterruptionBehavior: types.InstanceInterruptionBehavior(s.String("instance_interruption_behavior")),
			SpotInstanceType:             types.SpotInstanceType(s.String("spot_instance_type")), MaxPrice: text(s, "max_price"),
		}
	}
	return out
}

// tagBlockDevices gives volumes the tags of their blocks. It comes after the
// create, as in the real provider.
func tagBlockDevices(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
	instance, err := findInstance(ctx, client, d.ID())
	if err != nil {
		return err
	}
	volumes := map[string]string{}
	for _, m := range instance.BlockDeviceMappings {
		volumes[awssdk.ToString(m.DeviceName)] = awssdk.ToString(m.Ebs.VolumeId)
	}
	tag := func(device string, b tfplugin.Object) error {
		if tags := b.StringMap("tags"); len(tags) > 0 && volumes[device] != "" {
			return retagAWS(ctx, client, volumes[device], nil, tags)
		}
		return nil
	}
	for _, b := range d.Objects("root_block_device") {
		if err := tag(awssdk.ToString(instance.RootDeviceName), b); err != nil {
			return err
		}
	}
	for _, b := range d.Objects("ebs_block_device") {
		if err := tag(b.String("device_name"), b); err != nil {
			return err
		}
	}
	return nil
}
