package gcp

import (
	"sync"

	"skysail/clouds/faults"
)

// Sources of the rules.
const (
	srcOperation = "terraform-provider-google google/services/compute/compute_operation.go: the operation's message, then metric name, limit name …, never its code"
	srcTransport = "terraform-provider-google google/transport/config.go"
	srcRetry     = "terraform-provider-google google/transport/error_retry_predicates.go"
	srcField     = "terraform-provider-google google/tpgresource/utils.go"
	srcSDK       = "google-api-go-client googleapi/googleapi.go: `googleapi: Error CODE: message, reason`"
	srcErrors    = "https://docs.cloud.google.com/compute/docs/troubleshooting/troubleshooting-vm-creation"
	srcStockout  = "https://github.com/GoogleCloudPlatform/compute-image-tools/issues/1960"
	srcDetails   = "https://github.com/kubernetes/k8s.io/issues/9834"
	srcType      = "https://github.com/gruntwork-io/terratest/issues/1132"
	srcGPU       = "https://github.com/fastai/course-v3/pull/430"
	srcQuota     = "https://github.com/hashicorp/terraform-provider-google/issues/20573"
	srcGlobal    = "https://github.com/fastai/course-v3/pull/165"
	srcRate      = "https://github.com/hashicorp/terraform-provider-google/issues/8360"
	srcDisabled  = "https://github.com/hashicorp/terraform/issues/29006"
	srcConsumer  = "https://github.com/terraform-google-modules/terraform-example-foundation/issues/353"
	srcBilling   = "https://docs.cloud.google.com/billing/docs/how-to/modify-project: a project whose billing is off"
	srcForbidden = "https://github.com/hashicorp/terraform/issues/15952"
	srcPolicy    = "https://github.com/fortinet/fortigate-terraform-deploy/issues/34"
	srcGrant     = "https://github.com/hashicorp/terraform/issues/24736"
	srcExpired   = "https://github.com/hashicorp/terraform-provider-google/issues/8521"
	srcReference = "https://docs.cloud.google.com/compute/docs/reference/rest/v1/errors"
)

// Faults classifies what Terraform prints when Google Cloud refuses. What is
// refused at once comes as `googleapi: Error CODE: message, reason`; what
// fails later is the operation's message without its code, so that the words
// decide.
func (c *Cloud) Faults() faults.Table { return table() }

var table = sync.OnceValue(func() faults.Table {
	return append(faults.Table{
		// Calls a minute: before the limits of the project, which have like words.
		faults.NewRule(faults.Transient, `rateLimitExceeded|Quota exceeded for quota (?:group|metric) .* and limit .* per (?:user per )?(?:\d+ seconds|minute)`, srcRate+"; "+srcRetry),

		faults.NewRule(faults.NotEnabled, `accessNotConfigured|SERVICE_DISABLED|has not been used in project .* before or it is disabled`, srcDisabled+"; "+srcConsumer),
		faults.NewRule(faults.NotEnabled, `requires billing to be enabled|BILLING_DISABLED|billing account for the owning project is disabled|billing to be enabled on project`, srcBilling),
		// The network is part of the project, and some have taken it away.
		faults.NewRule(faults.NotEnabled, `global/networks/default' was not found`, srcReference),

		faults.NewRule(faults.Capacity, `does not have enough resources available to fulfill the request`, srcStockout+"; "+srcErrors),
		faults.NewRule(faults.Capacity, `is currently unavailable in the \S+ zone|ZONE_RESOURCE_POOL_EXHAUSTED`, srcDetails),
		// The type or GPU is sold, and not in this zone.
		faults.NewRule(faults.Capacity, `Machine type with name '[^']*' does not exist in zone`, srcType),
		faults.NewRule(faults.Capacity, `/acceleratorTypes/\S+ was not found`, srcGPU),

		faults.NewRule(faults.Quota, `Quota '?[\w.-]+'? exceeded`, srcQuota+"; "+srcGlobal),
		faults.NewRule(faults.Quota, `metric name = |, quotaExceeded\b|QUOTA_EXCEEDED`, srcOperation),

		faults.NewRule(faults.Auth, `Required '[\w.]+' permission for|The caller does not have permission|Permission '[\w.]+' denied`, srcForbidden),
		faults.NewRule(faults.Auth, `Constraint constraints/\S+ violated`, srcPolicy),
		faults.NewRule(faults.Auth, `invalid_grant|invalid_client|oauth2: cannot fetch token: 40[0-3]|oauth2: "(?:invalid|unauthorized)_`, srcGrant),
		faults.NewRule(faults.Auth, `invalid authentication credentials|Invalid Credentials, authError`, srcExpired),
		faults.NewRule(faults.Auth, `Attempted to load application default credentials|could not find default credentials|JSON credentials are not valid`, srcTransport),
		faults.NewRule(faults.Auth, `project: required field is not set`, srcField),
		faults.NewRule(faults.Auth, `googleapi: (?:got HTTP response code|Error) 40[13]\b`, srcSDK),

		// A create of ours that was answered with an error and worked.
		faults.NewRule(faults.Transient, `googleapi: Error 409: .*(?:alreadyExists|operationInProgress|resourceInUse)|already exists, alreadyExists`, srcRetry),
		faults.NewRule(faults.Transient, `resourceNotReady|RESOURCE_NOT_READY|is not ready\b`, srcOperation+"; "+srcRetry),
		faults.NewRule(faults.Transient, `googleapi: (?:got HTTP response code|Error) (?:429|5\d\d)\b|Internal error\. Please try again|backendError|internalError`, srcSDK+"; "+srcReference),

		faults.NewRule(faults.Invalid, `googleapi: Error 400: |Invalid value for field '`, srcSDK),
		faults.NewRule(faults.Invalid, `googleapi: Error 404: .*/(?:images|family)/`, srcReference),
	}, faults.Common()...)
})
