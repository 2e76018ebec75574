package httpprobe

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"skysail/qos/probe"
)

// next is where a redirect leads, or why it is not followed.
func (w *walk) next(from *url.URL, resp *http.Response) (*url.URL, string) {
	location := resp.Header.Get("Location")
	to, err := from.Parse(location)
	if err != nil {
		return nil, fmt.Sprintf("status %d sends on to %s, which is no URL", resp.StatusCode, probe.Excerpt([]byte(location)))
	}
	to.Fragment = ""
	shown := probe.Excerpt([]byte(to.String()))
	switch {
	case to.Scheme != "http" && to.Scheme != "https":
		return nil, fmt.Sprintf("status %d sends on to %s, which is neither http nor https", resp.StatusCode, shown)
	case from.Scheme == "https" && to.Scheme == "http":
		return nil, fmt.Sprintf("status %d sends on from https to %s: a redirect to plain http is not followed", resp.StatusCode, shown)
	case !w.same(to):
		return nil, fmt.Sprintf("status %d sends on to another host, %s: what that answers does not say that this instance is well", resp.StatusCode, shown)
	}
	if len(w.seen) == 0 {
		w.seen = append(w.seen, canonical(w.first))
	}
	w.seen = append(w.seen, canonical(to))
	if i := slices.Index(w.seen, canonical(to)); i < len(w.seen)-1 {
		return nil, "redirect loop: " + trail(w.seen[i:])
	}
	if w.redirects++; w.redirects > w.o.Redirects {
		w.redirects--
		return nil, fmt.Sprintf("more than %d redirects, the last to %s", w.o.Redirects, shown)
	}
	return to, ""
}

// same tells whether a URL is of the host that the probe is about, by the
// name it was reached or asked by.
func (w *walk) same(to *url.URL) bool {
	host := strings.TrimSuffix(strings.ToLower(to.Hostname()), ".")
	asked := w.o.Header.Get("Host")
	if h, _, err := net.SplitHostPort(asked); err == nil {
		asked = h
	}
	return host == strings.ToLower(w.address) || asked != "" && host == strings.ToLower(asked)
}

// canonical is a URL in the form by which a loop is seen.
func canonical(u *url.URL) string {
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port(u) + path
}

// trail shows a loop, shortened where it is long.
func trail(urls []string) string {
	if len(urls) > 4 {
		urls = append(append(slices.Clone(urls[:2]), "…"), urls[len(urls)-1])
	}
	for i, u := range urls {
		if u != "…" {
			urls[i] = probe.Excerpt([]byte(u))
		}
	}
	return strings.Join(urls, " → ")
}
