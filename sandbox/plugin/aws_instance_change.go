package plugin

import (
	"context"
	"encoding/base64"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"skysail/internal/tfplugin"
)

func modifyInstance(ctx context.Context, client *awsCloud, d *tfplugin.Data, in *ec2.ModifyInstanceAttributeInput) error {
	in.InstanceId = awssdk.String(d.ID())
	_, err := client.ModifyInstanceAttribute(ctx, in)
	return err
}

func updateAWSInstance(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
	for _, change := range []func(context.Context, *awsCloud, *tfplugin.Data) error{
		changeInstanceTags, changeInstanceGroups, changeStopped, changeFlags, changeMonitoring, changeCredits, changeMetadata,
	} {
		if err := change(ctx, client, d); err != nil {
			return worded(err, "updating EC2 Instance (%s)", d.ID())
		}
	}
	return readAWSInstance(ctx, client, d)
}

func changeInstanceTags(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
	if err := changeTags(ctx, client, d, d.ID()); err != nil {
		return err
	}
	if !d.Changed("volume_tags") {
		return nil
	}
	i, err := findInstance(ctx, client, d.ID())
	if err != nil {
		return err
	}
	for _, m := range i.BlockDeviceMappings {
		if err := retagAWS(ctx, client, *m.Ebs.VolumeId, d.Prior.StringMap("volume_tags"), d.StringMap("volume_tags")); err != nil {
			return err
		}
	}
	return nil
}

func changeInstanceGroups(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
	if !d.Changed("vpc_security_group_ids") {
		return nil
	}
	_, err := client.ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{
		NetworkInterfaceId: awssdk.String(d.Prior.String("primary_network_interface_id")), Groups: d.Strings("vpc_security_group_ids"),
	})
	return err
}

// changeStopped makes the changes for which an instance has to be stopped.
func changeStopped(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
	var changes []*ec2.ModifyInstanceAttributeInput
	if d.Changed("instance_type") {
		changes = append(changes, &ec2.ModifyInstanceAttributeInput{InstanceType: &types.AttributeValue{Value: text(d.Object, "instance_type")}})
	}
	if d.Changed("user_data") || d.Changed("user_data_base64") {
		raw := []byte(d.String("user_data"))
		if coded := d.String("user_data_base64"); d.Changed("user_data_base64") && coded != "" {
			var err error
			if raw, err = base64.StdEncoding.DecodeString(coded); err != nil {
				return err
			}
		}
		changes = append(changes, &ec2.ModifyInstanceAttributeInput{UserData: &types.SecureBlobAttributeValue{Value: raw}})
	}
	if len(changes) == 0 {
		return nil
	}
	ids, timeout := []string{d.ID()}, d.Timeout("update", awsInstanceUpdateTimeout)
	if _, err := client.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: ids}); err != nil {
		return worded(err, "stopping EC2 Instance (%s)", d.ID())
	}
	if err := waitForInstance(ctx, client, d.ID(), "stopped", []string{"pending", "running", "stopping"}, timeout); err != nil {
		return worded(err, "waiting for EC2 Instance (%s) stop", d.ID())
	}
	for _, in := range changes {
		if err := modifyInstance(ctx, client, d, in); err != nil {
			return err
		}
	}
	if _, err := client.StartInstances(ctx, &ec2.StartInstancesInput{InstanceIds: ids}); err != nil {
		return worded(err, "starting EC2 Instance (%s)", d.ID())
	}
	if err := waitForInstance(ctx, client, d.ID(), "running", []string{"pending", "stopped"}, timeout); err != nil {
		return worded(err, "waiting for EC2 Instance (%s) start", d.ID())
	}
	return nil
}

func changeFlags(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
	for name, in := range map[string]*ec2.ModifyInstanceAttributeInput{
		"disable_api_stop":        {DisableApiStop: boolValue(d.Bool("disable_api_stop"))},
		"disable_api_termination": {DisableApiTermination: boolValue(d.Bool("disable_api_termination"))},
		"source_dest_check":       {SourceDestCheck: boolValue(d.Bool("source_dest_check"))},
		"instance_initiated_shutdown_behavior": {
			InstanceInitiatedShutdownBehavior: &types.AttributeValue{Value: text(d.Object, "instance_initiated_shutdown_behavior")},
		},
	} {
		if d.Changed(name) {
			if err := modifyInstance(ctx, client, d, in); err != nil {
				return err
			}
		}
	}
	return nil
}

func changeMonitoring(ctx context.Context, client *awsCloud, d *tfplugin.Data) (err error) {
	ids := []string{d.ID()}
	switch {
	case !d.Changed("monitoring"):
	case d.Bool("monitoring"):
		_, err = client.MonitorInstances(ctx, &ec2.MonitorInstancesInput{InstanceIds: ids})
	default:
		_, err = client.UnmonitorInstances(ctx, &ec2.UnmonitorInstancesInput{InstanceIds: ids})
	}
	return err
}

func changeCredits(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
	c := credits(d.Object)
	if !d.Changed("credit_specification") || c == nil {
		return nil
	}
	_, err := client.ModifyInstanceCreditSpecification(ctx, &ec2.ModifyInstanceCreditSpecificationInput{
		InstanceCreditSpecifications: []types.InstanceCreditSpecificationRequest{{InstanceId: awssdk.String(d.ID()), CpuCredits: c.CpuCredits}},
	})
	return err
}

func changeMetadata(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
	m := metadataRequest(d.Object)
	if !d.Changed("metadata_options") || m == nil {
		return nil
	}
	_, err := client.ModifyInstanceMetadataOptions(ctx, &ec2.ModifyInstanceMetadataOptionsInput{
		InstanceId: awssdk.String(d.ID()), HttpEndpoint: m.HttpEndpoint, HttpTokens: m.HttpTokens, HttpPutResponseHopLimit: m.HttpPutResponseHopLimit,
		InstanceMetadataTags: m.InstanceMetadataTags, HttpProtocolIpv6: m.HttpProtocolIpv6,
	})
	return err
}
