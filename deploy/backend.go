package deploy

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"skysail/internal/failure"
	"skysail/policies"
	"skysail/store"
)

// backendOf is where a deployment's state is, nil for this machine: a service
// that runs on this machine is nobody else's matter.
func backendOf(dep *store.Deployment) *policies.Backend {
	if !dep.Remote {
		return nil
	}
	return dep.Policy.Backend
}

// addBackendEnv adds what the backend reads from the caller's environment, and
// nothing else of it. The state is real in the sandbox too, so what the
// simulated clouds use themselves can not be the backend's as well.
func (d *Deployer) addBackendEnv(env map[string]string, dep *store.Deployment) error {
	b := backendOf(dep)
	if b == nil {
		return nil
	}
	if err := sandboxBackend(dep); err != nil {
		return err
	}
	for _, name := range b.Variables() {
		if v, ok := d.lookup(name); ok {
			env[name] = v
		}
	}
	return nil
}

// sandboxBackend refuses the backends that would be led to the simulated
// clouds, by the variables or the proxy that lead there.
func sandboxBackend(dep *store.Deployment) error {
	b := backendOf(dep)
	if b == nil || !dep.Sandbox || b.Type == "pg" {
		return nil
	}
	if b.Type == "http" {
		if u, err := url.Parse(b.Text("address")); err == nil && u.Scheme == "http" {
			return nil
		}
	}
	return failure.New(failure.Input, fmt.Sprintf("backend %q is not supported in the sandbox", b.Type),
		"Terraform reaches it with the variables, the proxy or the certificates that lead to the simulated clouds there; nothing was made.",
		`Use backend "pg", backend "http" with an http:// address, or none, for what runs in the sandbox.`)
}

// holder is this user on this machine, as Terraform's locks name it.
func holder() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return name + "@" + host
}

// stateTrouble is the failure for a backend that can not be used. Terraform
// says why; what it says has no credentials in it but for a URL that holds one.
func (d *Deployer) stateTrouble(err error, b *policies.Backend, meaning string) error {
	return failure.Wrap(err, failure.Failed, fmt.Sprintf("state in backend %q", b.Type), meaning,
		"`skysail doctor --policy FILE` tries it; it reads "+strings.Join(firstOf(b.Variables(), 3), ", ")+" and others from the environment (docs/state.md).")
}

func firstOf(list []string, n int) []string { return list[:min(n, len(list))] }

// openState makes the state of an attempt readable where it is in a backend:
// the attempt may have ended before or in its init. What Terraform could not
// write there is written now.
func (d *Deployer) openState(ctx context.Context, a *attempt) error {
	if !a.workspace.Remote {
		return nil
	}
	if err := a.workspace.Init(ctx); err != nil {
		return err
	}
	return d.withLock(ctx, a.workspace, func() error { return a.workspace.Rescue(ctx) })
}

// exists says whether the attempt's bundle was ever written.
func (a *attempt) exists() bool {
	_, err := os.Stat(filepath.Join(a.bundle(), "main.tf"))
	return err == nil
}
