package aws

import (
	"testing"

	"skysail/clouds"
	"skysail/clouds/faults"
)

// run is how the provider wraps what EC2 says to RunInstances.
func run(status, said string) string {
	return "creating EC2 Instance: operation error EC2: RunInstances, https response error StatusCode: " + status +
		", RequestID: f5620d69-168d-41c0-ac2b-070fa64e0707, api error " + said
}

func TestFaults(t *testing.T) {
	table := New(clouds.MapEnv(nil)).Faults()
	for _, c := range []struct {
		text string
		want faults.Class
	}{
		{run("500", "InsufficientInstanceCapacity: We currently do not have sufficient m6i.xlarge capacity in the Availability Zone you requested (us-east-2a). Our system will be working on provisioning additional capacity. You can currently get m6i.xlarge capacity by not specifying an Availability Zone in your request or choosing us-east-2b, us-east-2c."), faults.Capacity},
		{"creating EC2 Instance: operation error EC2: RunInstances, exceeded maximum number of attempts, 2, https response error StatusCode: 500, RequestID: 1, api error InsufficientInstanceCapacity: We currently do not have sufficient g5.xlarge capacity", faults.Capacity},
		{run("400", "Unsupported: Your requested instance type (t3.micro) is not supported in your requested Availability Zone (us-east-1e). Please retry your request by not specifying an Availability Zone or choosing us-east-1a, us-east-1b, us-east-1c, us-east-1d, us-east-1f."), faults.Capacity},
		{run("400", "Unsupported: The requested configuration is currently not supported. Please check the documentation for supported configurations."), faults.Capacity},
		{run("400", "SpotMaxPriceTooLow: Your Spot request price of 0.01 is lower than the minimum required Spot request fulfillment price of 0.0354."), faults.Capacity},
		{run("400", "InsufficientFreeAddressesInSubnet: There are not enough free addresses in subnet 'subnet-1' to satisfy the requested number of instances."), faults.Capacity},
		{"waiting for EC2 Instance (i-0abc) create: unexpected state 'shutting-down', wanted target 'running'. last error: Server.InsufficientInstanceCapacity: Insufficient capacity to satisfy instance request", faults.Capacity},
		{"waiting for EC2 Instance (i-0abc) create: unexpected state 'terminated', wanted target 'running'. last error: Server.SpotInstanceTermination: Spot instance termination", faults.Capacity},
		{"reading SSM Parameter (/aws/service/deeplearning/ami/arm64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id): couldn't find resource", faults.Capacity},
		{run("400", "VcpuLimitExceeded: You have requested more vCPU capacity than your current vCPU limit of 32 allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit."), faults.Quota},
		{run("400", "InstanceLimitExceeded: Your quota allows for 0 more running instance(s). You requested at least 1"), faults.Quota},
		{run("400", "MaxSpotInstanceCountExceeded: Max spot instance count exceeded"), faults.Quota},
		{"creating EC2 EIP: operation error EC2: AllocateAddress, https response error StatusCode: 400, RequestID: 1, api error AddressLimitExceeded: The maximum number of addresses has been reached.", faults.Quota},
		{"waiting for EC2 Instance (i-0abc) create: unexpected state 'shutting-down', wanted target 'running'. last error: Client.VolumeLimitExceeded: Volume limit exceeded", faults.Quota},
		{"creating Security Group (skysail-d4k2m9x7qpb1): operation error EC2: CreateSecurityGroup, https response error StatusCode: 400, RequestID: 1, api error VPCIdNotSpecified: No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.", faults.NotEnabled},
		{run("400", "MissingInput: No subnets found for the default VPC 'vpc-a14210c9'. Please specify a subnet."), faults.NotEnabled},
		{run("400", "PendingVerification: Your request for accessing resources in this region is being validated, and you will not be able to launch additional resources in this region until the validation is complete."), faults.NotEnabled},
		{run("400", "Blocked: This account is currently blocked and not recognized as a valid account. Please contact aws-verification@amazon.com if you have questions."), faults.NotEnabled},
		{run("401", "OptInRequired: You are not subscribed to this service. Please go to http://aws.amazon.com to subscribe."), faults.NotEnabled},
		{"Resource postcondition failed: AWS reports the instance as running, but gave it no public IPv4 address: the region's default VPC has no public default subnet in this zone.", faults.NotEnabled},
		{run("403", "UnauthorizedOperation: You are not authorized to perform this operation. User: arn:aws:iam::123456789012:user/x is not authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:us-east-1:123456789012:instance/* because no identity-based policy allows the ec2:RunInstances action."), faults.Auth},
		{"importing EC2 Key Pair (skysail-d4k2m9x7qpb1): operation error EC2: ImportKeyPair, https response error StatusCode: 401, RequestID: 1, api error AuthFailure: AWS was not able to validate the provided access credentials", faults.Auth},
		{"Retrieving AWS account details: validating provider credentials: retrieving caller identity from STS: operation error STS: GetCallerIdentity, https response error StatusCode: 403, RequestID: 1, api error InvalidClientTokenId: The security token included in the request is invalid.", faults.Auth},
		{"validating provider credentials: retrieving caller identity from STS: operation error STS: GetCallerIdentity, https response error StatusCode: 403, RequestID: 1, api error ExpiredToken: The security token included in the request is expired", faults.Auth},
		{"No valid credential sources found: Please see https://registry.terraform.io/providers/hashicorp/aws for more information about providing credentials.", faults.Auth},
		{"reading SSM Parameter (/aws/service/x): operation error SSM: GetParameter, https response error StatusCode: 400, RequestID: 1, api error AccessDeniedException: User is not authorized to perform: ssm:GetParameter", faults.Auth},
		{run("503", "RequestLimitExceeded: Request limit exceeded."), faults.Transient},
		{run("500", "InternalError: An internal error has occurred"), faults.Transient},
		{run("503", "Unavailable: The service is unavailable. Please try again shortly."), faults.Transient},
		{run("400", "InvalidGroup.NotFound: The security group 'sg-0abc' does not exist"), faults.Transient},
		{"importing EC2 Key Pair (skysail-d4k2m9x7qpb1): operation error EC2: ImportKeyPair, https response error StatusCode: 400, RequestID: 1, api error InvalidKeyPair.Duplicate: The keypair already exists", faults.Transient},
		{"deleting Security Group (sg-0abc): operation error EC2: DeleteSecurityGroup, https response error StatusCode: 400, RequestID: 1, api error DependencyViolation: resource sg-0abc has a dependent object", faults.Transient},
		{"operation error EC2: RunInstances, failed to get rate limit token, retry quota exceeded, 4 available, 5 requested", faults.Transient},
		{run("400", "InvalidAMIID.NotFound: The image id '[ami-0123456789abcdef0]' does not exist"), faults.Invalid},
		{run("400", "InvalidParameterValue: Invalid value 'm9x.large' for InstanceType."), faults.Invalid},
		{run("400", "InvalidParameterCombination: The architecture 'arm64' of the specified instance type does not match the architecture 'x86_64' of the specified AMI."), faults.Invalid},
		{"reading SSM Parameter (/aws/service/x): operation error SSM: GetParameter, https response error StatusCode: 400, RequestID: 1, ParameterNotFound: ", faults.Capacity},
		// From the common rules.
		{"waiting for EC2 Instance (i-0abc) create: timeout while waiting for state to become 'running' (last state: 'pending', timeout: 10m0s)", faults.Timeout},
		{`operation error EC2: RunInstances, https response error StatusCode: 0, RequestID: , request send failed, Post "https://ec2.us-east-1.amazonaws.com/": dial tcp: lookup ec2.us-east-1.amazonaws.com: no such host`, faults.Transient},
		{"Error acquiring the state lock", faults.Busy},
		{"Unsupported argument: An argument named \"plans\" is not expected here.", faults.Invalid},
		// Unknown stays unknown.
		{run("400", "SomethingThatNobodyHasSeenYet: no"), faults.Unknown},
		{run("400", "UnsupportedOperation: no"), faults.Unknown},
		{"waiting for EC2 Instance (i-0abc) create: unexpected state 'terminated', wanted target 'running'. last error: Client.UserInitiatedShutdown: User initiated shutdown", faults.Unknown},
	} {
		if got := table.Classify(c.text); got != c.want {
			t.Errorf("%s\n  is %s, want %s", c.text, got, c.want)
		}
	}
	for _, r := range table {
		if r.Source == "" {
			t.Errorf("rule %s names no source", r.Pattern)
		}
	}
}
