package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/terraform-exec/tfexec"
	tfjson "github.com/hashicorp/terraform-json"
)

// How long a command waits for another one's state lock before it says who
// holds it: a caller may plan and apply again, a destroy has to get through.
const (
	lockTimeout        = 5 * time.Second
	lockTimeoutDestroy = 30 * time.Second
)

// Names inside Workspace.Private.
const (
	stateFile = "terraform.tfstate"
	planFile  = PlanFile
	dataDir   = "terraform"
)

// PlanFile is the saved plan in Workspace.Private.
const PlanFile = "plan.tfplan"

// Workspace is one bundle on disk and how to run Terraform on it. Its methods
// may be called one after the other; two at once meet Terraform's state lock.
//
// Cancellation: when ctx ends, Terraform gets one interrupt, stops in order
// and is waited for up to Grace; then it is killed.
type Workspace struct {
	Engine Engine
	// Dir holds the bundle's reviewable files.
	Dir string
	// Private is the 0700 folder beside it for state, saved plan, private
	// variables and Terraform's data folder.
	Private string
	// VarFiles are the private variable files, absolute paths.
	VarFiles []string
	// Remote says that the state is in the remote backend that the bundle
	// names, and not in Private. Its credentials are in Env.
	Remote bool
	// LockTimeout is how long to wait for another one's lock of the state; 0
	// means 5 seconds, and 30 for a destroy.
	LockTimeout time.Duration
	// CLIConfig is the path of the CLI configuration to use.
	CLIConfig string
	// Env is what Terraform and its providers see besides a few neutral
	// variables of this process (BaseEnv): credentials and endpoints.
	Env map[string]string
	// Grace is how long an interrupted Terraform may take to stop. It must be
	// longer than a provider's reaction to an interrupt: a killed Terraform
	// can leave a create behind that is in no state. 0 means two minutes.
	Grace time.Duration
	// Events receives progress; nil drops it. It is called from one
	// goroutine at a time, and a command returns after its last event was
	// received. If it panics, the command goes on without it and then fails.
	Events func(Event)

	initialised bool // by this process
	using       sync.Mutex
	shared      *tfexec.Terraform
}

// In is the same workspace with another bundle on the same state.
func (w *Workspace) In(dir string) *Workspace {
	return &Workspace{
		Engine: w.Engine, Dir: dir, Private: w.Private, VarFiles: w.VarFiles, Remote: w.Remote, LockTimeout: w.LockTimeout,
		CLIConfig: w.CLIConfig, Env: w.Env, Grace: w.Grace, Events: w.Events,
	}
}

// command runs one Terraform command; out takes its JSON stream.
func command[T any](ctx context.Context, w *Workspace, op string, call func(tf *tfexec.Terraform, out io.Writer) (T, error)) (T, error) {
	var none T
	g := newGuard()
	stderr := &tail{}
	tf, release, err := w.terraform(g, stderr)
	if err != nil {
		return none, err
	}
	defer release()
	s := newStream(op, w.Events)
	v, err := run(ctx, g, func() (T, error) { return call(tf, s) })
	diags, broken := s.finish()
	if err := errors.Join(commandError(ctx, op, diags, stderr.String(), err), broken); err != nil {
		return none, err
	}
	return v, nil
}

// terraform returns an instance for one command, and what gives it back.
//
// terraform-exec asks each new instance's engine for its version, which costs
// as much as a fifth of a plan. So commands share one, one after the other:
// JSON mode redirects its standard output, and the next command redirects it
// again.
func (w *Workspace) terraform(g *guard, stderr io.Writer) (tf *tfexec.Terraform, release func(), err error) {
	release = func() {}
	switch shared := w.using.TryLock(); {
	case shared && w.shared != nil:
		tf, release = w.shared, w.using.Unlock
		tf.SetStdout(io.Discard)
	case shared:
		release = w.using.Unlock
		fallthrough
	default:
		if tf, err = tfexec.NewTerraform(w.Dir, w.Engine.Path); err != nil {
			release()
			return nil, nil, fmt.Errorf("workspace %s: %w", w.Dir, err)
		}
		if shared {
			w.shared = tf
		}
	}
	if err := w.set(tf, g, stderr); err != nil {
		release()
		return nil, nil, err
	}
	return tf, release, nil
}

// set gives an instance the environment of one command.
func (w *Workspace) set(tf *tfexec.Terraform, g *guard, stderr io.Writer) error {
	env := BaseEnv(os.LookupEnv)
	for k, v := range w.Env {
		env[k] = v
	}
	env["TF_CLI_CONFIG_FILE"] = w.CLIConfig
	env["TF_DATA_DIR"] = filepath.Join(w.Private, dataDir)
	env["CHECKPOINT_DISABLE"] = "1"
	name, value, _ := strings.Cut(g.entry, "=")
	env[name] = value
	if err := tf.SetEnv(env); err != nil {
		return fmt.Errorf("environment of terraform: %w", err)
	}
	grace := w.Grace
	if grace == 0 {
		grace = 2 * time.Minute
	}
	if err := tf.SetWaitDelay(grace); err != nil {
		return fmt.Errorf("stop grace: %w", err)
	}
	tf.SetStderr(stderr)
	return nil
}

// Init installs providers and sets the state's place. Idempotent.
//
// A saved plan remembers the state's place, so that is told as it is seen from
// Dir, where Terraform runs: Dir and Private can move together, and the plan
// still applies. -reconfigure takes a workspace that was initialised with
// another way to write the same place.
func (w *Workspace) Init(ctx context.Context) error {
	private, err := filepath.Rel(w.Dir, w.Private)
	if err != nil {
		return fmt.Errorf("workspace %s: %w", w.Dir, err)
	}
	opts := []tfexec.InitOption{tfexec.Upgrade(false)}
	if !w.Remote {
		opts = append(opts, tfexec.Reconfigure(true), tfexec.BackendConfig("path="+filepath.Join(private, stateFile)))
	}
	defer w.tightenData()
	for try := 1; ; try++ {
		_, err := command(ctx, w, "init", func(tf *tfexec.Terraform, _ io.Writer) (struct{}, error) {
			if err := w.checkVersion(ctx, tf); err != nil {
				return struct{}{}, err
			}
			return struct{}{}, tf.Init(ctx, opts...)
		})
		if err == nil || !w.Remote || try == initTries || !pgRace.MatchString(err.Error()) || ctx.Err() != nil {
			w.initialised = err == nil
			return err
		}
		time.Sleep(time.Duration(try) * 50 * time.Millisecond)
	}
}

// EnsureInit is Init where this Workspace has not done it yet.
func (w *Workspace) EnsureInit(ctx context.Context) error {
	if w.initialised {
		return nil
	}
	return w.Init(ctx)
}

// Plan is SavePlan and ShowPlan.
func (w *Workspace) Plan(ctx context.Context) (*tfjson.Plan, error) {
	if err := w.SavePlan(ctx); err != nil {
		return nil, err
	}
	return w.ShowPlan(ctx)
}

// SavePlan makes and saves a plan, replacing an earlier one.
func (w *Workspace) SavePlan(ctx context.Context) error {
	return w.savePlan(ctx, filepath.Join(w.Private, planFile))
}

// ShowPlan returns the saved plan decoded. It takes as long as a plan of
// nothing: Terraform starts the provider for its schema.
func (w *Workspace) ShowPlan(ctx context.Context) (*tfjson.Plan, error) {
	return w.showPlan(ctx, filepath.Join(w.Private, planFile))
}

// Apply applies the saved plan. It is not retryable: a plan is used once.
// After an error part of it may exist; Destroy removes that.
func (w *Workspace) Apply(ctx context.Context) error {
	defer w.tightenState()
	_, err := command(ctx, w, "apply", func(tf *tfexec.Terraform, s io.Writer) (struct{}, error) {
		return struct{}{}, tf.ApplyJSON(ctx, s, tfexec.DirOrPlan(filepath.Join(w.Private, planFile)), w.lockWait(lockTimeout))
	})
	return err
}

// Destroy removes everything that the state knows. Idempotent; safe to call
// again after an error.
func (w *Workspace) Destroy(ctx context.Context) error {
	opts := []tfexec.DestroyOption{w.lockWait(lockTimeoutDestroy)}
	for _, f := range w.VarFiles {
		opts = append(opts, tfexec.VarFile(f))
	}
	defer w.tightenState()
	_, err := command(ctx, w, "destroy", func(tf *tfexec.Terraform, s io.Writer) (struct{}, error) {
		return struct{}{}, tf.DestroyJSON(ctx, s, opts...)
	})
	return err
}

// Outputs returns the root module's outputs as JSON values by name. Where the
// state is a file of this workspace it is read from there; Terraform is asked
// for a state that is elsewhere.
func (w *Workspace) Outputs(ctx context.Context) (map[string]json.RawMessage, error) {
	if !w.Remote {
		if out, err := w.localOutputs(); err != nil || out != nil {
			return out, err
		}
	}
	values, err := command(ctx, w, "output", func(tf *tfexec.Terraform, _ io.Writer) (map[string]tfexec.OutputMeta, error) {
		return tf.Output(ctx)
	})
	if err != nil {
		return nil, err
	}
	out := make(map[string]json.RawMessage, len(values))
	for name, v := range values {
		out[name] = v.Value
	}
	return out, nil
}

// stateVersion is the form of state files since Terraform 0.12, and OpenTofu's:
// terraform internal/states/statefile/version4.go.
const stateVersion = 4

// localOutputs reads the workspace's own state file; nil is that there is none,
// or one of a form that only Terraform knows.
func (w *Workspace) localOutputs() (map[string]json.RawMessage, error) {
	path := filepath.Join(w.Private, stateFile)
	data, err := os.ReadFile(path) //nolint:gosec // of our own folder
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	var st struct {
		Version int `json:"version"`
		Outputs map[string]struct {
			Value json.RawMessage `json:"value"`
		} `json:"outputs"`
	}
	if err := json.Unmarshal(data, &st); err != nil || st.Version != stateVersion {
		return nil, nil //nolint:nilerr // Terraform says what is wrong with it
	}
	out := make(map[string]json.RawMessage, len(st.Outputs))
	for name, o := range st.Outputs {
		out[name] = o.Value
	}
	return out, nil
}

// Resources lists the addresses of the managed resources in the state, in
// its order. An empty list means that Terraform knows of nothing left.
func (w *Workspace) Resources(ctx context.Context) ([]string, error) {
	data, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	st, err := parseState(data)
	if err != nil {
		place := filepath.Join(w.Private, stateFile)
		if w.Remote {
			place = "remote state of " + w.Dir
		}
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	return st.addresses(), nil
}
