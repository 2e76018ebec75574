package deploy

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	localplugin "skysail/clouds/local/plugin"
	"skysail/generator"
	"skysail/internal/reexec"
	"skysail/internal/tfplugin"
	"skysail/policies"
	"skysail/runner"
	"skysail/sandbox/kube"
	sandboxplugin "skysail/sandbox/plugin"
)

// Provider address patterns of Terraform's mirrors.
const ownProviders = "skysail.internal/*/*"

// publicProviders are those without a host in their address.
func publicProviders(k runner.EngineKind) string { return k.Registry() + "/*/*" }

// pluginEnv adds what our own Terraform plugins need.
func (d *Deployer) pluginEnv(env map[string]string, a *attempt) error {
	b, err := reexec.Binary()
	if err != nil {
		return err
	}
	env[reexec.EnvBinary] = b
	if a.row.Provider == policies.Kubernetes && a.dep.Sandbox {
		var dirs []string
		if dir, ok := d.lookup(kube.EnvTools); ok {
			dirs = append(dirs, dir)
		}
		if tools, err := kube.Find(dirs...); err == nil { // else the plugin says what is missing
			env[kube.EnvTools] = tools.Dir
		}
	}
	if a.row.Provider == "local" {
		env["SKYSAIL_LOCAL_DIR"] = filepath.Join(d.home, "local")
		env["SKYSAIL_LOCAL_SECRETS"] = filepath.Join(a.private(), secretsFile)
	}
	return nil
}

// mirrors lays out the mirror of our own plugins and says where Terraform
// takes providers from: the local provider always from there; the clouds'
// from ProviderMirror when it is set, else in the sandbox from our stand-ins,
// else those that are needed from the cache, once they are in it, and the rest
// from their registry.
func (d *Deployer) mirrors(sandbox bool, kind runner.EngineKind, needed ...runner.Mirror) ([]runner.Mirror, bool, error) {
	own := filepath.Join(d.home, "providers")
	providers := append(append(localplugin.Providers(), sandboxplugin.Providers()...), kube.Providers()...)
	for i := range providers {
		if rest, ok := strings.CutPrefix(providers[i].Source, runner.Terraform.Registry()); ok {
			providers[i].Source = kind.Registry() + rest
		}
	}
	if err := tfplugin.WriteMirror(own, providers...); err != nil {
		return nil, false, fmt.Errorf("provider mirror: %w", err)
	}
	out := []runner.Mirror{{Dir: own, Include: []string{ownProviders}}}
	switch {
	case d.opts.ProviderMirror != "":
		dir, err := filepath.Abs(d.opts.ProviderMirror)
		if err != nil {
			return nil, false, err
		}
		return append(out, runner.Mirror{Dir: dir, Include: []string{publicProviders(kind)}}), false, nil
	case sandbox:
		out[0].Include = append(out[0].Include, publicProviders(kind))
		return out, false, nil
	default:
		return append(out, needed...), true, nil
	}
}

func (d *Deployer) writeCLIConfig(a *attempt, kind runner.EngineKind) (string, error) {
	var needed []runner.Mirror
	source, version := generator.Requirement(a.row.Provider)
	if m, ok := d.providerCache(runner.Engine{Kind: kind}).Mirror(source, version); ok {
		needed = append(needed, m)
	}
	mirrors, direct, err := d.mirrors(a.dep.Sandbox, kind, needed...)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(a.private(), 0o700); err != nil {
		return "", fmt.Errorf("attempt folder: %w", err)
	}
	path := filepath.Join(a.private(), "terraform.rc")
	if err := renameio.WriteFile(path, runner.CLIConfig(mirrors, direct), 0o600); err != nil {
		return "", fmt.Errorf("terraform's CLI configuration: %w", err)
	}
	return path, nil
}

func (d *Deployer) providerCache(e runner.Engine) runner.ProviderCache {
	return runner.ProviderCache{
		Dir: filepath.Join(d.home, "providers-cache"), Engine: e,
		Notice: func(s string) { d.emit(EventStep, nil, "%s", s) },
	}
}

// cacheProvider sees to it that a real provider which an attempt needs is in
// the cache, and gives its bundle, in dir, the lock file that came with it.
func (d *Deployer) cacheProvider(ctx context.Context, a *attempt, dir string) error {
	if d.opts.ProviderMirror != "" || a.dep.Sandbox || a.row.Provider == policies.Local {
		return nil
	}
	source, version := generator.Requirement(a.row.Provider)
	cache := d.providerCache(a.workspace.Engine)
	if err := cache.Ensure(ctx, source, version); err != nil {
		return err
	}
	lock, err := cache.Lock(source, version)
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(filepath.Join(dir, runner.LockFile), lock, 0o600); err != nil {
		return fmt.Errorf("lock file of the bundle: %w", err)
	}
	a.workspace.CLIConfig, err = d.writeCLIConfig(a, a.workspace.Engine.Kind)
	return err
}
