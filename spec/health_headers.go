package spec

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"skysail/internal/hclfile"
)

// ownHeaders are made by the probe itself.
var ownHeaders = []string{"connection", "content-length", "host", "te", "trailer", "transfer-encoding", "upgrade"}

// secretHeaders carry what must not stand in a file.
var secretHeaders = []string{"authorization", "cookie", "proxy-authorization", "x-api-key", "x-auth-token"}

func (h *HTTPHealth) headerMistakes() []mistake {
	var out []mistake
	for _, name := range hclfile.Keys(h.Headers) {
		path := fmt.Sprintf("health.http.headers[%s]", name)
		lower := strings.ToLower(name)
		switch value := h.Headers[name]; {
		case !sendable(path, name, &out):
		case slices.Contains(secretHeaders, lower):
			out = append(out, mistake{
				Path: path + "#name", Summary: "Secret in a service file", Value: name, Confidential: true,
				Detail: "{value} carries a secret, and what stands here is part of the store and of reviews.",
				Hint:   fmt.Sprintf("write secret_headers = { %s = \"VARIABLE\" }: the value comes from that variable in the environment of the one who asks", name),
			})
		case !httpguts.ValidHeaderFieldValue(value) || len(value) > maxHeaderValue:
			out = append(out, mistake{
				Path: path, Summary: "Invalid value of a header",
				Detail: fmt.Sprintf("The value has a line break or another control character, or more than %d bytes.", maxHeaderValue),
			})
		}
	}
	for _, name := range hclfile.Keys(h.SecretHeaders) {
		path := fmt.Sprintf("health.http.secret_headers[%s]", name)
		if !sendable(path, name, &out) {
			continue
		}
		if !envName.MatchString(h.SecretHeaders[name]) {
			out = append(out, mistake{
				Path: path, Summary: "Not the name of an environment variable", Confidential: true,
				Detail: "What stands here is not a secret but the name of the variable that has it.",
				Hint:   fmt.Sprintf("for example secret_headers = { %s = \"HEALTH_TOKEN\" }", name),
			})
		}
		for other := range h.Headers {
			if strings.EqualFold(other, name) {
				out = append(out, mistake{
					Path: path + "#name", Summary: "Header twice", Value: name,
					Detail: "{value} is in headers as well.", Hint: "keep one of the two",
				})
			}
		}
	}
	for _, name := range hclfile.Keys(h.HeaderMatches) {
		path := fmt.Sprintf("health.http.header_matches[%s]", name)
		if !httpguts.ValidHeaderFieldName(name) {
			out = append(out, headerName(path, name))
		} else if m, ok := patternMistake(path, h.HeaderMatches[name]); ok {
			out = append(out, m)
		}
	}
	return out
}

// sendable reports a header that a probe cannot be given.
func sendable(path, name string, out *[]mistake) bool {
	switch {
	case !httpguts.ValidHeaderFieldName(name):
		*out = append(*out, headerName(path, name))
	case strings.EqualFold(name, "host"):
		*out = append(*out, mistake{
			Path: path + "#name", Summary: "Host among the headers", Value: name,
			Detail: "{value} has an argument of its own, since certificate and redirects are held to it as well.",
			Hint:   `write host = "www.example.com" in the http block`,
		})
	case slices.Contains(ownHeaders, strings.ToLower(name)):
		*out = append(*out, mistake{
			Path: path + "#name", Summary: "Header of the connection", Value: name,
			Detail: "{value} is said by the health check itself.", Hint: "leave it out",
		})
	default:
		return true
	}
	return false
}

func headerName(path, name string) mistake {
	return mistake{
		Path: path + "#name", Summary: "Invalid name of a header", Value: name,
		Detail: "{value} cannot be the name of a header: that has letters, digits and dashes.", Hint: `for example "Content-Type"`,
	}
}
