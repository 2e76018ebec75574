package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-exec/tfexec"
	tfjson "github.com/hashicorp/terraform-json"
)

// driftFile is a refresh-only plan, which is not for applying.
const driftFile = "drift.tfplan"

// PlanReplacing is Plan for which the resources with these addresses are made
// anew although nothing in their configuration asks for it.
func (w *Workspace) PlanReplacing(ctx context.Context, addresses []string) (*tfjson.Plan, error) {
	var opts []tfexec.PlanOption
	for _, a := range addresses {
		opts = append(opts, tfexec.Replace(a))
	}
	return w.plan(ctx, filepath.Join(w.Private, planFile), opts...)
}

// Drift compares what the state records with what the provider has, and
// returns that as a refresh-only plan: what differs is in ResourceDrift. It
// changes neither; a saved plan stays as it is. May be retried.
func (w *Workspace) Drift(ctx context.Context) (*tfjson.Plan, error) {
	out := filepath.Join(w.Private, driftFile)
	defer func() { _ = os.Remove(out) }() // it holds what the state holds
	p, err := w.plan(ctx, out, tfexec.RefreshOnly(true))
	var e *Error
	if errors.As(err, &e) && slices.ContainsFunc(e.Messages(), func(m string) bool { return strings.HasPrefix(m, "Invalid index") }) {
		// Where an instance is gone that has a postcondition, Terraform looks
		// for it as "self" all the same (github.com/hashicorp/terraform,
		// internal/lang/eval.go). A plan in full finds the same drift.
		return w.plan(ctx, out)
	}
	return p, err
}

// plan plans into a file and returns that decoded.
func (w *Workspace) plan(ctx context.Context, out string, opts ...tfexec.PlanOption) (*tfjson.Plan, error) {
	if err := w.savePlan(ctx, out, opts...); err != nil {
		return nil, err
	}
	return w.showPlan(ctx, out)
}

func (w *Workspace) savePlan(ctx context.Context, out string, opts ...tfexec.PlanOption) error {
	opts = append(opts, tfexec.Out(out), w.lockWait(lockTimeout))
	for _, f := range w.VarFiles {
		opts = append(opts, tfexec.VarFile(f))
	}
	if _, err := command(ctx, w, "plan", func(tf *tfexec.Terraform, s io.Writer) (bool, error) {
		return tf.PlanJSON(ctx, s, opts...)
	}); err != nil {
		return err
	}
	if err := os.Chmod(out, 0o600); err != nil {
		return fmt.Errorf("saved plan: %w", err)
	}
	return nil
}

func (w *Workspace) showPlan(ctx context.Context, out string) (*tfjson.Plan, error) {
	return command(ctx, w, "show", func(tf *tfexec.Terraform, _ io.Writer) (*tfjson.Plan, error) {
		return tf.ShowPlanFile(ctx, out)
	})
}
