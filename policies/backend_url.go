package policies

import (
	"net/url"
	"strings"
)

// urlHasCredential says whether a URL has a password or a token in it. One
// that can not be read and has an @ may have: it is not passed on either.
func urlHasCredential(s string) bool {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || scheme == "" || strings.ContainsAny(scheme, " /?#") {
		return false
	}
	u, err := url.Parse(s)
	if err != nil {
		return strings.Contains(rest, "@")
	}
	if _, has := u.User.Password(); has {
		return true
	}
	for name := range u.Query() {
		if secretParameter.MatchString(name) {
			return true
		}
	}
	return false
}
