package kubernetes

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skysail/clouds"
)

const token = "a-very-secret-token"

// kubeconfig writes a file with contexts production and staging, both of the
// server, and returns its path.
func kubeconfig(t *testing.T, server, user string, ca []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
- name: c
  cluster: {server: %q, certificate-authority-data: %q}
users:
- name: u
  user: %s
contexts:
- name: staging
  context: {cluster: c, user: u}
- name: production
  context: {cluster: c, user: u}
- name: torn
  context: {cluster: gone, user: u}
`, server, base64.StdEncoding.EncodeToString(ca), user)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func at(path string) clouds.Env { return clouds.MapEnv(map[string]string{"KUBECONFIG": path}) }

// cluster is an API server that knows GET /version and one token.
func cluster(t *testing.T, answer http.HandlerFunc) (*httptest.Server, []byte) {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/version":
			http.NotFound(w, r)
		case r.Header.Get("Authorization") != "Bearer "+token:
			http.Error(w, "Unauthorized", http.StatusUnauthorized)
		default:
			answer(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

func version(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte(`{"major": "1", "minor": "37", "gitVersion": "v1.37.2"}`))
}

func TestVersion(t *testing.T) {
	s, ca := cluster(t, version)
	good := `{token: ` + token + `}`
	helper := filepath.Join(t.TempDir(), "helper")
	script := "#!/bin/sh\necho '{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": {\"token\": \"" + token + "\"}}'\n"
	if err := os.WriteFile(helper, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	byHelper := fmt.Sprintf(`{exec: {apiVersion: client.authentication.k8s.io/v1, command: %q, interactiveMode: IfAvailable}}`, helper)
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".kube"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(kubeconfig(t, s.URL, good, ca), filepath.Join(home, ".kube", "config")); err != nil {
		t.Fatal(err)
	}
	for name, env := range map[string]clouds.Env{
		"KUBECONFIG":          at(kubeconfig(t, s.URL, good, ca)),
		"a list with a hole":  at("/does/not/exist" + string(filepath.ListSeparator) + kubeconfig(t, s.URL, good, ca)),
		"home folder":         clouds.MapEnv(map[string]string{"HOME": home}),
		"a credential helper": at(kubeconfig(t, s.URL, byHelper, ca)),
	} {
		if v, err := Version(t.Context(), env, "production"); v != "v1.37.2" || err != nil {
			t.Errorf("%s: got %q, %v", name, v, err)
		}
	}
}

func TestVersionFails(t *testing.T) {
	s, ca := cluster(t, version)
	hangs, hangsCA := cluster(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	web, webCA := cluster(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>hello")) })
	sick, sickCA := cluster(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, token, http.StatusInternalServerError) })
	gone := httptest.NewTLSServer(nil)
	gone.Close()
	plain := httptest.NewServer(http.HandlerFunc(version))
	t.Cleanup(plain.Close)
	noTLS := strings.Replace(plain.URL, "http:", "https:", 1)

	good := `{token: ` + token + `}`
	broken := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(broken, []byte("apiVersion: v1\nusers: "+token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	helper := `{exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, args: ["-c", "echo ` + token + `; exit 1"], interactiveMode: Never}}`
	sleeper := `{exec: {apiVersion: client.authentication.k8s.io/v1, command: sleep, args: ["5"], interactiveMode: Never}}`
	for name, tt := range map[string]struct {
		env     clouds.Env
		context string
		want    error
		text    string
	}{
		"nothing set":        {clouds.MapEnv(nil), "production", ErrNoKubeconfig, "neither KUBECONFIG nor HOME is set"},
		"no file":            {at("/does/not/exist"), "production", ErrNoKubeconfig, "looked for /does/not/exist"},
		"no file at home":    {clouds.MapEnv(map[string]string{"HOME": "/nobody"}), "production", ErrNoKubeconfig, "/nobody/.kube/config"},
		"no kubeconfig":      {at(broken), "production", ErrBroken, broken},
		"no such context":    {at(kubeconfig(t, s.URL, good, ca)), "prod", ErrNoContext, "it has production, staging, torn"},
		"no cluster":         {at(kubeconfig(t, s.URL, good, ca)), "torn", ErrBroken, "lacks a cluster"},
		"no certificate":     {at(kubeconfig(t, s.URL, good, []byte("none"))), "production", ErrBroken, "certificates"},
		"nobody there":       {at(kubeconfig(t, gone.URL, good, ca)), "production", ErrNoAnswer, "connection refused"},
		"silence":            {at(kubeconfig(t, hangs.URL, good, hangsCA)), "production", ErrNoAnswer, "nothing within 3s"},
		"another cluster":    {at(kubeconfig(t, s.URL, good, nil)), "production", ErrNoAnswer, "authority"},
		"plain HTTP":         {at(kubeconfig(t, noTLS, good, ca)), "production", ErrNoAnswer, "does not speak TLS"},
		"a web server":       {at(kubeconfig(t, web.URL, good, webCA)), "production", ErrNoAnswer, "no Kubernetes API"},
		"an error":           {at(kubeconfig(t, sick.URL, good, sickCA)), "production", ErrNoAnswer, "HTTP 500"},
		"another token":      {at(kubeconfig(t, s.URL, `{token: `+token+`x}`, ca)), "production", ErrUnauthorized, "HTTP 401"},
		"helper fails":       {at(kubeconfig(t, s.URL, helper, ca)), "production", ErrNoAnswer, "credentials could not be had"},
		"helper never ends":  {at(kubeconfig(t, s.URL, sleeper, ca)), "production", ErrNoAnswer, "nothing within 3s"},
		"helper not there":   {at(kubeconfig(t, s.URL, `{exec: {apiVersion: client.authentication.k8s.io/v1, command: not-there, interactiveMode: Never}}`, ca)), "production", ErrNoAnswer, "credentials could not be had"},
		"a proxy of the env": {withProxy(at(kubeconfig(t, "https://cluster.example", good, ca))), "production", ErrNoAnswer, "127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			v, err := Version(t.Context(), tt.env, tt.context)
			if v != "" || !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %q, %v; want %q with %q in it", v, err, tt.want, tt.text)
			}
			if err != nil && strings.Contains(err.Error(), token) {
				t.Errorf("the token is in the error: %v", err)
			}
			if d := time.Since(begin); d > patience+2*time.Second {
				t.Errorf("it took %s", d)
			}
		})
	}
}

func withProxy(env clouds.Env) clouds.Env {
	return func(name string) (string, bool) {
		if name == "HTTPS_PROXY" {
			return "http://user:" + token + "@127.0.0.1:1", true
		}
		return env(name)
	}
}

func TestVersionIsInterrupted(t *testing.T) {
	s, ca := cluster(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Version(ctx, at(kubeconfig(t, s.URL, `{token: `+token+`}`, ca)), "production"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
