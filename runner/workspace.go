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
	"time"

	"github.com/hashicorp/terraform-exec/tfexec"
	tfjson "github.com/hashicorp/terraform-json"
)

// lockTimeout bounds how long a command waits for another one's state lock.
const lockTimeout = "30s"

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
}

// command runs one Terraform command; out takes its JSON stream.
func command[T any](ctx context.Context, w *Workspace, op string, call func(tf *tfexec.Terraform, out io.Writer) (T, error)) (T, error) {
	var none T
	g := newGuard()
	stderr := &tail{}
	tf, err := w.terraform(g, stderr)
	if err != nil {
		return none, err
	}
	s := newStream(op, w.Events)
	v, err := run(ctx, g, func() (T, error) { return call(tf, s) })
	diags, broken := s.finish()
	if err := errors.Join(commandError(ctx, op, diags, stderr.String(), err), broken); err != nil {
		return none, err
	}
	return v, nil
}

func (w *Workspace) terraform(g *guard, stderr io.Writer) (*tfexec.Terraform, error) {
	tf, err := tfexec.NewTerraform(w.Dir, w.Engine.Path)
	if err != nil {
		return nil, fmt.Errorf("workspace %s: %w", w.Dir, err)
	}
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
		return nil, fmt.Errorf("environment of terraform: %w", err)
	}
	grace := w.Grace
	if grace == 0 {
		grace = 2 * time.Minute
	}
	if err := tf.SetWaitDelay(grace); err != nil {
		return nil, fmt.Errorf("stop grace: %w", err)
	}
	tf.SetStderr(stderr)
	return tf, nil
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
	_, err = command(ctx, w, "init", func(tf *tfexec.Terraform, _ io.Writer) (struct{}, error) {
		return struct{}{}, tf.Init(ctx, tfexec.Upgrade(false), tfexec.Reconfigure(true),
			tfexec.BackendConfig("path="+filepath.Join(private, stateFile)))
	})
	return err
}

// Plan makes and saves a plan, replacing an earlier one, and returns it
// decoded.
func (w *Workspace) Plan(ctx context.Context) (*tfjson.Plan, error) {
	out := filepath.Join(w.Private, planFile)
	opts := []tfexec.PlanOption{tfexec.Out(out), tfexec.LockTimeout(lockTimeout)}
	for _, f := range w.VarFiles {
		opts = append(opts, tfexec.VarFile(f))
	}
	if _, err := command(ctx, w, "plan", func(tf *tfexec.Terraform, s io.Writer) (bool, error) {
		return tf.PlanJSON(ctx, s, opts...)
	}); err != nil {
		return nil, err
	}
	if err := os.Chmod(out, 0o600); err != nil {
		return nil, fmt.Errorf("saved plan: %w", err)
	}
	return command(ctx, w, "show", func(tf *tfexec.Terraform, _ io.Writer) (*tfjson.Plan, error) {
		return tf.ShowPlanFile(ctx, out)
	})
}

// Apply applies the saved plan. It is not retryable: a plan is used once.
// After an error part of it may exist; Destroy removes that.
func (w *Workspace) Apply(ctx context.Context) error {
	defer w.tightenState()
	_, err := command(ctx, w, "apply", func(tf *tfexec.Terraform, s io.Writer) (struct{}, error) {
		return struct{}{}, tf.ApplyJSON(ctx, s, tfexec.DirOrPlan(filepath.Join(w.Private, planFile)), tfexec.LockTimeout(lockTimeout))
	})
	return err
}

// Destroy removes everything that the state knows. Idempotent; safe to call
// again after an error.
func (w *Workspace) Destroy(ctx context.Context) error {
	opts := []tfexec.DestroyOption{tfexec.LockTimeout(lockTimeout)}
	for _, f := range w.VarFiles {
		opts = append(opts, tfexec.VarFile(f))
	}
	defer w.tightenState()
	_, err := command(ctx, w, "destroy", func(tf *tfexec.Terraform, s io.Writer) (struct{}, error) {
		return struct{}{}, tf.DestroyJSON(ctx, s, opts...)
	})
	return err
}

// Outputs returns the root module's outputs as JSON values by name.
func (w *Workspace) Outputs(ctx context.Context) (map[string]json.RawMessage, error) {
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

// Resources lists the addresses of the managed resources in the state, in
// its order. An empty list means that Terraform knows of nothing left.
func (w *Workspace) Resources() ([]string, error) {
	data, err := os.ReadFile(filepath.Join(w.Private, stateFile))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	var st struct {
		Resources []struct {
			Module    string            `json:"module"`
			Mode      string            `json:"mode"`
			Type      string            `json:"type"`
			Name      string            `json:"name"`
			Instances []json.RawMessage `json:"instances"`
		} `json:"resources"`
	}
	if err := json.Unmarshal(data, &st); err != nil {
		return nil, fmt.Errorf("state %s is not readable: %w", filepath.Join(w.Private, stateFile), err)
	}
	var out []string
	for _, r := range st.Resources {
		if r.Mode != "managed" || len(r.Instances) == 0 {
			continue
		}
		addr := r.Type + "." + r.Name
		if r.Module != "" {
			addr = r.Module + "." + addr
		}
		out = append(out, addr)
	}
	return out, nil
}

// tightenState makes state files private: Terraform writes them 0644. The
// folder is 0700 already; this is for whoever copies the files elsewhere.
func (w *Workspace) tightenState() {
	for _, name := range []string{stateFile, stateFile + ".backup"} {
		_ = os.Chmod(filepath.Join(w.Private, name), 0o600)
	}
}
