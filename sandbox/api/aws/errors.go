package aws

import (
	"fmt"
	"net/http"

	"skysail/sandbox/world"
)

// apiError is a refusal: AWS's code, which programs read, and its message.
// The codes are those of
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
type apiError struct {
	status  int
	code    string
	message string
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.code, e.message) }

func badRequest(code, format string, args ...any) *apiError {
	return &apiError{http.StatusBadRequest, code, fmt.Sprintf(format, args...)}
}

func invalidValue(format string, args ...any) *apiError {
	return badRequest("InvalidParameterValue", format, args...)
}

// notFound is EC2's word for an ID that nothing has, which is no 404.
func notFound(code, what, id string) *apiError {
	return badRequest(code, "The %s '%s' does not exist", what, id)
}

// statuses are those of EC2's codes that are not answered with 400, from
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
var statuses = map[string]int{
	"InsufficientInstanceCapacity": http.StatusInternalServerError, "InsufficientHostCapacity": http.StatusInternalServerError,
	"InsufficientVolumeCapacity": http.StatusInternalServerError, "InsufficientAddressCapacity": http.StatusInternalServerError,
	"InternalError": http.StatusInternalServerError, "InternalFailure": http.StatusInternalServerError,
	"RequestLimitExceeded": http.StatusServiceUnavailable, "ServiceUnavailable": http.StatusServiceUnavailable,
	"Unavailable": http.StatusServiceUnavailable, "UnauthorizedOperation": http.StatusForbidden,
	"AuthFailure": http.StatusUnauthorized, "OptInRequired": http.StatusUnauthorized,
}

// worded is a refusal in words of somebody's own.
func worded(w *world.Words) *apiError {
	e := &apiError{w.Status, w.Code, w.Message}
	if e.code == "" {
		e.code = "SkysailSandboxFault" // the form has no refusal without one
	}
	if e.status == 0 {
		e.status = http.StatusBadRequest
		if s, ok := statuses[e.code]; ok {
			e.status = s
		}
	}
	return e
}

func missing(parameter string) *apiError {
	return badRequest("MissingParameter", "The request must contain the parameter %s", parameter)
}

// unsimulated says what the sandbox does not have, rather than pretending
// that a request was carried out.
func unsimulated(what string) *apiError {
	return &apiError{http.StatusNotImplemented, "UnsupportedOperation", "the skysail sandbox does not simulate " + what}
}

func errUnsigned() *apiError {
	return &apiError{http.StatusForbidden, "MissingAuthenticationToken", "Request is missing Authentication Token"}
}

// authWords are how a service says that credentials are wrong.
type authWords struct{ unknownKey, wrongSignature, expired *apiError }

const (
	tokenInvalid   = "The security token included in the request is invalid."
	signatureWrong = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	clockWrong     = "Signature expired: the time of the request differs from that of the server by more than 15 minutes"
)

var (
	// EC2 has one word for both.
	ec2Failure = &apiError{http.StatusUnauthorized, "AuthFailure", "AWS was not able to validate the provided access credentials"}
	ec2Auth    = authWords{ec2Failure, ec2Failure, badRequest("RequestExpired", "Request has expired.")}
	queryAuth  = authWords{
		&apiError{http.StatusForbidden, "InvalidClientTokenId", tokenInvalid},
		&apiError{http.StatusForbidden, "SignatureDoesNotMatch", signatureWrong},
		&apiError{http.StatusForbidden, "SignatureDoesNotMatch", clockWrong},
	}
	jsonAuth = authWords{
		badRequest("UnrecognizedClientException", tokenInvalid),
		badRequest("InvalidSignatureException", signatureWrong),
		badRequest("InvalidSignatureException", clockWrong),
	}
)
