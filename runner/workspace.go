package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/terraform-exec/tfexec"
	tfjson "github.com/hashicorp/terraform-json"
)

// lockTimeout bounds how long a command waits for another one's state lock.
const lockTimeout = "30s"

// Names inside Workspace.Private.
const (
	stateFile = "terraform.tfstate"
	planFile  = "plan.tfplan"
	dataDir   = "terraform"
)

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
	// goroutine at a time.
	Events func(Event)
}

func (w *Workspace) terraform(stderr *bytes.Buffer) (*tfexec.Terraform, error) {
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
func (w *Workspace) Init(ctx context.Context) error {
	var stderr bytes.Buffer
	tf, err := w.terraform(&stderr)
	if err != nil {
		return err
	}
	err = tf.Init(ctx, tfexec.Upgrade(false),
		tfexec.BackendConfig("path="+filepath.Join(w.Private, stateFile)))
	return commandError(ctx, "init", nil, stderr.String(), err)
}

// Plan makes and saves a plan, replacing an earlier one, and returns it
// decoded. With destroy it plans the removal of everything.
func (w *Workspace) Plan(ctx context.Context) (*tfjson.Plan, error) {
	var stderr bytes.Buffer
	tf, err := w.terraform(&stderr)
	if err != nil {
		return nil, err
	}
	out := filepath.Join(w.Private, planFile)
	opts := []tfexec.PlanOption{tfexec.Out(out), tfexec.LockTimeout(lockTimeout)}
	for _, f := range w.VarFiles {
		opts = append(opts, tfexec.VarFile(f))
	}
	s := newStream("plan", w.Events)
	_, err = tf.PlanJSON(ctx, s, opts...)
	diags := s.finish()
	if err := commandError(ctx, "plan", diags, stderr.String(), err); err != nil {
		return nil, err
	}
	if err := os.Chmod(out, 0o600); err != nil {
		return nil, fmt.Errorf("saved plan: %w", err)
	}
	return w.showPlan(ctx, out)
}

func (w *Workspace) showPlan(ctx context.Context, path string) (*tfjson.Plan, error) {
	var stderr bytes.Buffer
	tf, err := w.terraform(&stderr)
	if err != nil {
		return nil, err
	}
	plan, err := tf.ShowPlanFile(ctx, path)
	if err := commandError(ctx, "show", nil, stderr.String(), err); err != nil {
		return nil, err
	}
	return plan, nil
}

// Apply applies the saved plan. It is not retryable: a plan is used once.
// After an error part of it may exist; Destroy removes that.
func (w *Workspace) Apply(ctx context.Context) error {
	var stderr bytes.Buffer
	tf, err := w.terraform(&stderr)
	if err != nil {
		return err
	}
	s := newStream("apply", w.Events)
	err = tf.ApplyJSON(ctx, s,
		tfexec.DirOrPlan(filepath.Join(w.Private, planFile)), tfexec.LockTimeout(lockTimeout))
	diags := s.finish()
	w.tightenState()
	return commandError(ctx, "apply", diags, stderr.String(), err)
}

// Destroy removes everything that the state knows. Idempotent; safe to call
// again after an error.
func (w *Workspace) Destroy(ctx context.Context) error {
	var stderr bytes.Buffer
	tf, err := w.terraform(&stderr)
	if err != nil {
		return err
	}
	opts := []tfexec.DestroyOption{tfexec.LockTimeout(lockTimeout)}
	for _, f := range w.VarFiles {
		opts = append(opts, tfexec.VarFile(f))
	}
	s := newStream("destroy", w.Events)
	err = tf.DestroyJSON(ctx, s, opts...)
	diags := s.finish()
	w.tightenState()
	return commandError(ctx, "destroy", diags, stderr.String(), err)
}

// Outputs returns the root module's outputs as JSON values by name.
func (w *Workspace) Outputs(ctx context.Context) (map[string]json.RawMessage, error) {
	var stderr bytes.Buffer
	tf, err := w.terraform(&stderr)
	if err != nil {
		return nil, err
	}
	values, err := tf.Output(ctx)
	if err := commandError(ctx, "output", nil, stderr.String(), err); err != nil {
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
