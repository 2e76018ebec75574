package httpprobe

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"skysail/internal/jsonassert"
	"skysail/qos/probe"
)

// Options says how a target is reached and what it must answer; the zero
// value is a GET that must be answered with 2xx. They are read only and may be
// used for many probes, side by side.
type Options struct {
	// Dial is used in place of net.Dialer where it is set.
	Dial probe.DialFunc
	// RootCAs are used in place of the system's where they are set and TLS is
	// not.
	RootCAs *x509.CertPool
	// TLS is what TLS connections are held to. Keeping one for all probes of a
	// target saves most of the cost of a probe over HTTPS.
	TLS *probe.TLS

	// Method is GET when it is empty.
	Method string
	// Header is sent; a Host in it takes the place of the URL's host.
	Header http.Header
	// HTTP2 asks by HTTP/2 and nothing else: over TLS as ALPN agrees it, in
	// plain text at once ("prior knowledge"). Otherwise HTTP/1.1 is spoken.
	HTTP2 bool
	// Redirects is how many are followed; with 0 a redirect is judged like any
	// other answer. They are followed on the same host only, and not from https
	// to http.
	Redirects int

	// Status are the codes that are success; none means 200 to 299.
	Status []StatusRange
	// HeaderMatches must each match one value of the header of that name.
	HeaderMatches map[string]*regexp.Regexp
	// BodyMatches must each match the body, and BodyNotMatches must not.
	BodyMatches, BodyNotMatches []*regexp.Regexp
	// JSON are conditions that the body, a JSON document, must fulfil.
	JSON []*jsonassert.Condition
	// MinCertificate is how much longer the certificates must be valid.
	MinCertificate time.Duration
}

// StatusRange is a range of status codes, with both ends.
type StatusRange struct{ From, To int }

func (r StatusRange) String() string {
	if r.From == r.To {
		return strconv.Itoa(r.From)
	}
	return fmt.Sprintf("%d-%d", r.From, r.To)
}

func (o *Options) accepts(status int) bool {
	if len(o.Status) == 0 {
		return status >= 200 && status <= 299
	}
	for _, r := range o.Status {
		if status >= r.From && status <= r.To {
			return true
		}
	}
	return false
}

func (o *Options) wanted() string {
	if len(o.Status) == 0 {
		return "2xx"
	}
	parts := make([]string, len(o.Status))
	for i, r := range o.Status {
		parts[i] = r.String()
	}
	return strings.Join(parts, ", ")
}

// readsBody tells whether the body is judged, so that it must be kept.
func (o *Options) readsBody() bool {
	return len(o.BodyMatches)+len(o.BodyNotMatches)+len(o.JSON) > 0
}
