package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/policies"
	"skysail/spec"
)

// target holds the flags that select, plan and deploy share.
type target struct {
	remote  bool
	policy  string
	sandbox bool
}

func (t *target) flags(cmd *cobra.Command, remote bool) {
	f := cmd.Flags()
	if remote {
		f.BoolVar(&t.remote, "remote", false, "deploy to a cloud chosen by the policy, not on this machine")
	}
	f.StringVar(&t.policy, "policy", "", "policy file (default: policy.hcl beside the service file, else the built-in defaults)")
	f.BoolVar(&t.sandbox, "sandbox", false, "use simulated clouds on this machine; implies --remote")
}

// load reads the service file and the policy that goes with it. All mistakes
// of both files are reported.
func (t *target) load(args []string) (*spec.Service, *policies.Policy, error) {
	path := serviceFile(args)
	svc, err := spec.Load(path)
	policy, perr := t.loadPolicy(path)
	if err := errors.Join(err, perr); err != nil {
		return nil, nil, err
	}
	return svc, policy, nil
}

func serviceFile(args []string) string {
	if len(args) > 0 {
		if st, err := os.Stat(args[0]); err == nil && st.IsDir() {
			return filepath.Join(args[0], "service.hcl")
		}
		return args[0]
	}
	return "service.hcl"
}

func (t *target) loadPolicy(service string) (*policies.Policy, error) {
	path := t.policy
	if path == "" {
		path = filepath.Join(filepath.Dir(service), "policy.hcl")
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			p := policies.Default()
			return &p, nil
		}
	}
	p, err := policies.Load(path)
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// options are the deployer's options that every command gives.
func (t *target) options(policy *policies.Policy) deploy.Options {
	return deploy.Options{Remote: t.remote || t.sandbox, Sandbox: t.sandbox, Policy: policy, ReadyTimeout: readyTimeout(t.sandbox)}
}

// readyTimeout is shorter in the sandbox: nothing there takes minutes.
func readyTimeout(sandbox bool) time.Duration {
	if sandbox {
		return 30 * time.Second
	}
	return 0
}

// withDeployer opens a deployer for the length of fn.
func withDeployer(ctx context.Context, opts deploy.Options, fn func(*deploy.Deployer) error) (err error) {
	d, err := deploy.New(ctx, opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return fn(d)
}
