package digitalocean

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"skysail/clouds"
)

const secret = "dop_v1_0123456789abcdef"

func writeConfig(t *testing.T, text string, path ...string) {
	t.Helper()
	file := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestToken(t *testing.T) {
	for name, c := range map[string]struct {
		env    map[string]string
		config string   // doctl's
		place  []string // in HOME
		want   string
	}{
		"provider's variable": {
			env:    map[string]string{"DIGITALOCEAN_TOKEN": "one", "DIGITALOCEAN_ACCESS_TOKEN": "two"},
			config: "access-token: three\n", want: "one",
		},
		"doctl's variable": {
			env:    map[string]string{"DIGITALOCEAN_TOKEN": "", "DIGITALOCEAN_ACCESS_TOKEN": " 'two'\n"},
			config: "access-token: three\n", want: "two",
		},
		"doctl's file":          {config: "access-token: three\ncontext: default\n", want: "three"},
		"doctl's file on macOS": {config: "access-token: three\n", place: []string{"Library", "Application Support"}, want: "three"},
		"doctl's context": {
			config: "access-token: three\nauth-contexts:\n  work: four\n  home: five\ncontext: work\n", want: "four",
		},
		"doctl's context from the environment": {
			env:    map[string]string{"DIGITALOCEAN_CONTEXT": "home"},
			config: "access-token: three\nauth-contexts:\n  work: four\n  home: five\ncontext: work\n", want: "five",
		},
		"empty file":                 {config: "\n"},
		"a context without a token":  {config: "access-token: three\ncontext: work\n"},
		"a token that is not a text": {config: "access-token: [three]\n"},
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			env := map[string]string{"HOME": home}
			for k, v := range c.env {
				env[k] = v
			}
			place := c.place
			if place == nil {
				place = []string{".config"}
			}
			writeConfig(t, c.config, append(append([]string{home}, place...), "doctl", "config.yaml")...)
			cloud := New(clouds.MapEnv(env))
			err := cloud.Credentials()
			if c.want == "" {
				if err == nil || !strings.Contains(err.Error(), "set DIGITALOCEAN_TOKEN") || !strings.Contains(err.Error(), "doctl auth init") {
					t.Errorf("the error does not say what to do: %v", err)
				}
				if got, ok := cloud.TerraformEnv()["DIGITALOCEAN_TOKEN"]; ok {
					t.Errorf("Terraform is given a token %q that does not exist", got)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := cloud.TerraformEnv()["DIGITALOCEAN_TOKEN"]; got != c.want {
				t.Errorf("Terraform is given %q, want %q", got, c.want)
			}
		})
	}
}

func TestTokenXDG(t *testing.T) {
	dir := t.TempDir()
	writeConfig(t, "access-token: three\n", dir, "doctl", "config.yaml")
	if err := New(clouds.MapEnv(map[string]string{"XDG_CONFIG_HOME": dir})).Credentials(); err != nil {
		t.Error(err)
	}
}

func TestUnreadableConfig(t *testing.T) {
	for name, text := range map[string]string{
		"not YAML":       "access-token: " + secret + "\n\t- x\n",
		"not a mapping":  secret + "\n",
		"duplicate keys": "access-token: " + secret + "\naccess-token: " + secret + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			writeConfig(t, text, home, ".config", "doctl", "config.yaml")
			err := New(clouds.MapEnv(map[string]string{"HOME": home})).Credentials()
			if err == nil || !strings.Contains(err.Error(), "config.yaml") {
				t.Fatalf("the error does not name the file: %v", err)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error holds the token: %v", err)
			}
		})
	}
}

func TestBadAPIURL(t *testing.T) {
	for _, u := range []string{"api.example.com", "ftp://x", "https://", "http://a b"} {
		err := New(clouds.MapEnv(map[string]string{"DIGITALOCEAN_TOKEN": secret, "DIGITALOCEAN_API_URL": u})).Credentials()
		if err == nil || !strings.Contains(err.Error(), "DIGITALOCEAN_API_URL") {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func TestTerraformEnv(t *testing.T) {
	env := map[string]string{
		"DIGITALOCEAN_ACCESS_TOKEN": secret,
		"DIGITALOCEAN_API_URL":      "http://127.0.0.1:4000",
		"HTTPS_PROXY":               "http://127.0.0.1:4001",
		"NO_PROXY":                  "127.0.0.1,localhost",
		"SSL_CERT_FILE":             "/tmp/ca.pem",
		"VULTR_API_KEY":             "not ours",
		"HOME":                      "/nowhere",
	}
	want := map[string]string{
		"DIGITALOCEAN_TOKEN":   secret,
		"DIGITALOCEAN_API_URL": "http://127.0.0.1:4000",
		"HTTPS_PROXY":          "http://127.0.0.1:4001",
		"NO_PROXY":             "127.0.0.1,localhost",
		"SSL_CERT_FILE":        "/tmp/ca.pem",
	}
	if diff := cmp.Diff(want, New(clouds.MapEnv(env)).TerraformEnv()); diff != "" {
		t.Error(diff)
	}
}
