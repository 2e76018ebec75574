package aws

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"skysail/internal/apiclient"
)

// call makes one call through the SDK. A refusal is told in AWS's own words,
// and is an *apiclient.Error with the status of the answer.
func call(ctx context.Context, do func(context.Context) error) error {
	err := do(ctx)
	if err == nil {
		return nil
	}
	status := 0
	var resp *smithyhttp.ResponseError
	if errors.As(err, &resp) {
		status = resp.HTTPStatusCode()
	}
	var refused smithy.APIError
	if !errors.As(err, &refused) {
		return &apiclient.Error{Status: status, Err: err}
	}
	return &apiclient.Error{Status: status, Err: &refusal{status, refused.ErrorCode(), words(refused.ErrorMessage())}}
}

// refusal is what AWS said to a call.
type refusal struct {
	status     int
	code, text string
}

func (r *refusal) Error() string { return fmt.Sprintf("%d %s: %s", r.status, r.code, r.text) }

// words leaves out the encoded message, a page of letters.
func words(s string) string {
	s, _, _ = strings.Cut(s, "Encoded authorization failure message:")
	return strings.TrimSpace(s)
}

// code is AWS's name of a refusal, empty for other errors.
func code(err error) string {
	var r *refusal
	if errors.As(err, &r) {
		return r.code
	}
	return ""
}

// closedRegion says whether the account's organisation forbids a region
// altogether: then nothing of a deployment can have been made there.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_examples_general.html
func closedRegion(err error) bool {
	return code(err) == "UnauthorizedOperation" && strings.Contains(err.Error(), "explicit deny in a service control policy")
}

// explain says of a failed call what to do about it.
func (a *client) explain(err error) error {
	switch code(err) {
	case "AuthFailure", "InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException", "InvalidAccessKeyId", "MissingAuthenticationToken", "IncompleteSignature":
		return fmt.Errorf("AWS does not accept the credentials of %s: %s, and check this machine's clock: %w", a.found.source, a.found.expired, err)
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired":
		return fmt.Errorf("the credentials of %s have expired: %s: %w", a.found.source, a.found.expired, err)
	case "OptInRequired", "PendingVerification", "Blocked":
		return fmt.Errorf("the AWS account can not be used yet: end its registration, or see AWS's mail to it: %w", err)
	case "UnauthorizedOperation", "AccessDenied", "AccessDeniedException":
		return fmt.Errorf("the credentials of %s may not do this (docs/providers/aws-policy.json has all that skysail needs): %w", a.found.source, err)
	}
	if strings.Contains(err.Error(), "get identity: get credentials") {
		return fmt.Errorf("AWS credentials from %s: %s: %w", a.found.source, a.found.expired, err)
	}
	return fmt.Errorf("aws: %w", err)
}
