package faults

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// MaxMessage bounds a verdict's message in bytes. The longest that a cloud was
// seen to say are AWS's encoded authorisation failures, of 2 KiB; what is
// longer is a page of HTML or an echo of the request.
const MaxMessage = 16 << 10

// masked are the ways in which an error can echo a secret: headers and tokens
// of a request, a URL's password and signature, fields of a body. The first
// group stays. Values that skysail itself knows to be secret are not looked
// for here: Terraform gets them as sensitive variables and prints none.
var masked = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`(?i)(\bauthorization\\?"?\s*[:=]\s*\\?"?(?:bearer|basic|aws4-hmac-sha256)\s+)[^"\s\\][^"\n\\]*`),
		regexp.MustCompile(`(?i)(\bbearer\s+)[\w.~+/=-]{12,}`),
		regexp.MustCompile(`(\w+://[^/\s:@]+:)[^@/\s]+@`),
		regexp.MustCompile(`(?i)([?&](?:access_token|token|api_key|key|x-amz-(?:signature|security-token|credential))=)[^&\s"]+`),
		regexp.MustCompile(`(?i)(\\?"(?:password|default_password|secret|client_secret|private_key|api_key|access_token|refresh_token|user_data)\\?"\s*:\s*\\?")[^"\\]+`),
		regexp.MustCompile(`(-----BEGIN [A-Z ]*PRIVATE KEY-----)[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`),
		regexp.MustCompile(`()\b(?:dop_v1_[0-9a-f]{16,}|doo_v1_[0-9a-f]{16,}|ya29\.[\w-]{16,})`),
	}
})

// Clean returns a message as it may be kept and shown: whole, but for secrets
// that it echoes and for what is beyond MaxMessage.
func Clean(message string) string {
	for _, re := range masked() {
		message = re.ReplaceAllStringFunc(message, func(m string) string {
			kept := re.FindStringSubmatch(m)[1]
			end := ""
			if strings.Contains(kept, "://") {
				end = "@"
			}
			return kept + "[masked]" + end
		})
	}
	if len(message) <= MaxMessage {
		return message
	}
	cut := MaxMessage
	for cut > 0 && !utf8.RuneStart(message[cut]) {
		cut--
	}
	return fmt.Sprintf("%s … (%d bytes more)", message[:cut], len(message)-cut)
}
