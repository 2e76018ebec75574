package generator_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	local "skysail/clouds/local/plugin"
	"skysail/internal/reexec"
	"skysail/internal/tfplugin"
	"skysail/internal/tfplugin/tfplugintest"
	sandbox "skysail/sandbox/plugin"
)

// releases are the plugins of this program, which have the real schemas, and
// the Helm provider's schema.
func releases() []tfplugin.Release {
	return append(append(sandbox.Providers(), local.Providers()...), tfplugintest.Helm())
}

func TestFormatted(t *testing.T) {
	each(t, func(t *testing.T, provider string) {
		bundle, _ := written(t, generate(t, input(t, provider)))
		mustRun(t, terraform(t, bundle, "fmt", "-check", "-diff", "-recursive"))
	})
}

// Terraform finds nothing wrong with a bundle, without any private value.
func TestValid(t *testing.T) {
	mirror := t.TempDir()
	if err := tfplugin.WriteMirror(mirror, releases()...); err != nil {
		t.Fatal(err)
	}
	rc := filepath.Join(t.TempDir(), "terraformrc")
	config := "provider_installation {\n  filesystem_mirror {\n    path = \"" + mirror + "\"\n  }\n}\n"
	if err := os.WriteFile(rc, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, provider string) {
		bundle, _ := written(t, generate(t, input(t, provider)))
		state := filepath.Join(t.TempDir(), "terraform.tfstate")
		for _, args := range [][]string{
			{"init", "-input=false", "-no-color", "-backend-config=path=" + state},
			{"validate", "-no-color"},
		} {
			cmd := terraform(t, bundle, args...)
			cmd.Env = append(cmd.Env, "TF_CLI_CONFIG_FILE="+rc, reexec.EnvBinary+"="+self)
			if out := mustRun(t, cmd); args[0] == "validate" && strings.Contains(out, "Warning") {
				t.Errorf("terraform validate warns:\n%s", out)
			}
		}
	})
}
