package gcp

import (
	"errors"
	"fmt"
	"net/http"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

// apiError is a refusal in Google's form. inner is the message of its first
// part where that differs from message.
type apiError struct {
	status                 int
	reason, domain         string
	message, inner         string
	rpcStatus              string
	location, locationType string
	details                []any
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s, %s", e.status, e.message, e.reason) }

func refuse(w http.ResponseWriter, e *apiError) {
	part := map[string]any{"message": e.message, "domain": "global", "reason": e.reason}
	if e.inner != "" {
		part["message"] = e.inner
	}
	if e.domain != "" {
		part["domain"] = e.domain
	}
	if e.location != "" {
		part["location"], part["locationType"] = e.location, e.locationType
	}
	body := map[string]any{"code": e.status, "message": e.message, "errors": []any{part}}
	if e.rpcStatus != "" {
		body["status"] = e.rpcStatus
	}
	if len(e.details) > 0 {
		body["details"] = e.details
	}
	if e.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://accounts.google.com/", error="invalid_token"`)
	}
	write(w, e.status, map[string]any{"error": body})
}

// worded turns what went wrong into what Google would say.
func (s *server) worded(r *http.Request, err error) *apiError {
	var fault *api.Refused
	var e *apiError
	switch {
	case errors.As(err, &fault):
		return errRefused(fault)
	case errors.As(err, &e):
		return e
	}
	s.Logger().Error("gcp api", "method", r.Method, "path", r.URL.Path, "err", err)
	return &apiError{
		status: http.StatusInternalServerError, reason: "internalError", rpcStatus: "INTERNAL",
		message: "Internal error. Please try again or contact Google Support. (Code: 'skysail')",
	}
}

// errToken is how Google refuses a wrong token, and none.
func errToken() *apiError {
	return &apiError{
		status: http.StatusUnauthorized, reason: "authError", rpcStatus: "UNAUTHENTICATED",
		message: "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. " +
			"See https://developers.google.com/identity/sign-in/web/devconsole-project.",
		inner: "Invalid Credentials", location: "Authorization", locationType: "header",
	}
}

// errRefused is a refusal that Google gives at once. Capacity and quota are
// told later, by the operation.
func errRefused(f *api.Refused) *apiError {
	switch f.Kind {
	case world.Worded:
		return direct(f.Words)
	case world.Auth:
		return errToken()
	case world.NotEnabled:
		page := "https://console.developers.google.com/apis/api/compute.googleapis.com/overview?project=" + projectNumber
		return &apiError{
			status: http.StatusForbidden, reason: "accessNotConfigured", domain: "usageLimits", rpcStatus: "PERMISSION_DENIED",
			message: fmt.Sprintf("Compute Engine API has not been used in project %s before or it is disabled. Enable it by visiting %s then retry. "+
				"If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry.", projectNumber, page),
			details: []any{map[string]any{
				"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED", "domain": "googleapis.com",
				"metadata": map[string]string{"service": "compute.googleapis.com", "consumer": "projects/" + projectNumber},
			}},
		}
	case world.RateLimit:
		return &apiError{status: http.StatusForbidden, reason: "rateLimitExceeded", domain: "usageLimits", message: "Rate Limit Exceeded"}
	default:
		return invalid("resource.machineType", "", "Machine type is not supported by the fault that skysail's sandbox was given.")
	}
}

// invalid is a field's value that Google does not take.
func invalid(field, value, why string) *apiError {
	return &apiError{
		status: http.StatusBadRequest, reason: "invalid",
		message: fmt.Sprintf("Invalid value for field '%s': '%s'. %s", field, value, why),
	}
}

// badRequest is a request whose parts do not go together.
func badRequest(format string, args ...any) *apiError {
	return &apiError{status: http.StatusBadRequest, reason: "badRequest", message: fmt.Sprintf(format, args...)}
}

func notFound(path string) *apiError {
	return &apiError{status: http.StatusNotFound, reason: "notFound", message: fmt.Sprintf("The resource '%s' was not found", path)}
}

func alreadyExists(path string) *apiError {
	return &apiError{status: http.StatusConflict, reason: "alreadyExists", message: fmt.Sprintf("The resource '%s' already exists", path)}
}

func inUse(kind, path, by string) *apiError {
	return &apiError{
		status: http.StatusBadRequest, reason: "resourceInUseByAnotherResource",
		message: fmt.Sprintf("The %s resource '%s' is already being used by '%s'", kind, path, by),
	}
}

// stale is a change that was made from an old reading.
func stale() *apiError {
	return &apiError{
		status: http.StatusPreconditionFailed, reason: "conditionNotMet", location: "If-Match", locationType: "header",
		message: "Supplied fingerprint does not match current metadata fingerprint.",
	}
}

// unsimulated answers for what the sandbox does not simulate. It says so,
// rather than pretending that the resource is not there.
func unsimulated(r *http.Request, what string) *apiError {
	return &apiError{
		status: http.StatusNotImplemented, reason: "notImplemented", rpcStatus: "UNIMPLEMENTED",
		message: fmt.Sprintf("the skysail sandbox does not simulate %s %s", r.Method, what),
	}
}

// lacking is a wish that the sandbox cannot fulfil.
func lacking(what string) *apiError { return badRequest("the skysail sandbox has no %s", what) }
