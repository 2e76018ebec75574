package httpprobe

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"

	"skysail/internal/jsonassert"
	"skysail/qos/probe"
)

// verdict keeps what the metrics tell of the judgement.
type verdict struct{ regexFailed, jsonFailed bool }

// judge says what is wrong with an answer that came whole; empty when nothing
// is.
func (w *walk) judge(e *exchange) string {
	o, resp := w.o, e.resp
	if e.length == maxBody {
		w.notes = append(w.notes, fmt.Sprintf("only the first %d bytes of the body were read", maxBody))
	}
	if !o.accepts(resp.StatusCode) {
		if isRedirect(resp) {
			return fmt.Sprintf("status %d sends on to %s; redirects are not followed, so name the final path in the service file, or set redirects",
				resp.StatusCode, probe.Excerpt([]byte(resp.Header.Get("Location"))))
		}
		return fmt.Sprintf("status %d where %s is wanted", resp.StatusCode, o.wanted())
	}
	for _, name := range slices.Sorted(maps.Keys(o.HeaderMatches)) {
		if why := headerFault(resp.Header, name, o.HeaderMatches[name]); why != "" {
			w.regexFailed = true
			return why
		}
	}
	for _, re := range o.BodyMatches {
		if !re.Match(e.body) {
			w.regexFailed = true
			return fmt.Sprintf("the body does not match %s: it begins with %s", probe.Excerpt([]byte(re.String())), probe.Excerpt(e.body))
		}
	}
	for _, re := range o.BodyNotMatches {
		if found := re.FindIndex(e.body); found != nil {
			w.regexFailed = true
			return fmt.Sprintf("the body matches %s, which it must not: %s", probe.Excerpt([]byte(re.String())), probe.Excerpt(e.body[found[0]:found[1]]))
		}
	}
	if why := jsonFault(e.body, o.JSON); why != "" {
		w.jsonFailed = true
		return why
	}
	return probe.ExpiresWithin(e.conn, o.MinCertificate)
}

func headerFault(h http.Header, name string, re *regexp.Regexp) string {
	values := h.Values(name)
	switch {
	case slices.ContainsFunc(values, re.MatchString):
		return ""
	case len(values) == 0:
		return "the answer has no header " + name
	}
	return fmt.Sprintf("the header %s is %s and does not match %s", name, probe.Excerpt([]byte(values[0])), probe.Excerpt([]byte(re.String())))
}

func jsonFault(body []byte, conditions []*jsonassert.Condition) string {
	if len(conditions) == 0 {
		return ""
	}
	doc, err := jsonassert.Decode(body)
	if err != nil {
		return fmt.Sprintf("the body cannot be judged: %v; it begins with %s", err, probe.Excerpt(body))
	}
	for _, c := range conditions {
		if !c.Holds(doc) {
			return fmt.Sprintf("the body does not fulfil %s: it begins with %s", c, probe.Excerpt(body))
		}
	}
	return ""
}
