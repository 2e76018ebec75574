package gcp

import (
	"net/http"
	"strings"

	"skysail/sandbox/world"
)

// later says that Google tells such a refusal by the operation: its codes are
// in capitals, while the reasons of what is refused at once are not; see
// https://docs.cloud.google.com/compute/docs/troubleshooting/troubleshooting-vm-creation
func later(w *world.Words) bool { return w.Code != "" && w.Code == strings.ToUpper(w.Code) }

// wordedLater is what an operation fails with in words of somebody's own.
func wordedLater(w *world.Words) opError {
	status := w.Status
	if status == 0 {
		status = http.StatusServiceUnavailable
		if w.Code == "QUOTA_EXCEEDED" {
			status = http.StatusForbidden
		}
	}
	return opError{code: w.Code, message: w.Message, status: int64(status), text: strings.ToUpper(http.StatusText(status))}
}

// direct is a refusal at once in words of somebody's own.
func direct(w *world.Words) *apiError {
	e := &apiError{status: w.Status, reason: w.Code, message: w.Message}
	if e.status == 0 {
		e.status = reasonStatus(w.Code)
	}
	return e
}

// reasonStatus is the HTTP status of a reason, from
// https://docs.cloud.google.com/compute/docs/reference/rest/v1/errors
func reasonStatus(reason string) int {
	switch reason {
	case "authError", "required", "expired":
		return http.StatusUnauthorized
	case "accessNotConfigured", "quotaExceeded", "forbidden", "rateLimitExceeded", "userRateLimitExceeded", "limitExceeded", "insufficientPermissions":
		return http.StatusForbidden
	case "notFound":
		return http.StatusNotFound
	case "alreadyExists":
		return http.StatusConflict
	case "conditionNotMet":
		return http.StatusPreconditionFailed
	case "backendError":
		return http.StatusServiceUnavailable
	case "internalError":
		return http.StatusInternalServerError
	default:
		return http.StatusBadRequest
	}
}
