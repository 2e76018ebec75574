package plugin

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"skysail/internal/tfplugin"
)

// The real provider's defaults for the timeouts block.
const (
	awsInstanceCreateTimeout = 10 * time.Minute
	awsInstanceUpdateTimeout = 10 * time.Minute
	awsInstanceDeleteTimeout = 20 * time.Minute
)

// awsMaxUserData is what AWS takes, before base64.
const awsMaxUserData = 16 << 10

func awsInstanceResource() *tfplugin.Resource[*awsCloud] {
	const (
		oneInterface = "A simulated instance has one network interface, made with it."
		noPlacement  = "The simulated AWS has no placement groups, dedicated hosts or Outposts."
		noIPv6       = "The simulated AWS has no IPv6 addresses."
		asDefault    = "A simulated instance has the default."
	)
	return &tfplugin.Resource[*awsCloud]{
		ForceNew: []string{
			"ami", "associate_public_ip_address", "availability_zone", "ebs_optimized", "key_name", "subnet_id",
			"ebs_block_device", "instance_market_options", "root_block_device",
		},
		Computed: []string{
			"capacity_reservation_specification", "cpu_options", "credit_specification", "ebs_block_device", "enclave_options",
			"instance_market_options", "maintenance_options", "metadata_options", "primary_network_interface",
			"private_dns_name_options", "root_block_device",
		},
		Defaults: map[string]any{
			"get_password_data": false, "source_dest_check": true, "user_data_replace_on_change": false, "force_destroy": false,
			"root_block_device.delete_on_termination": true, "ebs_block_device.delete_on_termination": true,
			"metadata_options.http_protocol_ipv6": "disabled",
		},
		Refused: map[string]string{
			"capacity_reservation_specification": asDefault,
			"cpu_options":                        asDefault,
			"enclave_options":                    asDefault,
			"enable_primary_ipv6":                noIPv6,
			"ephemeral_block_device":             "Instance store is not simulated.",
			"force_destroy":                      "Leave disable_api_termination out instead.",
			"get_password_data":                  "It is for Windows.",
			"hibernation":                        "A simulated instance does not hibernate.",
			"host_id":                            noPlacement,
			"host_resource_group_arn":            noPlacement,
			"iam_instance_profile":               "The simulated AWS has no IAM roles.",
			"id":                                 "The API chooses the ID.",
			"ipv6_address_count":                 noIPv6,
			"ipv6_addresses":                     noIPv6,
			"launch_template":                    "The simulated AWS has no launch templates.",
			"maintenance_options":                asDefault,
			"network_interface":                  oneInterface,
			"placement_group":                    noPlacement,
			"placement_group_id":                 noPlacement,
			"placement_partition_number":         noPlacement,
			"primary_network_interface":          oneInterface,
			"private_dns_name_options":           asDefault,
			"private_ip":                         "The API chooses the address.",
			"region":                             awsOneRegion,
			"secondary_private_ips":              oneInterface,
			"security_groups":                    "It is for EC2-Classic; use vpc_security_group_ids.",
			"tenancy":                            noPlacement,
		},
		Validate: validateAWSInstance,
		Plan:     planAWSInstance,
		Create:   createAWSInstance,
		Read:     readAWSInstance,
		Update:   updateAWSInstance,
		Delete:   deleteAWSInstance,
	}
}

func validateAWSInstance(c tfplugin.Object) error {
	var problems []error
	problem := func(attribute, format string, args ...any) {
		problems = append(problems, &tfplugin.Problem{Summary: fmt.Sprintf(format, args...), Attribute: attribute})
	}
	for _, name := range []string{"ami", "instance_type"} {
		if !c.IsSet(name) {
			problem(name, "one of `%s,launch_template` must be specified", name)
		}
	}
	if c.IsSet("user_data") && c.IsSet("user_data_base64") {
		problem("user_data", `"user_data": conflicts with user_data_base64`)
	}
	if len(c.String("user_data")) > awsMaxUserData {
		problem("user_data", "expected length of user_data to be in the range (0 - %d)", awsMaxUserData)
	}
	if _, err := base64.StdEncoding.DecodeString(c.String("user_data_base64")); err != nil {
		problem("user_data_base64", `"user_data_base64" must be base64-encoded`)
	}
	if c.IsSet("associate_public_ip_address") && c.IsKnown("associate_public_ip_address") && !c.Bool("associate_public_ip_address") {
		problem("associate_public_ip_address", "associate_public_ip_address of aws_instance is not served here: a simulated instance always has a public address")
	}
	blocks := append(c.Objects("root_block_device"), c.Objects("ebs_block_device")...)
	for _, b := range blocks {
		if b.IsSet("tags") && c.IsSet("volume_tags") {
			problem("volume_tags", `"volume_tags": conflicts with the tags of a block device`)
		}
	}
	return errors.Join(problems...)
}

func planAWSInstance(p *tfplugin.Plan) error {
	if err := planTags(p); err != nil || p.Creates() {
		return err
	}
	changed := func(name string) bool { return !p.Value(name).RawEquals(p.Prior.Value(name)) }
	data := changed("user_data") || changed("user_data_base64")
	for _, name := range []string{"user_data", "user_data_base64"} {
		if changed(name) && p.Bool("user_data_replace_on_change") {
			p.Replace(name)
		}
	}
	// A stop and a start give another address.
	if !p.Replaces() && (data || changed("instance_type")) {
		p.SetUnknown("public_ip")
		p.SetUnknown("public_dns")
	}
	return nil
}

func createAWSInstance(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
	post, cancel := tfplugin.Grace(ctx, createGrace)
	defer cancel()
	in := runRequest(d)
	if err := nameRoot(post, client, in); err != nil {
		return worded(err, "collecting instance settings: reading EC2 AMI (%s)", d.String("ami"))
	}
	out, err := client.RunInstances(post, in)
	if err != nil {
		return worded(err, "creating EC2 Instance")
	}
	d.SetID(*out.Instances[0].InstanceId)
	if err := waitForInstance(ctx, client, d.ID(), "running", []string{"pending"}, d.Timeout("create", awsInstanceCreateTimeout)); err != nil {
		return worded(err, "waiting for EC2 Instance (%s) create", d.ID())
	}
	if err := tagBlockDevices(ctx, client, d); err != nil {
		return worded(err, "creating EC2 Instance (%s)", d.ID())
	}
	if d.IsSet("source_dest_check") && !d.Bool("source_dest_check") {
		if err := modifyInstance(ctx, client, d, &ec2.ModifyInstanceAttributeInput{SourceDestCheck: boolValue(false)}); err != nil {
			return worded(err, "modifying EC2 Instance (%s) SourceDestCheck", d.ID())
		}
	}
	return readAWSInstance(ctx, client, d)
}

func boolValue(v bool) *types.AttributeBooleanValue { return &types.AttributeBooleanValue{Value: &v} }

// findInstance returns errNotFound for one that is terminated, too.
func findInstance(ctx context.Context, client *awsCloud, id string) (*types.Instance, error) {
	out, err := client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	if awsMissing(err, "InvalidInstanceID.NotFound") {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			return &i, nil
		}
	}
	return nil, errNotFound
}

func waitForInstance(ctx context.Context, client *awsCloud, id, target string, pending []string, timeout time.Duration) error {
	return waitFor(ctx, target, pending, timeout, func(ctx context.Context) (string, error) {
		i, err := findInstance(ctx, client, id)
		if errors.Is(err, errNotFound) && target == "terminated" {
			return target, nil
		}
		if err != nil {
			return "", err
		}
		if r := i.StateReason; r != nil && target == "running" {
			return string(i.State.Name), fmt.Errorf("unexpected state '%s', wanted target 'running'. last error: %s", i.State.Name, awssdk.ToString(r.Message))
		}
		return string(i.State.Name), nil
	})
}

func deleteAWSInstance(ctx context.Context, client *awsCloud, d *tfplugin.Data) error {
	id := d.ID()
	// As the real provider: protection is lifted, and terminating is tried
	// whatever came of that.
	lift := []*ec2.ModifyInstanceAttributeInput{{DisableApiTermination: boolValue(false)}}
	if d.Bool("disable_api_stop") {
		lift = append(lift, &ec2.ModifyInstanceAttributeInput{DisableApiStop: boolValue(false)})
	}
	for _, in := range lift {
		if err := modifyInstance(ctx, client, d, in); err != nil && ctx.Err() != nil {
			return worded(err, "terminating EC2 Instance (%s)", id)
		}
	}
	if request := text(d.Object, "spot_instance_request_id"); request != nil {
		_, err := client.CancelSpotInstanceRequests(ctx, &ec2.CancelSpotInstanceRequestsInput{SpotInstanceRequestIds: []string{*request}})
		if err != nil && !awsMissing(err, "InvalidSpotInstanceRequestID.NotFound") {
			return worded(err, "cancelling EC2 Spot Instance Request (%s)", *request)
		}
	}
	_, err := client.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
	if awsMissing(err, "InvalidInstanceID.NotFound") {
		return nil
	}
	if err != nil {
		return worded(err, "terminating EC2 Instance (%s)", id)
	}
	pending := []string{"pending", "running", "shutting-down", "stopping", "stopped"}
	if err := waitForInstance(ctx, client, id, "terminated", pending, d.Timeout("delete", awsInstanceDeleteTimeout)); err != nil {
		return worded(err, "waiting for EC2 Instance (%s) delete", id)
	}
	return nil
}
