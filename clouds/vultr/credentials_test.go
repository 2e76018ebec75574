package vultr

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"skysail/clouds"
)

const secret = "ABCDEF0123456789ABCDEF0123456789ABCD"

func TestKey(t *testing.T) {
	for name, c := range map[string]struct {
		env    map[string]string
		config string
		want   string
	}{
		"variable":         {env: map[string]string{"VULTR_API_KEY": "one\n"}, config: "api-key: two\n", want: "one"},
		"vultr-cli's file": {env: map[string]string{"VULTR_API_KEY": ""}, config: "api-key: two\n", want: "two"},
		"quoted":           {config: "api-key: \"two\"\n", want: "two"},
		"empty file":       {},
		"another setting":  {config: "other: two\n"},
		"a list":           {config: "api-key: [two]\n"},
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			if err := os.WriteFile(filepath.Join(home, ".vultr-cli.yaml"), []byte(c.config), 0o600); err != nil {
				t.Fatal(err)
			}
			env := map[string]string{"HOME": home}
			for k, v := range c.env {
				env[k] = v
			}
			cloud := New(clouds.MapEnv(env))
			err := cloud.Credentials()
			if c.want == "" {
				if err == nil || !strings.Contains(err.Error(), "set VULTR_API_KEY") || !strings.Contains(err.Error(), ".vultr-cli.yaml") {
					t.Errorf("the error does not say what to do: %v", err)
				}
				if got, ok := cloud.TerraformEnv()["VULTR_API_KEY"]; ok {
					t.Errorf("Terraform is given a key %q that does not exist", got)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := cloud.TerraformEnv()["VULTR_API_KEY"]; got != c.want {
				t.Errorf("Terraform is given %q, want %q", got, c.want)
			}
		})
	}
}

func TestNoHome(t *testing.T) {
	if err := New(clouds.MapEnv(nil)).Credentials(); err == nil {
		t.Error("a key came from nowhere")
	}
}

func TestUnreadableConfig(t *testing.T) {
	home := t.TempDir()
	file := filepath.Join(home, ".vultr-cli.yaml")
	if err := os.WriteFile(file, []byte("api-key: "+secret+"\napi-key: "+secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := New(clouds.MapEnv(map[string]string{"HOME": home})).Credentials()
	if err == nil || !strings.Contains(err.Error(), file) {
		t.Fatalf("the error does not name the file: %v", err)
	}
	if strings.Contains(err.Error(), secret) {
		t.Errorf("the error holds the key: %v", err)
	}
}

func TestTerraformEnv(t *testing.T) {
	env := map[string]string{
		"VULTR_API_KEY":      secret,
		"HTTPS_PROXY":        "http://127.0.0.1:4001",
		"SSL_CERT_FILE":      "/tmp/ca.pem",
		"DIGITALOCEAN_TOKEN": "not ours",
	}
	want := map[string]string{
		"VULTR_API_KEY": secret,
		"HTTPS_PROXY":   "http://127.0.0.1:4001",
		"SSL_CERT_FILE": "/tmp/ca.pem",
	}
	if diff := cmp.Diff(want, New(clouds.MapEnv(env)).TerraformEnv()); diff != "" {
		t.Error(diff)
	}
}
