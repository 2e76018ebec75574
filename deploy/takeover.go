package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"skysail/internal/failure"
	"skysail/internal/supervise/proc"
	"skysail/store"
)

// EnvAttempt marks every Terraform of an attempt, and by that its plugins, as
// "ID/N": the deployment and the number of the attempt.
const EnvAttempt = "SKYSAIL_ATTEMPT"

const (
	// pluginCookie is in the environment of Terraform's plugins and not in its
	// own: github.com/hashicorp/terraform, internal/plugin/serve.go.
	pluginCookie = "TF_PLUGIN_MAGIC_COOKIE="
	// orphanGrace is how long a Terraform that lost its owner may take to stop
	// in order: it waits for the provider's call and writes its state.
	orphanGrace = 2 * time.Minute
)

func attemptMark(id string, n int) string { return fmt.Sprintf("%s/%d", id, n) }

// marked are the running processes of a deployment's attempts. What leads a
// session of its own was detached on purpose and is not one.
func marked(id string) ([]proc.Info, error) {
	list, err := proc.WithEnvPrefix(EnvAttempt + "=" + id + "/")
	return slices.DeleteFunc(list, func(p proc.Info) bool { return p.SID == p.PID }), err
}

// takeOver makes sure that nothing works on a deployment any more. The caller
// holds its lock, so its owner is gone; but a Terraform can outlive that
// behind a wrapper, and a plugin its Terraform. Terraform is asked to stop in
// order, so that what it knows is in its state; what is left is killed.
// Idempotent. When it fails something still runs, and nothing may be done.
func (d *Deployer) takeOver(ctx context.Context, row *store.Deployment, grace time.Duration) error {
	list, err := marked(row.ID)
	if err != nil {
		return fmt.Errorf("looking for what still works on %s: %w", row.Name, err)
	}
	if len(list) == 0 {
		return nil
	}
	d.emit(EventStep, nil, "ending what its dead owner left running: %s", proc.Names(list))
	engines := func() ([]proc.Info, error) {
		list, err := marked(row.ID)
		return slices.DeleteFunc(list, func(p proc.Info) bool { return proc.HasEnvPrefix(p.PID, pluginCookie) }), err
	}
	if err := proc.Terminate(ctx, engines, syscall.SIGINT, grace); err != nil {
		return stillRunning(row.Name, err)
	}
	all := func() ([]proc.Info, error) { return marked(row.ID) }
	if err := proc.Terminate(ctx, all, syscall.SIGKILL, 0); err != nil {
		return stillRunning(row.Name, err)
	}
	return nil
}

func stillRunning(name string, err error) error {
	if errors.Is(err, context.Canceled) {
		return failure.Wrap(err, failure.Interrupted, fmt.Sprintf("deployment %q", name), "Its state was not touched.",
			fmt.Sprintf("Run `skysail recover %s` again.", name))
	}
	return failure.Wrap(err, failure.LeftBehind, fmt.Sprintf("deployment %q", name),
		"Its owner is gone, but what that started can not be ended; its state was not touched, and what it makes may exist.",
		fmt.Sprintf("End the processes, then run `skysail recover %s`.", name))
}
