package runner

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"skysail/internal/supervise/proc"
)

func TestMain(m *testing.M) {
	// terraform-exec does not wait for a command whose context ended while it
	// started, so os/exec goes on watching it.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("os/exec.(*Cmd).watchCtx"))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newWorkspace lays a folder of testdata out as a deployment does. The only
// provider used is the one that is built into Terraform.
func newWorkspace(t *testing.T, fixture string) *Workspace {
	t.Helper()
	engine, err := exec.LookPath("terraform")
	if err != nil {
		t.Fatal("these tests run the real terraform, and there is none on PATH")
	}
	dir := t.TempDir()
	w := &Workspace{
		Engine: Engine{Path: engine}, Dir: filepath.Join(dir, "bundle"), Private: filepath.Join(dir, "private"),
		CLIConfig: filepath.Join(dir, "cli.tfrc"), Grace: 20 * time.Second,
	}
	must(t, os.Mkdir(w.Private, 0o700))
	must(t, os.CopyFS(w.Dir, os.DirFS(filepath.Join("testdata", fixture))))
	must(t, os.WriteFile(w.CLIConfig, CLIConfig(nil, false), 0o600))
	return w
}

// recorder is a receiver of events.
type recorder struct {
	mu     sync.Mutex
	events []Event
	on     func(Event)
}

func (r *recorder) receive(ev Event) {
	r.mu.Lock()
	r.events = append(r.events, ev)
	r.mu.Unlock()
	if r.on != nil {
		r.on(ev)
	}
}

// lines are the events in words, in the order of their address where
// Terraform works on several at once.
func (r *recorder) lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, ev := range r.events {
		out = append(out, strings.Join([]string{ev.Op, string(ev.Kind), ev.Address, ev.Action}, " "))
	}
	slices.Sort(out)
	return out
}

func TestLifeOfAWorkspace(t *testing.T) {
	const secret = "canary-3f9a1c"
	w := newWorkspace(t, "service")
	vars := filepath.Join(w.Private, "private.tfvars.json")
	must(t, os.WriteFile(vars, []byte(`{"name": "echo", "key": "`+secret+`"}`), 0o600))
	w.VarFiles = []string{vars}
	var rec recorder
	w.Events = rec.receive
	ctx := t.Context()

	if got, err := w.Resources(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("before anything: %v %v", got, err)
	}
	must(t, w.Init(ctx))
	must(t, w.Init(ctx))
	plan, err := w.Plan(ctx)
	must(t, err)
	if n := len(plan.ResourceChanges); n != 3 || plan.OutputChanges["names"] == nil {
		t.Errorf("the plan has %d changes and the outputs %v", n, plan.OutputChanges)
	}
	must(t, w.Apply(ctx))
	outputs, err := w.Outputs(ctx)
	must(t, err)
	values := map[string]any{}
	for name, raw := range outputs {
		var v any
		must(t, json.Unmarshal(raw, &v))
		values[name] = v
	}
	if diff := cmp.Diff(map[string]any{"names": []any{"echo-0", "echo-1"}, "key": secret}, values); diff != "" {
		t.Error(diff)
	}
	resources, err := w.Resources(t.Context())
	if diff := cmp.Diff([]string{"terraform_data.key", "terraform_data.this"}, resources); diff != "" || err != nil {
		t.Error(diff, err)
	}
	checkModes(t, w.Private)
	if err := w.Apply(ctx); err == nil {
		t.Error("a plan was applied twice")
	}
	must(t, w.Destroy(ctx))
	must(t, w.Destroy(ctx))
	if got, err := w.Resources(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("after destroy: %v %v", got, err)
	}
	checkModes(t, w.Private)

	if diff := cmp.Diff([]string{
		"apply apply_complete terraform_data.key create", "apply apply_complete terraform_data.this[0] create", "apply apply_complete terraform_data.this[1] create",
		"apply apply_start terraform_data.key create", "apply apply_start terraform_data.this[0] create", "apply apply_start terraform_data.this[1] create",
		"apply change_summary  ", "apply diagnostic  ",
		"apply planned_change terraform_data.key create", "apply planned_change terraform_data.this[0] create", "apply planned_change terraform_data.this[1] create",
		"destroy apply_complete terraform_data.key delete", "destroy apply_complete terraform_data.this[0] delete", "destroy apply_complete terraform_data.this[1] delete",
		"destroy apply_start terraform_data.key delete", "destroy apply_start terraform_data.this[0] delete", "destroy apply_start terraform_data.this[1] delete",
		"destroy change_summary  ", "destroy change_summary  ", "destroy change_summary  ", "destroy change_summary  ",
		"destroy planned_change terraform_data.key delete", "destroy planned_change terraform_data.this[0] delete", "destroy planned_change terraform_data.this[1] delete",
		"destroy refresh_complete terraform_data.key ", "destroy refresh_complete terraform_data.this[0] ", "destroy refresh_complete terraform_data.this[1] ",
		"destroy refresh_start terraform_data.key ", "destroy refresh_start terraform_data.this[0] ", "destroy refresh_start terraform_data.this[1] ",
		"plan change_summary  ", "plan planned_change terraform_data.key create", "plan planned_change terraform_data.this[0] create", "plan planned_change terraform_data.this[1] create",
	}, rec.lines()); diff != "" {
		t.Error(diff)
	}
	for _, ev := range rec.events {
		if strings.Contains(ev.Message, secret) || ev.Diagnostic != nil && strings.Contains(ev.Diagnostic.Text(), secret) {
			t.Errorf("an event tells the secret: %+v", ev)
		}
	}
}

// checkModes: nobody else reads what Terraform wrote into the private folder.
func checkModes(t *testing.T, private string) {
	t.Helper()
	for _, pattern := range []string{"terraform.tfstate*", planFile} {
		for _, path := range globs(filepath.Join(private, pattern)) {
			info, err := os.Stat(path)
			must(t, err)
			if info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v", filepath.Base(path), info.Mode())
			}
		}
	}
}

func TestDirIsNotWritten(t *testing.T) {
	w := newWorkspace(t, "refused")
	must(t, w.Init(t.Context()))
	_, _ = w.Plan(t.Context())
	entries, err := os.ReadDir(w.Dir)
	must(t, err)
	if len(entries) != 1 || entries[0].Name() != "main.tf" {
		t.Errorf("the reviewable folder holds %v", entries)
	}
}

func TestPlanThatFails(t *testing.T) {
	w := newWorkspace(t, "refused")
	var rec recorder
	w.Events = rec.receive
	must(t, w.Init(t.Context()))
	_, err := w.Plan(t.Context())
	var e *Error
	if !errors.As(err, &e) || e.Op != "plan" {
		t.Fatalf("got %v", err)
	}
	if diff := cmp.Diff([]string{"Resource precondition failed: Size is not available in this region."}, e.Messages()); diff != "" {
		t.Error(diff)
	}
	if want := "terraform plan failed: Resource precondition failed: Size is not available in this region."; err.Error() != want {
		t.Errorf("got %q", err)
	}
	for _, d := range e.Diagnostics {
		if d.Severity == "error" && (d.File != "main.tf" || d.Line != 14) {
			t.Errorf("where it is: %+v", d)
		}
	}
	if errors.Is(err, ErrInterrupted) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a failed plan is no interruption: %v", err)
	}
}

func TestApplyThatFailsHalfWay(t *testing.T) {
	w := newWorkspace(t, "broken")
	must(t, w.Init(t.Context()))
	_, err := w.Plan(t.Context())
	must(t, err)
	err = w.Apply(t.Context())
	var e *Error
	if !errors.As(err, &e) || e.Op != "apply" || len(e.Messages()) != 1 || !strings.Contains(e.Messages()[0], "will exceed your droplet limit") {
		t.Fatalf("got %v", err)
	}
	got, err := w.Resources(t.Context())
	if diff := cmp.Diff([]string{"terraform_data.broken", "terraform_data.made"}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	checkModes(t, w.Private)
	must(t, w.Destroy(t.Context()))
	if got, err := w.Resources(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("after destroy: %v %v", got, err)
	}
}

// planned is a workspace that is ready for an apply which takes a minute; it
// calls then as soon as that has begun.
func planned(t *testing.T, then func()) *Workspace {
	t.Helper()
	w := newWorkspace(t, "slow")
	must(t, w.Init(t.Context()))
	_, err := w.Plan(t.Context())
	must(t, err)
	w.Events = (&recorder{on: func(ev Event) {
		if ev.Op == "apply" && ev.Kind == EventStart && ev.Address == "terraform_data.slow" {
			then()
		}
	}}).receive
	return w
}

func TestInterruptedApplyStopsInOrder(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w := planned(t, cancel)
	begin := time.Now()
	err := w.Apply(ctx)
	var e *Error
	if !errors.Is(err, ErrInterrupted) || errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &e) || !strings.HasPrefix(err.Error(), "terraform apply failed: interrupted") {
		t.Fatalf("got %v", err)
	}
	if d := time.Since(begin); d > 15*time.Second {
		t.Errorf("it took %s", d)
	}
	// In order means that the state knows what was made.
	got, err := w.Resources(t.Context())
	if err != nil || !slices.Contains(got, "terraform_data.made") {
		t.Errorf("the state holds %v %v", got, err)
	}
	checkModes(t, w.Private)
	if _, err := os.Stat(filepath.Join(w.Private, "."+stateFile+".lock.info")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the state is still locked: %v", err)
	}
	nothingRuns(t, w)
	must(t, w.Destroy(t.Context()))
}

func TestDeadlineOfAnApply(t *testing.T) {
	w := planned(t, func() {})
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("the attempt took too long"))
	defer cancel()
	err := w.Apply(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrInterrupted) || !strings.Contains(err.Error(), "did not end in time") {
		t.Fatalf("got %v", err)
	}
	nothingRuns(t, w)
}

func TestContextThatHasEnded(t *testing.T) {
	w := newWorkspace(t, "slow")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Init(ctx); !errors.Is(err, ErrInterrupted) {
		t.Errorf("Init: %v", err)
	}
	if _, err := w.Plan(ctx); !errors.Is(err, ErrInterrupted) {
		t.Errorf("Plan: %v", err)
	}
	nothingRuns(t, w)
}

// nothingRuns: no process that was started for the workspace is left.
func nothingRuns(t *testing.T, w *Workspace) {
	t.Helper()
	left, err := proc.WithEnv("TF_DATA_DIR=" + filepath.Join(w.Private, dataDir))
	if err != nil || len(left) != 0 {
		t.Errorf("still running: %s %v", proc.Names(left), err)
	}
}

func TestBadWorkspaces(t *testing.T) {
	w := newWorkspace(t, "service")
	w.Dir = filepath.Join(w.Dir, "nowhere")
	if err := w.Init(t.Context()); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a folder that is not there: %v", err)
	}
	w = newWorkspace(t, "service")
	w.Engine.Path = filepath.Join(w.Dir, "main.tf")
	if err := w.Init(t.Context()); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("an engine that can not be run: %v", err)
	}
	w = newWorkspace(t, "service")
	w.Env = map[string]string{"TF_VAR_name": "x"}
	if err := w.Init(t.Context()); err == nil || !strings.Contains(err.Error(), "TF_VAR_name") {
		t.Errorf("a variable by the environment: %v", err)
	}
	w = newWorkspace(t, "service")
	must(t, os.WriteFile(filepath.Join(w.Dir, "more.tf"), []byte("terraform {\n  backend \"s3\" {}\n}\n"), 0o600))
	err := w.Init(t.Context())
	var e *Error
	if !errors.As(err, &e) || len(e.Messages()) != 1 || !strings.Contains(e.Messages()[0], "Duplicate") {
		t.Errorf("a command without JSON: %v", err)
	}
	must(t, os.WriteFile(filepath.Join(w.Private, stateFile), []byte(`{"version": 4, "resour`), 0o600))
	if _, err := w.Resources(t.Context()); err == nil || !strings.Contains(err.Error(), stateFile+": state is not readable") {
		t.Errorf("a state that is cut short: %v", err)
	}
}
