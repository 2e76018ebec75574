// Package tfplugintest drives the real Terraform against the plugins of the
// test binary that uses it. That binary's TestMain calls reexec.Main.
package tfplugintest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"

	"skysail/internal/reexec"
	"skysail/internal/tfplugin"
)

// Workspace is a folder with a Terraform configuration and the settings with
// which Terraform finds our plugins and nothing else.
type Workspace struct {
	tb  testing.TB
	dir string
	env []string
}

// New makes an empty workspace with a mirror of the releases. env is what
// Terraform gets beyond what it needs to run.
func New(tb testing.TB, env map[string]string, releases ...tfplugin.Release) *Workspace {
	tb.Helper()
	root := tb.TempDir()
	mirror, dir, home := filepath.Join(root, "providers"), filepath.Join(root, "work"), filepath.Join(root, "home")
	for _, d := range []string{dir, home} {
		if err := os.Mkdir(d, 0o700); err != nil {
			tb.Fatal(err)
		}
	}
	if err := tfplugin.WriteMirror(mirror, releases...); err != nil {
		tb.Fatal(err)
	}
	rc := filepath.Join(root, "terraformrc")
	config := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror)
	if err := os.WriteFile(rc, []byte(config), 0o600); err != nil {
		tb.Fatal(err)
	}
	binary, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	w := &Workspace{tb: tb, dir: dir, env: []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + home,
		"TMPDIR=" + root,
		"TF_CLI_CONFIG_FILE=" + rc,
		"TF_IN_AUTOMATION=1",
		"CHECKPOINT_DISABLE=1",
		reexec.EnvBinary + "=" + binary,
		// A plugin built with -race would sleep a second before each exit, and
		// Terraform waits for it.
		"GORACE=atexit_sleep_ms=0",
	}}
	for k, v := range env {
		w.Setenv(k, v)
	}
	return w
}

// Setenv sets a variable for the runs that follow.
func (w *Workspace) Setenv(name, value string) { w.env = append(w.env, name+"="+value) }

// Write puts a configuration into the workspace, in place of the last one.
func (w *Workspace) Write(hcl string) {
	w.tb.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, "main.tf"), []byte(hcl), 0o600); err != nil {
		w.tb.Fatal(err)
	}
}

// Command builds a Terraform command of the workspace, not yet started. It
// has its own process group, so that a signal reaches it as from a terminal.
func (w *Workspace) Command(args ...string) *exec.Cmd {
	w.tb.Helper()
	bin, err := exec.LookPath("terraform")
	if err != nil {
		w.tb.Fatal("this test drives the real Terraform: put terraform on PATH")
	}
	cmd := exec.CommandContext(w.tb.Context(), bin, args...) //nolint:gosec // terraform from PATH, in a test
	cmd.Dir = w.dir
	cmd.Env = w.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// Run runs Terraform and returns what it printed and its exit code.
func (w *Workspace) Run(args ...string) (output string, code int) {
	w.tb.Helper()
	cmd := w.Command(args...)
	var buf bytes.Buffer
	cmd.Stdout, cmd.Stderr = &buf, &buf
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.tb.Fatal(err)
	}
	return buf.String(), cmd.ProcessState.ExitCode()
}

// MustRun is Run for what has to succeed.
func (w *Workspace) MustRun(args ...string) string {
	w.tb.Helper()
	out, code := w.Run(args...)
	if code != 0 {
		w.tb.Fatalf("terraform %s: exit %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// Init links the plugins.
func (w *Workspace) Init() {
	w.tb.Helper()
	w.MustRun("init", "-input=false", "-no-color")
}

// Apply applies without asking.
func (w *Workspace) Apply(args ...string) string {
	w.tb.Helper()
	return w.MustRun(append([]string{"apply", "-auto-approve", "-input=false", "-no-color"}, args...)...)
}

// ApplyFails applies what has to fail, and returns the errors with Terraform's
// line breaks and frames taken out.
func (w *Workspace) ApplyFails() string {
	w.tb.Helper()
	out, code := w.Run("apply", "-auto-approve", "-input=false", "-no-color")
	if code != 1 {
		w.tb.Fatalf("apply: exit %d, want 1\n%s", code, out)
	}
	_, text, _ := strings.Cut(Flat(out), "Error: ")
	return text
}

// Destroy destroys without asking.
func (w *Workspace) Destroy() string {
	w.tb.Helper()
	return w.MustRun("destroy", "-auto-approve", "-input=false", "-no-color")
}

// Plan plans and returns the text and whether there is something to do.
func (w *Workspace) Plan() (output string, changes bool) {
	w.tb.Helper()
	out, code := w.Run("plan", "-detailed-exitcode", "-input=false", "-no-color")
	if code != 0 && code != 2 {
		w.tb.Fatalf("plan: exit %d\n%s", code, out)
	}
	return out, code == 2
}

// WantNoChanges fails the test when a plan would change something.
func (w *Workspace) WantNoChanges() {
	w.tb.Helper()
	if out, changes := w.Plan(); changes {
		w.tb.Fatalf("the plan is not empty:\n%s", out)
	}
}

// Resources returns the state's resources by address.
func (w *Workspace) Resources() map[string]*tfjson.StateResource {
	w.tb.Helper()
	var state tfjson.State
	state.UseJSONNumber(true)
	if err := json.Unmarshal([]byte(w.MustRun("show", "-json")), &state); err != nil {
		w.tb.Fatal(err)
	}
	out := map[string]*tfjson.StateResource{}
	if state.Values == nil || state.Values.RootModule == nil {
		return out
	}
	for _, r := range state.Values.RootModule.Resources {
		out[r.Address] = r
	}
	return out
}

// Resource returns one resource of the state, which has to be there.
func (w *Workspace) Resource(address string) *tfjson.StateResource {
	w.tb.Helper()
	r, ok := w.Resources()[address]
	if !ok {
		w.tb.Fatalf("%s is not in the state", address)
	}
	return r
}

// WantEmptyState fails the test when the state has a resource.
func (w *Workspace) WantEmptyState() {
	w.tb.Helper()
	b, err := os.ReadFile(filepath.Join(w.dir, "terraform.tfstate"))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var state struct {
		Resources []struct{ Type, Name string }
	}
	if err := errors.Join(err, json.Unmarshal(b, &state)); err != nil {
		w.tb.Fatal(err)
	}
	if len(state.Resources) > 0 {
		w.tb.Errorf("the state is not empty: %v", state.Resources)
	}
}

// StateFile returns the raw state, to look for what must not be in it.
func (w *Workspace) StateFile() string {
	w.tb.Helper()
	b, err := os.ReadFile(filepath.Join(w.dir, "terraform.tfstate"))
	if err != nil {
		w.tb.Fatal(err)
	}
	return string(b)
}

// Flat takes the frames and line breaks out of what Terraform prints.
func Flat(s string) string {
	s = strings.NewReplacer("│", " ", "╷", " ", "╵", " ").Replace(s)
	return strings.Join(strings.Fields(s), " ")
}
