package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	localplugin "skysail/clouds/local/plugin"
	"skysail/internal/reexec"
	"skysail/internal/tfplugin"
	"skysail/runner"
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
	if a.row.Provider == "local" {
		env["SKYSAIL_LOCAL_DIR"] = filepath.Join(d.home, "local")
		env["SKYSAIL_LOCAL_SECRETS"] = filepath.Join(a.private(), secretsFile)
	}
	return nil
}

// mirrors lays out the mirror of our own plugins and says where Terraform
// takes providers from: the local provider always from there; the clouds'
// from ProviderMirror when it is set, else in the sandbox from our stand-ins,
// else from their registry.
func (d *Deployer) mirrors(sandbox bool, kind runner.EngineKind) ([]runner.Mirror, bool, error) {
	own := filepath.Join(d.home, "providers")
	providers := append(localplugin.Providers(), sandboxplugin.Providers()...)
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
		return out, true, nil
	}
}

func (d *Deployer) writeCLIConfig(a *attempt, kind runner.EngineKind) (string, error) {
	mirrors, direct, err := d.mirrors(a.dep.Sandbox, kind)
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
