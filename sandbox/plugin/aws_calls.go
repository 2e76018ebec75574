package plugin

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// ec2Call is one operation of EC2.
type ec2Call[In, Out any] = func(context.Context, *In, ...func(*ec2.Options)) (*Out, error)

// ssmCall is one of Systems Manager.
type ssmCall[In, Out any] = func(context.Context, *In, ...func(*ssm.Options)) (*Out, error)

// ec2Calls are the operations of EC2 that the stand-in uses. With the SDK's own
// client in a type that interfaces hold, the linker would keep all 700 of them,
// a sixth of the binary.
type ec2Calls struct {
	AuthorizeSecurityGroupEgress         ec2Call[ec2.AuthorizeSecurityGroupEgressInput, ec2.AuthorizeSecurityGroupEgressOutput]
	AuthorizeSecurityGroupIngress        ec2Call[ec2.AuthorizeSecurityGroupIngressInput, ec2.AuthorizeSecurityGroupIngressOutput]
	CancelSpotInstanceRequests           ec2Call[ec2.CancelSpotInstanceRequestsInput, ec2.CancelSpotInstanceRequestsOutput]
	CreateSecurityGroup                  ec2Call[ec2.CreateSecurityGroupInput, ec2.CreateSecurityGroupOutput]
	CreateTags                           ec2Call[ec2.CreateTagsInput, ec2.CreateTagsOutput]
	DeleteKeyPair                        ec2Call[ec2.DeleteKeyPairInput, ec2.DeleteKeyPairOutput]
	DeleteSecurityGroup                  ec2Call[ec2.DeleteSecurityGroupInput, ec2.DeleteSecurityGroupOutput]
	DeleteTags                           ec2Call[ec2.DeleteTagsInput, ec2.DeleteTagsOutput]
	DescribeImages                       ec2Call[ec2.DescribeImagesInput, ec2.DescribeImagesOutput]
	DescribeInstanceAttribute            ec2Call[ec2.DescribeInstanceAttributeInput, ec2.DescribeInstanceAttributeOutput]
	DescribeInstanceCreditSpecifications ec2Call[ec2.DescribeInstanceCreditSpecificationsInput, ec2.DescribeInstanceCreditSpecificationsOutput]
	DescribeInstanceTypes                ec2Call[ec2.DescribeInstanceTypesInput, ec2.DescribeInstanceTypesOutput]
	DescribeInstances                    ec2Call[ec2.DescribeInstancesInput, ec2.DescribeInstancesOutput]
	DescribeKeyPairs                     ec2Call[ec2.DescribeKeyPairsInput, ec2.DescribeKeyPairsOutput]
	DescribeSecurityGroupRules           ec2Call[ec2.DescribeSecurityGroupRulesInput, ec2.DescribeSecurityGroupRulesOutput]
	DescribeSecurityGroups               ec2Call[ec2.DescribeSecurityGroupsInput, ec2.DescribeSecurityGroupsOutput]
	DescribeSpotInstanceRequests         ec2Call[ec2.DescribeSpotInstanceRequestsInput, ec2.DescribeSpotInstanceRequestsOutput]
	DescribeVolumes                      ec2Call[ec2.DescribeVolumesInput, ec2.DescribeVolumesOutput]
	ImportKeyPair                        ec2Call[ec2.ImportKeyPairInput, ec2.ImportKeyPairOutput]
	ModifyInstanceAttribute              ec2Call[ec2.ModifyInstanceAttributeInput, ec2.ModifyInstanceAttributeOutput]
	ModifyInstanceCreditSpecification    ec2Call[ec2.ModifyInstanceCreditSpecificationInput, ec2.ModifyInstanceCreditSpecificationOutput]
	ModifyInstanceMetadataOptions        ec2Call[ec2.ModifyInstanceMetadataOptionsInput, ec2.ModifyInstanceMetadataOptionsOutput]
	ModifyNetworkInterfaceAttribute      ec2Call[ec2.ModifyNetworkInterfaceAttributeInput, ec2.ModifyNetworkInterfaceAttributeOutput]
	ModifySecurityGroupRules             ec2Call[ec2.ModifySecurityGroupRulesInput, ec2.ModifySecurityGroupRulesOutput]
	MonitorInstances                     ec2Call[ec2.MonitorInstancesInput, ec2.MonitorInstancesOutput]
	RevokeSecurityGroupEgress            ec2Call[ec2.RevokeSecurityGroupEgressInput, ec2.RevokeSecurityGroupEgressOutput]
	RevokeSecurityGroupIngress           ec2Call[ec2.RevokeSecurityGroupIngressInput, ec2.RevokeSecurityGroupIngressOutput]
	RunInstances                         ec2Call[ec2.RunInstancesInput, ec2.RunInstancesOutput]
	StartInstances                       ec2Call[ec2.StartInstancesInput, ec2.StartInstancesOutput]
	StopInstances                        ec2Call[ec2.StopInstancesInput, ec2.StopInstancesOutput]
	TerminateInstances                   ec2Call[ec2.TerminateInstancesInput, ec2.TerminateInstancesOutput]
	UnmonitorInstances                   ec2Call[ec2.UnmonitorInstancesInput, ec2.UnmonitorInstancesOutput]
}

func newEC2Calls(c *ec2.Client) ec2Calls {
	return ec2Calls{
		AuthorizeSecurityGroupEgress:         c.AuthorizeSecurityGroupEgress,
		AuthorizeSecurityGroupIngress:        c.AuthorizeSecurityGroupIngress,
		CancelSpotInstanceRequests:           c.CancelSpotInstanceRequests,
		CreateSecurityGroup:                  c.CreateSecurityGroup,
		CreateTags:                           c.CreateTags,
		DeleteKeyPair:                        c.DeleteKeyPair,
		DeleteSecurityGroup:                  c.DeleteSecurityGroup,
		DeleteTags:                           c.DeleteTags,
		DescribeImages:                       c.DescribeImages,
		DescribeInstanceAttribute:            c.DescribeInstanceAttribute,
		DescribeInstanceCreditSpecifications: c.DescribeInstanceCreditSpecifications,
		DescribeInstanceTypes:                c.DescribeInstanceTypes,
		DescribeInstances:                    c.DescribeInstances,
		DescribeKeyPairs:                     c.DescribeKeyPairs,
		DescribeSecurityGroupRules:           c.DescribeSecurityGroupRules,
		DescribeSecurityGroups:               c.DescribeSecurityGroups,
		DescribeSpotInstanceRequests:         c.DescribeSpotInstanceRequests,
		DescribeVolumes:                      c.DescribeVolumes,
		ImportKeyPair:                        c.ImportKeyPair,
		ModifyInstanceAttribute:              c.ModifyInstanceAttribute,
		ModifyInstanceCreditSpecification:    c.ModifyInstanceCreditSpecification,
		ModifyInstanceMetadataOptions:        c.ModifyInstanceMetadataOptions,
		ModifyNetworkInterfaceAttribute:      c.ModifyNetworkInterfaceAttribute,
		ModifySecurityGroupRules:             c.ModifySecurityGroupRules,
		MonitorInstances:                     c.MonitorInstances,
		RevokeSecurityGroupEgress:            c.RevokeSecurityGroupEgress,
		RevokeSecurityGroupIngress:           c.RevokeSecurityGroupIngress,
		RunInstances:                         c.RunInstances,
		StartInstances:                       c.StartInstances,
		StopInstances:                        c.StopInstances,
		TerminateInstances:                   c.TerminateInstances,
		UnmonitorInstances:                   c.UnmonitorInstances,
	}
}
