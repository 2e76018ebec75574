package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/spec"
)

func newUpdate(a *app) *cobra.Command {
	var policy string
	var auto, replace bool
	cmd := &cobra.Command{
		Use:   "update [NAME] [FILE]",
		Short: "Change what runs to what the service file says now",
		Long: `Plans the change, shows it and the price before and after, asks, and applies.
In place when every instance stays: firewall, health check, values of secrets,
policy. Otherwise a new deployment is made beside the old one, takes over when
it is healthy, and the old one is destroyed with proof; what fails is undone and
what ran before goes on. On this machine the service is replaced in place.

NAME is the service's name in FILE when it is left out. Without a policy file
beside FILE and without --policy the deployment keeps its policy. Where it runs
(this machine, a cloud, the sandbox) stays as it was deployed.`,
		Example: `  skysail update service.hcl
  skysail update hello examples/hello/service.hcl --auto-approve
  skysail update hello service.hcl --policy policy.hcl --replace`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, file := updateArgs(args)
			svc, p, err := loadUpdate(file, policy)
			if err != nil {
				return err
			}
			if name == "" {
				name = svc.Name
			}
			return a.changeRunning(cmd.Context(), auto, "Update", name, func(ctx context.Context, d *deploy.Deployer) (deploy.UpdateResult, error) {
				return d.Update(ctx, name, deploy.UpdateRequest{Service: svc, Policy: p, Replace: replace})
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&policy, "policy", "", "policy file (default: policy.hcl beside the service file, else the policy that it was deployed with)")
	f.BoolVar(&auto, "auto-approve", false, "do not ask")
	f.BoolVar(&replace, "replace", false, "make a new deployment also where a change in place would do")
	return cmd
}

// updateArgs tells a name from a file: a name is no path and names no file.
func updateArgs(args []string) (name string, file []string) {
	if len(args) == 2 {
		return args[0], args[1:]
	}
	if len(args) == 1 && !strings.ContainsAny(args[0], "/.") {
		if _, err := os.Stat(args[0]); errors.Is(err, fs.ErrNotExist) {
			return args[0], nil
		}
	}
	return "", args
}

// loadUpdate reads the service file and the policy, which is nil when there is
// none to read.
func loadUpdate(args []string, policy string) (*spec.Service, *policies.Policy, error) {
	t := target{policy: policy}
	svc, p, err := t.load(args)
	if err != nil {
		return nil, nil, err
	}
	if policy == "" {
		_, err := os.Stat(filepath.Join(filepath.Dir(serviceFile(args)), "policy.hcl"))
		if errors.Is(err, fs.ErrNotExist) {
			p = nil
		}
	}
	return svc, p, nil
}

// changeRunning is what update and rollback have in common.
func (a *app) changeRunning(ctx context.Context, auto bool, verb, name string, do func(context.Context, *deploy.Deployer) (deploy.UpdateResult, error)) error {
	if !auto && (a.output == "json" || !isTerminal(a.io.In)) {
		return failure.New(failure.Input, "nobody can be asked for approval here",
			strings.ToLower(verb)+" shows a plan and asks before it changes anything; nothing was changed.",
			"Add --auto-approve, or run it on a terminal.")
	}
	progress := a.newProgress()
	defer progress.stop()
	stopNotice := context.AfterFunc(ctx, func() {
		progress.line("Interrupted: stopping in order and undoing the change. This can take a minute.")
	})
	defer stopNotice()
	opts := deploy.Options{Progress: progress.event}
	if !auto {
		opts.Approve = func(ctx context.Context, p deploy.Preview) (bool, error) {
			progress.stop()
			defer progress.start()
			printPreview(a.io.Out, p)
			return a.ask(ctx, verb+" this?")
		}
	}
	return withDeployer(ctx, opts, func(d *deploy.Deployer) error {
		res, err := do(ctx, d)
		progress.stop()
		if errors.Is(err, deploy.ErrNotApproved) {
			return failure.Wrap(err, failure.Failed, fmt.Sprintf("deployment %q", name), "Nothing was changed.", "")
		}
		if res.Deployment.ID != "" {
			if perr := a.printUpdated(res); perr != nil {
				return errors.Join(err, perr)
			}
		}
		return err
	})
}

func (a *app) printUpdated(r deploy.UpdateResult) error {
	if a.output == "json" {
		return a.printJSON(map[string]any{
			"deployment": r.Deployment, "changed": r.Changed, "in_place": r.InPlace, "changes": r.Changes, "proofs": r.Proofs,
		})
	}
	d := r.Deployment
	switch {
	case !r.Changed:
		a.printf("%s is as the file says (revision %d); nothing was changed.\n", d.Name, d.Revision)
		return nil
	case r.InPlace:
		a.printf("%s is revision %d, changed in place on %s, %s (%s)%s\n", d.Name, d.Revision, d.Provider, d.Region, d.Type, sandboxMark(d.Sandbox))
	default:
		a.printf("%s is revision %d, new on %s, %s (%s)%s\n", d.Name, d.Revision, d.Provider, d.Region, d.Type, sandboxMark(d.Sandbox))
	}
	for _, i := range d.Instances {
		a.printf("  %s  %s  %s\n", i.Name, i.Address, i.HealthURL)
	}
	for _, p := range r.Proofs {
		if len(p.Left) == 0 && p.Unasked == "" && !p.AskedAt.IsZero() {
			a.printf("  the old one on %s: asked again at %s, nothing is left\n", p.Provider, p.AskedAt.Format("15:04:05Z"))
		}
	}
	a.printf("Next: skysail status %[1]s | history %[1]s | rollback %[1]s\n", d.Name)
	return nil
}
