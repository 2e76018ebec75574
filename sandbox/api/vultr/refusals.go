package vultr

import (
	"net/http"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

// faultError is the refusal that an ordered fault makes, in the words of the
// real API as far as they are known.
func faultError(f *api.Refused) *apiError {
	switch f.Kind {
	case world.Worded:
		if f.Words.Status == 0 {
			return &apiError{http.StatusBadRequest, f.Words.Message}
		}
		return &apiError{f.Words.Status, f.Words.Message}
	case world.Auth:
		return errToken()
	case world.Quota:
		return errQuota()
	case world.NotEnabled:
		// No public source shows how Vultr refuses a plan that an account may
		// not use yet. The form is that of its other refusals; the words are
		// the sandbox's own.
		return &apiError{http.StatusBadRequest, "Server add failed: This plan is not enabled for your account. Please contact our support team to have it enabled."}
	case world.Invalid:
		// https://github.com/vultr/terraform-provider-vultr/issues/377
		return &apiError{http.StatusBadRequest, "Invalid plan chosen."}
	case world.RateLimit:
		// https://github.com/vultr/terraform-provider-vultr/issues/103
		return &apiError{http.StatusTooManyRequests, "rate limit exceeded"}
	default:
		return errCapacity()
	}
}

func errQuota() *apiError {
	return &apiError{
		http.StatusBadRequest,
		"Server add failed: You have reached the maximum monthly fee limit for this account. To deploy additional services, please request a limit increase.",
	}
}

func errCapacity() *apiError {
	return &apiError{http.StatusBadRequest, "plan is not available in the selected region"}
}
