package modules_test

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	local "skysail/clouds/local/plugin"
	"skysail/internal/reexec"
	"skysail/internal/tfplugin"
	"skysail/internal/tfplugin/tfplugintest"
	"skysail/modules"
	sandbox "skysail/sandbox/plugin"
)

func TestMain(m *testing.M) {
	guardHelper()
	reexec.Main()
	os.Exit(m.Run())
}

var (
	update    = flag.Bool("update", false, "write the golden files anew")
	providers = []string{"aws", "digitalocean", "gcp", "kubernetes", "local", "vultr"}
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := modules.FS.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The rest of the program is blind to the provider: same inputs, same outputs.
func TestSameInterface(t *testing.T) {
	outputs := regexp.MustCompile(`(?m)^output "(\w+)" \{\n  description = (.*)$`)
	fields := regexp.MustCompile(`(?m)^    (\w+) += `)
	for _, p := range providers[1:] {
		if diff := cmp.Diff(read(t, providers[0]+"/variables.tf"), read(t, p+"/variables.tf")); diff != "" {
			t.Errorf("variables.tf must be the same file in all modules (-%s +%s):\n%s", providers[0], p, diff)
		}
		first, this := read(t, providers[0]+"/outputs.tf"), read(t, p+"/outputs.tf")
		if diff := cmp.Diff(outputs.FindAllStringSubmatch(first, -1), outputs.FindAllStringSubmatch(this, -1)); diff != "" {
			t.Errorf("outputs (-%s +%s):\n%s", providers[0], p, diff)
		}
		if got, want := fields.FindAllStringSubmatch(instances(this), -1), fields.FindAllStringSubmatch(instances(first), -1); !cmp.Equal(got, want) || len(want) != 8 {
			t.Errorf("fields of output instances: %v in %s, %v in %s", want, providers[0], got, p)
		}
	}
}

// instances is the text of the output of that name.
func instances(outputs string) string {
	before, _, _ := strings.Cut(outputs, `output "health_url"`)
	return before
}

// Nothing can reach an instance before its firewall is there.
func TestFirewallStandsFirst(t *testing.T) {
	for module, want := range map[string]string{
		"aws":          `resource "aws_instance" "instance" needs aws_vpc_security_group_ingress_rule.inbound, aws_vpc_security_group_egress_rule.outbound`,
		"digitalocean": `resource "digitalocean_droplet" "instance" needs digitalocean_firewall.service`,
		"gcp":          `resource "google_compute_instance" "instance" needs google_compute_firewall.inbound, google_compute_firewall.closed, google_compute_firewall.outbound`,
		"vultr":        `resource "vultr_instance" "instance" needs vultr_firewall_rule.inbound`,
	} {
		resource := regexp.MustCompile(`(?ms)^(resource "\w+" "\w+") \{$(.*?)^\}$`)
		needs := regexp.MustCompile(`(?m)^  depends_on = \[(.*)\]$`)
		var got []string
		for _, r := range resource.FindAllStringSubmatch(read(t, module+"/main.tf"), -1) {
			if d := needs.FindStringSubmatch(r[2]); d != nil {
				got = append(got, r[1]+" needs "+d[1])
			}
		}
		if diff := cmp.Diff([]string{want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", module, diff)
		}
	}
}

func TestEachModuleIsDescribed(t *testing.T) {
	for _, m := range append([]string{"cloudinit"}, providers...) {
		text := read(t, m+"/README.md")
		files, err := fs.Glob(modules.FS, m+"/*.tf")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			for _, block := range regexp.MustCompile(`(?m)^(?:variable|output) "(\w+)"`).FindAllStringSubmatch(read(t, file), -1) {
				if !strings.Contains(text, "`"+block[1]+"`") {
					t.Errorf("modules/%s/README.md does not mention `%s`", m, block[1])
				}
			}
		}
	}
}

func releases() []tfplugin.Release {
	return append(append(sandbox.Providers(), local.Providers()...), tfplugintest.Helm())
}

// TestTerraform runs each module's own tests, in tests/*.tftest.hcl.
func TestTerraform(t *testing.T) {
	mirror := t.TempDir()
	if err := tfplugin.WriteMirror(mirror, releases()...); err != nil {
		t.Fatal(err)
	}
	for _, module := range append([]string{"cloudinit"}, providers...) {
		t.Run(module, func(t *testing.T) {
			root := t.TempDir()
			if err := os.CopyFS(root, modules.FS); err != nil {
				t.Fatal(err)
			}
			terraform(t, filepath.Join(root, module), mirror, "init", "-input=false", "-no-color")
			terraform(t, filepath.Join(root, module), mirror, "test", "-no-color")
		})
	}
}

// TestInputs runs testdata/inputs.tftest.hcl on variables.tf alone.
func TestInputs(t *testing.T) {
	dir := t.TempDir()
	tests, err := os.ReadFile("testdata/inputs.tftest.hcl")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"variables.tf": read(t, providers[0]+"/variables.tf"), "inputs.tftest.hcl": string(tests)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	terraform(t, dir, t.TempDir(), "fmt", "-check", "-diff")
	terraform(t, dir, t.TempDir(), "init", "-input=false", "-no-color")
	terraform(t, dir, t.TempDir(), "test", "-no-color")
}

// terraform runs the real Terraform, which finds providers in mirror only.
func terraform(t *testing.T, dir, mirror string, args ...string) {
	t.Helper()
	bin, err := exec.LookPath("terraform")
	if err != nil {
		t.Fatal("these tests drive the real Terraform: put terraform (1.7 or later) on PATH, see https://developer.hashicorp.com/terraform/install")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	rc := filepath.Join(home, "terraformrc")
	config := "provider_installation {\n  filesystem_mirror {\n    path = \"" + mirror + "\"\n  }\n}\n"
	if err := os.WriteFile(rc, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), bin, args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home,
		"TF_CLI_CONFIG_FILE=" + rc, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1",
		reexec.EnvBinary + "=" + self,
		"GORACE=atexit_sleep_ms=0", // a plugin of a -race build would linger for a second
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("terraform %s: %v\n%s", args[0], err, out)
	}
}

func TestFormatted(t *testing.T) {
	root := t.TempDir()
	if err := os.CopyFS(root, modules.FS); err != nil {
		t.Fatal(err)
	}
	terraform(t, root, t.TempDir(), "fmt", "-check", "-diff", "-recursive")
}

// A carriage return in a script or template would end up on instances.
func TestUnixLineEnds(t *testing.T) {
	err := fs.WalkDir(modules.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := modules.FS.ReadFile(name)
		if bytes.ContainsRune(b, '\r') {
			t.Errorf("%s has carriage returns", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
