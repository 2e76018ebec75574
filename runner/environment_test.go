package runner

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBaseEnv(t *testing.T) {
	all := map[string]string{"PATH": "/bin", "HOME": "", "TF_LOG": "x", "AWS_PROFILE": "x", "https_proxy": "p"}
	got := BaseEnv(func(k string) (string, bool) {
		v, ok := all[k]
		return v, ok
	})
	if diff := cmp.Diff(map[string]string{"PATH": "/bin", "HOME": "", "https_proxy": "p"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCLIConfig(t *testing.T) {
	hostile := `/mirror "quoted" ${x} %{y} \ end` + "\nline"
	for name, tt := range map[string]struct {
		mirrors []Mirror
		direct  bool
	}{
		"cliconfig-nothing.golden":     {nil, false},
		"cliconfig-mirrors.golden":     {[]Mirror{{Dir: "/home/a/providers", Include: []string{"skysail.internal/*/*"}}, {Dir: hostile, Include: []string{"registry.terraform.io/vultr/*", "registry.terraform.io/digitalocean/*"}}}, false},
		"cliconfig-direct.golden":      {[]Mirror{{Dir: "/home/a/providers", Include: []string{"skysail.internal/*/*"}}}, true},
		"cliconfig-only-direct.golden": {nil, true},
	} {
		got := CLIConfig(tt.mirrors, tt.direct)
		checkGolden(t, name, string(got))
		// Terraform's own word that it can be read.
		file := filepath.Join(t.TempDir(), "cli.tfrc")
		must(t, os.WriteFile(file, got, 0o600))
		cmd := exec.CommandContext(t.Context(), "terraform", "version")
		cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+file, "CHECKPOINT_DISABLE=1")
		if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "problem") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
