package digitalocean

import (
	"net/http"
	"strings"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

// retryAfter is what a refusal for too many requests asks for, in seconds. The
// real API asks for less than a minute when its limit of calls in a minute was
// hit; see https://docs.digitalocean.com/reference/api/reference/rate-limiting/.
const retryAfter = "1"

// faultError is the refusal that an ordered fault makes, in the words of the
// real API.
func faultError(f *api.Refused) *apiError {
	switch f.Kind {
	case world.Worded:
		return worded(f.Words)
	case world.Auth:
		return errUnauthorized()
	case world.Quota:
		return errQuota()
	case world.NotEnabled:
		// https://github.com/digitalocean/api-v2/issues/36
		return refusal("This size is currently restricted please send an additional payment to unlock.")
	case world.Invalid:
		// https://github.com/digitalocean/terraform-provider-digitalocean/issues/60
		return refusal("You specified an invalid image for Droplet creation.")
	case world.RateLimit:
		// https://github.com/rexray/rexray/issues/1262
		return &apiError{http.StatusTooManyRequests, "too_many_requests", "Too many requests"}
	default:
		return errCapacity()
	}
}

// worded is a refusal in words of somebody's own. Clients read the message and
// the status; the id is a word for the status.
func worded(w *world.Words) *apiError {
	e := &apiError{status: w.Status, id: w.Code, message: w.Message}
	if e.status == 0 {
		e.status = http.StatusUnprocessableEntity
	}
	if e.id == "" {
		e.id = strings.ReplaceAll(strings.ToLower(http.StatusText(e.status)), " ", "_")
	}
	return e
}

func refusal(message string) *apiError {
	return &apiError{http.StatusUnprocessableEntity, "unprocessable_entity", message}
}

// errQuota is from https://github.com/pry0cc/axiom/issues/422.
func errQuota() *apiError {
	return refusal("creating this/these droplet(s) will exceed your droplet limit")
}

// errCapacity is from https://github.com/ChainSafe/forest-iac/pull/437.
func errCapacity() *apiError { return refusal("Size is not available in this region.") }
