package plugin

import (
	"context"
	"encoding/base64"
	"errors"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"skysail/internal/tfplugin"
)

func readAWSInstance(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
	i, err := findInstance(ctx, client, d.ID())
	if errors.Is(err, errNotFound) || (err == nil && i.State.Name == types.InstanceStateNameTerminated) {
		d.Gone()
		return nil
	}
	if err != nil {
		return worded(err, "reading EC2 Instance (%s)", d.ID())
	}
	setInstance(client, d, i)
	for _, read := range []func(context.Context, *awsCloud, *tfplugin.Data, *types.Instance) error{
		readType, readAttributes, readVolumes, readMarket,
	} {
		if err := read(ctx, client, d, i); err != nil {
			return worded(err, "reading EC2 Instance (%s)", d.ID())
		}
	}
	return nil
}

// block is a nested block's content. What is not in it is null.
type block = map[string]any

// setBlock sets a nested block of which there is one, or none.
func setBlock(d *tfplugin.Data, name string, content block) {
	if content == nil {
		d.SetBlocks(name)
		return
	}
	d.SetBlocks(name, content)
}

func setInstance(client *awsCloud, d *tfplugin.Data, i *types.Instance) {
	for name, v := range map[string]any{
		"ami": i.ImageId, "instance_type": string(i.InstanceType), "key_name": i.KeyName, "instance_state": string(i.State.Name),
		"instance_lifecycle": string(i.InstanceLifecycle), "spot_instance_request_id": i.SpotInstanceRequestId,
		"availability_zone": i.Placement.AvailabilityZone, "tenancy": string(i.Placement.Tenancy), "placement_group": "", "placement_group_id": "",
		"host_id": "", "host_resource_group_arn": "", "placement_partition_number": 0, "iam_instance_profile": "", "outpost_arn": "",
		"public_ip": awssdk.ToString(i.PublicIpAddress), "public_dns": awssdk.ToString(i.PublicDnsName),
		"private_ip": awssdk.ToString(i.PrivateIpAddress), "private_dns": awssdk.ToString(i.PrivateDnsName),
		"ebs_optimized": i.EbsOptimized, "source_dest_check": i.SourceDestCheck, "password_data": "", "region": client.region,
		"ipv6_address_count": 0, "ipv6_addresses": []string{}, "enable_primary_ipv6": nil, "secondary_private_ips": []string{}, "security_groups": []string{},
		"arn":        client.arn("instance/" + d.ID()),
		"monitoring": i.Monitoring.State == types.MonitoringStateEnabled || i.Monitoring.State == types.MonitoringStatePending,
	} {
		if v != nil {
			d.Set(name, v)
		}
	}
	groups := []string{}
	for _, g := range i.SecurityGroups {
		groups = append(groups, *g.GroupId)
	}
	d.Set("vpc_security_group_ids", groups)
	for _, n := range i.NetworkInterfaces {
		d.Set("subnet_id", n.SubnetId)
		d.Set("primary_network_interface_id", n.NetworkInterfaceId)
		d.Set("associate_public_ip_address", n.Association != nil)
		setBlock(d, "primary_network_interface", block{"network_interface_id": n.NetworkInterfaceId, "delete_on_termination": n.Attachment.DeleteOnTermination})
	}
	setTags(d, i.Tags)
	setOptions(d, i)
}

// setOptions sets the blocks that the API always answers.
func setOptions(d *tfplugin.Data, i *types.Instance) {
	if o := i.CpuOptions; o != nil {
		setBlock(d, "cpu_options", block{"core_count": o.CoreCount, "threads_per_core": o.ThreadsPerCore, "amd_sev_snp": string(o.AmdSevSnp)})
	}
	if o := i.EnclaveOptions; o != nil {
		setBlock(d, "enclave_options", block{"enabled": o.Enabled})
	}
	if o := i.MaintenanceOptions; o != nil {
		setBlock(d, "maintenance_options", block{"auto_recovery": string(o.AutoRecovery)})
	}
	if o := i.MetadataOptions; o != nil {
		setBlock(d, "metadata_options", block{
			"http_endpoint": string(o.HttpEndpoint), "http_protocol_ipv6": string(o.HttpProtocolIpv6), "http_tokens": string(o.HttpTokens),
			"http_put_response_hop_limit": o.HttpPutResponseHopLimit, "instance_metadata_tags": string(o.InstanceMetadataTags),
		})
	}
	if o := i.PrivateDnsNameOptions; o != nil {
		setBlock(d, "private_dns_name_options", block{
			"enable_resource_name_dns_a_record":    o.EnableResourceNameDnsARecord,
			"enable_resource_name_dns_aaaa_record": o.EnableResourceNameDnsAAAARecord, "hostname_type": string(o.HostnameType),
		})
	}
	if o := i.CapacityReservationSpecification; o != nil {
		setBlock(d, "capacity_reservation_specification", block{"capacity_reservation_preference": string(o.CapacityReservationPreference)})
	}
}

// readType asks for the type, and for its credits if it has some.
func readType(ctx context.Context, client *awsCloud, d *tfplugin.Data, i *types.Instance) error {
	out, err := client.DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{i.InstanceType}})
	if err != nil {
		return err
	}
	if len(out.InstanceTypes) == 0 || !awssdk.ToBool(out.InstanceTypes[0].BurstablePerformanceSupported) {
		setBlock(d, "credit_specification", nil)
		return nil
	}
	credits, err := client.DescribeInstanceCreditSpecifications(ctx, &ec2.DescribeInstanceCreditSpecificationsInput{InstanceIds: []string{d.ID()}})
	if err != nil {
		return err
	}
	for _, c := range credits.InstanceCreditSpecifications {
		setBlock(d, "credit_specification", block{"cpu_credits": c.CpuCredits})
	}
	return nil
}

func readAttributes(ctx context.Context, client *awsCloud, d *tfplugin.Data, _ *types.Instance) error {
	id := d.ID()
	attribute := func(name types.InstanceAttributeName) (*ec2.DescribeInstanceAttributeOutput, error) {
		return client.DescribeInstanceAttribute(ctx, &ec2.DescribeInstanceAttributeInput{InstanceId: &id, Attribute: name})
	}
	shutdown, err := attribute(types.InstanceAttributeNameInstanceInitiatedShutdownBehavior)
	if err != nil {
		return err
	}
	stop, err := attribute(types.InstanceAttributeNameDisableApiStop)
	if err != nil {
		return err
	}
	terminate, err := attribute(types.InstanceAttributeNameDisableApiTermination)
	if err != nil {
		return err
	}
	data, err := attribute(types.InstanceAttributeNameUserData)
	if err != nil {
		return err
	}
	d.Set("instance_initiated_shutdown_behavior", shutdown.InstanceInitiatedShutdownBehavior.Value)
	d.Set("disable_api_stop", stop.DisableApiStop.Value)
	d.Set("disable_api_termination", terminate.DisableApiTermination.Value)
	if data.UserData == nil || data.UserData.Value == nil {
		return nil
	}
	if d.String("user_data_base64") != "" {
		d.Set("user_data_base64", data.UserData.Value)
		return nil
	}
	plain, err := base64.StdEncoding.DecodeString(*data.UserData.Value)
	if err != nil {
		return err
	}
	d.Set("user_data", string(plain))
	return nil
}

func readVolumes(ctx context.Context, client *awsCloud, d *tfplugin.Data, i *types.Instance) error {
	out, err := client.DescribeVolumes(ctx, &ec2.DescribeVolumesInput{
		Filters: []types.Filter{{Name: awssdk.String("attachment.instance-id"), Values: []string{d.ID()}}},
	})
	if err != nil {
		return err
	}
	tagged := d.IsSet("volume_tags")
	var root block
	others := []block{}
	for _, v := range out.Volumes {
		if len(v.Attachments) == 0 {
			continue
		}
		b := block{
			"delete_on_termination": v.Attachments[0].DeleteOnTermination, "device_name": v.Attachments[0].Device, "encrypted": v.Encrypted,
			"iops": v.Iops, "kms_key_id": awssdk.ToString(v.KmsKeyId), "throughput": v.Throughput, "volume_id": v.VolumeId, "volume_size": v.Size,
			"volume_type": string(v.VolumeType),
		}
		switch tags := tagMap(v.Tags); {
		case tagged:
			d.Set("volume_tags", tags)
		default:
			b["tags"], b["tags_all"] = tags, tags
		}
		if awssdk.ToString(v.Attachments[0].Device) == awssdk.ToString(i.RootDeviceName) {
			root = b
			continue
		}
		b["snapshot_id"] = awssdk.ToString(v.SnapshotId)
		others = append(others, b)
	}
	setBlock(d, "root_block_device", root)
	d.SetBlocks("ebs_block_device", others...)
	return nil
}

func readMarket(ctx context.Context, client *awsCloud, d *tfplugin.Data, i *types.Instance) error {
	if i.InstanceLifecycle != types.InstanceLifecycleTypeSpot || i.SpotInstanceRequestId == nil {
		setBlock(d, "instance_market_options", nil)
		return nil
	}
	out, err := client.DescribeSpotInstanceRequests(ctx, &ec2.DescribeSpotInstanceRequestsInput{SpotInstanceRequestIds: []string{*i.SpotInstanceRequestId}})
	if err != nil {
		return err
	}
	for _, r := range out.SpotInstanceRequests {
		setBlock(d, "instance_market_options", block{"market_type": "spot", "spot_options": []block{{
			"instance_interruption_behavior": string(r.InstanceInterruptionBehavior), "spot_instance_type": string(r.Type),
			"max_price": awssdk.ToString(r.SpotPrice),
		}}})
	}
	return nil
}
