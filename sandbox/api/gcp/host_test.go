package gcp

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// form posts a form.
func (c *cloud) form(path, form string) (int, string) {
	c.Helper()
	req, err := http.NewRequestWithContext(c.Context(), http.MethodPost, c.url+path, strings.NewReader(form))
	check(c.T, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.send(req)
}

func (c *cloud) send(req *http.Request) (int, string) {
	c.Helper()
	res, err := http.DefaultClient.Do(req)
	check(c.T, err)
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	check(c.T, err)
	return res.StatusCode, strings.TrimSpace(string(text))
}

// TestHosts is about the APIs behind the sandbox's proxy: each is at its host
// and nowhere else.
func TestHosts(t *testing.T) {
	c := newCloud(t)
	for _, tc := range []struct {
		host, path string
		want       int
	}{
		{"compute.googleapis.com", "/compute/v1/projects/skysail-sandbox", 200},
		{"www.googleapis.com", "/compute/v1/projects/skysail-sandbox", 200},
		{"compute.googleapis.com:443", "/compute/v1/projects/skysail-sandbox", 200},
		{"monitoring.googleapis.com", "/compute/v1/projects/skysail-sandbox", 501},
		{"compute.googleapis.com", "/v1/services", 501},
		{"cloudbilling.googleapis.com", "/v1/services", 200},
		{"openidconnect.googleapis.com", "/v1/userinfo", 200},
		{"cloudresourcemanager.googleapis.com", "/v1/projects/skysail-sandbox", 200},
		{"storage.googleapis.com", "/storage/v1/b", 501},
		{"example.com", "/compute/v1/projects/skysail-sandbox", 501},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+tc.path, nil)
		check(t, err)
		req.Host = tc.host
		req.Header.Set("Authorization", "Bearer "+c.token())
		if status, body := c.send(req); status != tc.want {
			t.Errorf("%s%s: %d %s, want %d", tc.host, tc.path, status, body, tc.want)
		}
	}
}
