package generator_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"skysail/generator"
	"skysail/spec"
)

// cloudConfig is the part of a boot configuration that these tests look at.
type cloudConfig struct {
	Bootcmd []string          `yaml:"bootcmd"`
	SSHKeys map[string]string `yaml:"ssh_keys"`
	Users   []struct {
		Name       string   `yaml:"name"`
		LockPasswd bool     `yaml:"lock_passwd"`
		Passwd     string   `yaml:"passwd"`
		Keys       []string `yaml:"ssh_authorized_keys"`
		Sudo       string   `yaml:"sudo"`
	} `yaml:"users"`
	WriteFiles []struct {
		Path        string `yaml:"path"`
		Permissions string `yaml:"permissions"`
		Content     string `yaml:"content"`
	} `yaml:"write_files"`
	Runcmd [][]string `yaml:"runcmd"`
}

func (c *cloudConfig) file(t *testing.T, path string) string {
	t.Helper()
	for _, f := range c.WriteFiles {
		if f.Path == path {
			return f.Content
		}
	}
	t.Fatalf("no file %s", path)
	return ""
}

// probe is a root module that evaluates the boot configuration and nothing
// else, so that it needs no provider.
const probe = `
module "cloudinit" {
  source         = "./modules/cloudinit"
  name           = var.name
  service        = var.service
  ssh_public_key = var.ssh_public_key
  ssh_host_keys  = var.ssh_host_keys
  %s
}

output "user_data" {
  value = nonsensitive(module.cloudinit.user_data)
}
`

// render has the real Terraform work out the user-data of a bundle. change
// may put values into the service that Generate itself would refuse.
func render(t *testing.T, in generator.Input, change func(service map[string]any)) []string {
	t.Helper()
	return renderWith(t, in, "", change)
}

// renderWith gives the module more arguments, in HCL.
func renderWith(t *testing.T, in generator.Input, args string, change func(service map[string]any)) []string {
	t.Helper()
	bundle, private := written(t, generate(t, in))
	for _, name := range []string{"versions.tf", "backend.tf", "outputs.tf"} {
		if err := os.Remove(filepath.Join(bundle, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(bundle, "main.tf"), []byte(fmt.Sprintf(probe, args)), 0o600); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		file := filepath.Join(bundle, generator.VariablesFile)
		var vars map[string]any
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(src, &vars); err != nil {
			t.Fatal(err)
		}
		change(vars["service"].(map[string]any))
		src, err = json.Marshal(vars)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, src, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustRun(t, terraform(t, bundle, "init", "-input=false", "-no-color"))
	mustRun(t, terraform(t, bundle, "apply", "-auto-approve", "-input=false", "-no-color",
		"-var-file="+filepath.Join(private, generator.PrivateVariablesFile)))
	var out []string
	if err := json.Unmarshal([]byte(mustRun(t, terraform(t, bundle, "output", "-json", "user_data"))), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func parse(t *testing.T, userData string) *cloudConfig {
	t.Helper()
	if !strings.HasPrefix(userData, "#cloud-config\n") {
		t.Fatalf("user-data begins with %.40q", userData)
	}
	var c cloudConfig
	if err := yaml.Unmarshal([]byte(userData), &c); err != nil {
		t.Fatal(err)
	}
	return &c
}

// hostile are texts that mean something in HCL, shell, systemd or YAML.
var hostile = []string{
	"plain", "", " lead and trail ", "\ttab\t", "a\"b'c`d", `back\slash`, `\`, `\\`, `trailing\\\`, `\n\t\x41\u0041`,
	"$HOME ${HOME} $${x} $(reboot) $", `${file("/etc/passwd")}`, "%{ if true }x%{ endif } %%{y}", "100% %h %% %n",
	"# no comment", "; no comment", "a;b && c || d | e > f < g &", "- item", "key: value", "*alias &anchor !tag",
	"[a, b] {c: d}", "héllo ✓ 😀 \u00a0", "~", "null", "yes", "<&>", "'", `"`, "\\\"", "$", "`", "%", "{{ x }}", "<<EOT",
}

func TestHostileTextArrivesIntact(t *testing.T) {
	in := input(t, "digitalocean")
	in.Service.Env = map[string]string{}
	for i, h := range hostile {
		in.Service.Env["V"+strings.Repeat("X", i)] = h
	}
	in.Service.Source.Native.URL = `https://example.com/a'b$(reboot)&c;d!e*f,g%27.tar.gz?x=y@z`
	in.Service.Source.Native.Args = nil
	for _, h := range hostile {
		if !strings.Contains(h, "\t") {
			in.Service.Source.Native.Args = append(in.Service.Source.Native.Args, h)
		}
	}
	// spec refuses these in a file; the module stands them all the same.
	want := map[string]string{"MULTILINE": "one\n\n  two=\"2\"\\\n#three\n", "SEPARATORS": "\u2028\u2029"}
	for k, v := range in.Service.Env {
		want[k] = v
	}
	docs := render(t, in, func(service map[string]any) {
		for _, name := range []string{"MULTILINE", "SEPARATORS"} {
			service["env"].(map[string]any)[name] = want[name]
		}
	})
	c := parse(t, docs[0])

	env := c.file(t, "/etc/skysail/service.env")
	got, err := readEnvironmentFile(env)
	if err != nil {
		t.Fatalf("service.env: %v\n%s", err, env)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment as systemd reads it (-want +got):\n%s", diff)
	}
	// The quoting is the shell's as well, which is a second, real reader.
	for name, value := range want {
		sh := exec.CommandContext(t.Context(), "sh", "-c", `eval "$ENV_FILE"; eval "printf '%sx' \"\$$NAME\""`)
		sh.Env = []string{"ENV_FILE=" + env, "NAME=" + name, "PATH=" + os.Getenv("PATH")}
		if out := mustRun(t, sh); out != value+"x" {
			t.Errorf("%s as the shell reads it: %q, want %q", name, out, value)
		}
	}

	unit := c.file(t, "/etc/systemd/system/skysail-echo.service")
	words, err := readExec(directive(t, unit, "ExecStart"))
	if err != nil {
		t.Fatalf("ExecStart: %v", err)
	}
	if diff := cmp.Diff(append([]string{"/opt/skysail/app/bin/echo"}, in.Service.Source.Native.Args...), words); diff != "" {
		t.Errorf("command as systemd reads it (-want +got):\n%s", diff)
	}

	sh := exec.CommandContext(t.Context(), "sh", "-c", `eval "$INSTALL_ENV"; printf %s "$url"`)
	sh.Env = []string{"INSTALL_ENV=" + c.file(t, "/etc/skysail/install.env"), "PATH=" + os.Getenv("PATH")}
	if out := mustRun(t, sh); out != in.Service.Source.Native.URL {
		t.Errorf("url as install.sh reads it: %q, want %q", out, in.Service.Source.Native.URL)
	}
	debianCheck(t, docs[0])
}

func directive(t *testing.T, unit, name string) string {
	t.Helper()
	for _, line := range strings.Split(unit, "\n") {
		if v, ok := strings.CutPrefix(line, name+"="); ok {
			return v
		}
	}
	t.Fatalf("no %s in the unit:\n%s", name, unit)
	return ""
}

func TestContainerUnit(t *testing.T) {
	in := input(t, "vultr")
	for image, want := range map[string]string{
		"nginx":                 "docker.io/library/nginx",
		"nginx:1.28":            "docker.io/library/nginx:1.28",
		"acme/echo:2":           "docker.io/acme/echo:2",
		"ghcr.io/acme/echo:1.4": "ghcr.io/acme/echo:1.4",
		"localhost/echo":        "localhost/echo",
		"registry:5000/echo":    "registry:5000/echo",
		"[::1]:5000/echo@sha256:" + strings.Repeat("a", 64): "[::1]:5000/echo@sha256:" + strings.Repeat("a", 64),
	} {
		t.Run(image, func(t *testing.T) {
			in := in
			in.Service.Source = spec.Source{Container: &spec.Container{Image: image}}
			docs := render(t, in, nil)
			if len(docs) != 2 {
				t.Fatalf("%d documents, want one for each instance", len(docs))
			}
			c := parse(t, docs[0])
			unit := c.file(t, "/etc/systemd/system/skysail-echo.service")
			words, err := readExec(directive(t, unit, "ExecStart"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{
				"/usr/bin/podman", "run", "--rm", "--name", "skysail-echo", "--pull", "missing", "--log-driver", "none",
				"--pids-limit", "-1", "--ulimit", "nofile=65536:65536", "--cgroups", "split",
				"--publish", "8080:8080", "--publish", "127.0.0.1:9090:9090",
				"--env", "LOG_LEVEL", "--env", "API_KEY", want,
			}, words); diff != "" {
				t.Errorf("command (-want +got):\n%s", diff)
			}
			debianCheck(t, docs[0])
		})
	}
}
