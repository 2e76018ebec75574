package deploy

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"skysail/internal/reexec"
	"skysail/runner"
)

// SandboxEnv is the environment that points other programs at the sandbox,
// which is started when it does not run: endpoints, proxy, CA and tokens, and
// a CLI configuration with which plain terraform finds the same providers.
func (d *Deployer) SandboxEnv(ctx context.Context) (map[string]string, error) {
	sim, err := d.simulator(ctx)
	if err != nil {
		return nil, err
	}
	mirrors, direct, err := d.mirrors(true, runner.EngineKind(d.policy.Engine))
	if err != nil {
		return nil, err
	}
	rc := filepath.Join(d.home, "sandbox", "terraform.rc")
	if err := renameio.WriteFile(rc, runner.CLIConfig(mirrors, direct), 0o600); err != nil {
		return nil, fmt.Errorf("terraform's CLI configuration: %w", err)
	}
	binary, err := reexec.Binary()
	if err != nil {
		return nil, err
	}
	env := maps.Clone(sim.Env())
	env["TF_CLI_CONFIG_FILE"] = rc
	env[reexec.EnvBinary] = binary
	if _, ok := os.LookupEnv("SKYSAIL_LOCAL_DIR"); !ok {
		env["SKYSAIL_LOCAL_DIR"] = filepath.Join(d.home, "local")
	}
	return env, nil
}
