package aws

import (
	"strings"
	"sync"

	"skysail/clouds/faults"
)

// Sources of the rules. Codes without one of their own are in AWS's list.
const (
	srcCodes     = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html"
	srcCommon    = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonErrors.html"
	srcCapacity  = "https://github.com/hashicorp/terraform-provider-aws/issues/15183"
	srcZone      = "https://github.com/ned1313/Getting-Started-Terraform/issues/44; https://github.com/hashicorp/terraform-provider-aws/issues/9113"
	srcVCPU      = "https://github.com/bentoml/bentoctl/issues/202; https://github.com/aws/amazon-cloudwatch-agent-test/pull/256"
	srcInstances = "https://github.com/hashicorp/terraform/issues/1891"
	srcToken     = "https://github.com/hashicorp/terraform-provider-aws/issues/27618" //nolint:gosec // a page, no token
	srcSTS       = "https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html"
	srcProvider  = "terraform-provider-aws internal/conns/config.go and aws-sdk-go-base awsauth.go"
	srcVerify    = "https://github.com/skyplane-project/skyplane/issues/799; https://github.com/aws/amazon-sagemaker-examples/issues/1858"
	srcOptIn     = "https://github.com/awslabs/aws-deployment-framework/issues/283"
	srcVPC       = "https://github.com/bentoml/aws-ec2-deploy/issues/31"
	srcSubnet    = "https://github.com/terraform-aws-modules/terraform-aws-ec2-instance/issues/50"
	srcState     = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html; terraform-provider-aws internal/service/ec2/wait.go"
	srcSSM       = "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html#API_GetParameter_Errors; terraform-provider-aws internal/service/ssm/parameter_data_source.go"
	srcSDK       = "aws-sdk-go-v2 aws/retry/middleware.go and aws/ratelimit/tokenratelimit.go"
)

// codes is the pattern of refusals: the SDK writes `api error CODE: …`, or
// `RequestID: …, CODE: …` where it knows the code, and an instance that died
// while it started has `last error: Server.CODE: …`.
func codes(names ...string) string {
	return `(?:api error |RequestID: [^,]*, |last error: (?:(?:Server|Client)\.)?)(?:` + strings.Join(names, "|") + `):`
}

// Faults classifies what Terraform prints when AWS refuses, by the code that
// AWS gives.
func (c *Cloud) Faults() faults.Table { return table() }

var table = sync.OnceValue(func() faults.Table {
	return append(faults.Table{
		faults.NewRule(faults.Quota, codes("VcpuLimitExceeded"), srcVCPU),
		faults.NewRule(faults.Quota, codes("InstanceLimitExceeded"), srcInstances),
		faults.NewRule(faults.Quota, codes("MaxSpotInstanceCountExceeded", "AddressLimitExceeded", "VpcLimitExceeded", "VolumeLimitExceeded",
			"MaxIOPSLimitExceeded", "MaxStorageLimitExceeded", "SecurityGroupLimitExceeded", "SecurityGroupsPerInstanceLimitExceeded",
			"RulesPerSecurityGroupLimitExceeded", "NetworkInterfaceLimitExceeded", "KeyPairLimitExceeded", "ResourceLimitExceeded"), srcCodes),

		faults.NewRule(faults.Capacity, codes("InsufficientInstanceCapacity", "InsufficientCapacity", "InsufficientHostCapacity", "InsufficientVolumeCapacity", "InsufficientAddressCapacity",
			"InsufficientCapacityOnHost", "InsufficientReservedInstanceCapacity", "InsufficientFreeAddressesInSubnet"), srcCapacity+"; "+srcCodes),
		faults.NewRule(faults.Capacity, codes("Unsupported"), srcZone),
		// The image's parameter is not published in this region.
		faults.NewRule(faults.Capacity, `reading SSM Parameter \(/aws/service/.*(?:couldn't find resource|ParameterNotFound)`, srcSSM),
		faults.NewRule(faults.Capacity, codes("SpotMaxPriceTooLow"), srcCodes),
		faults.NewRule(faults.Capacity, codes("SpotInstanceTermination", "SpotInstanceShutdown"), srcState),

		faults.NewRule(faults.NotEnabled, codes("OptInRequired"), srcOptIn),
		faults.NewRule(faults.NotEnabled, codes("PendingVerification", "Blocked"), srcVerify),
		faults.NewRule(faults.NotEnabled, codes("VPCIdNotSpecified", "DefaultVpcDoesNotExist", "VPCResourceNotSpecified"), srcVPC),
		faults.NewRule(faults.NotEnabled, codes("MissingInput")+`.*(?:No subnets found for the default VPC|subnet)`, srcSubnet),
		faults.NewRule(faults.NotEnabled, codes("InvalidInput")+`.*No default subnet`, srcSubnet),
		faults.NewRule(faults.NotEnabled, `default VPC has no public default subnet`, "modules/aws/main.tf"),

		faults.NewRule(faults.Auth, codes("UnauthorizedOperation", "AuthFailure", "InvalidClientTokenId", "AccessDenied", "AccessDeniedException", "SignatureDoesNotMatch",
			"UnrecognizedClientException", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "IncompleteSignature", "InvalidAccessKeyId", "NotAuthorized"), srcToken+"; "+srcCommon),
		faults.NewRule(faults.Auth, codes("ExpiredToken", "ExpiredTokenException", "RequestExpired"), srcSTS),
		faults.NewRule(faults.Auth, `No valid credential sources found|failed to refresh cached credentials|failed to get shared config profile|no EC2 IMDS role found|Retrieving AWS account details`, srcProvider),

		faults.NewRule(faults.Transient, codes("RequestLimitExceeded", "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "InternalError", "InternalFailure", "InternalServerError",
			"ServiceUnavailable", "Unavailable", "RequestTimeout", "IdempotentInstanceTerminated"), srcCommon),
		// What this attempt made itself is not known everywhere yet, or was
		// made by a call whose answer was lost: it goes with the attempt.
		faults.NewRule(faults.Transient, codes(`InvalidGroup\.NotFound`, `InvalidGroupId\.NotFound`, `InvalidKeyPair\.NotFound`, `InvalidInstanceID\.NotFound`, `InvalidSecurityGroupRuleId\.NotFound`,
			`InvalidGroup\.Duplicate`, `InvalidKeyPair\.Duplicate`, `InvalidPermission\.Duplicate`, "IncorrectInstanceState", "DependencyViolation"), srcCodes),
		faults.NewRule(faults.Transient, `failed to get rate limit token`, srcSDK),

		faults.NewRule(faults.Invalid, codes(`InvalidAMIID\.\w+`), srcCodes),
		faults.NewRule(faults.Invalid, codes("InvalidParameterValue", "InvalidParameterCombination", "InvalidParameter", "InvalidBlockDeviceMapping", "MissingParameter", "ValidationError", "ValidationException",
			`InvalidKey\.Format`, `InvalidPermission\.Malformed`, `InvalidUserID\.Malformed`, "MalformedQueryString", "UnknownParameter"), srcCodes+"; "+srcCommon),
	}, faults.Common()...)
})
