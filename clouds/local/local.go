// Package local is this machine as a place to run services: where each has
// its folder, what runs of it, and how to find and remove what a deployment
// left. Its Terraform provider, which starts services, is package plugin.
package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"skysail/clouds"
	"skysail/internal/supervise"
	"skysail/internal/supervise/proc"
)

// Environment variables of the Terraform provider.
const (
	// EnvDirectory names the folder that holds a folder for each deployment.
	EnvDirectory = "SKYSAIL_LOCAL_DIR"
	// EnvSecrets names the file with the secrets of the service that is being
	// deployed, in the form of systemd's EnvironmentFile.
	EnvSecrets = "SKYSAIL_LOCAL_SECRETS" //nolint:gosec // the name of a variable, and no secret
)

// Kinds of what Find returns.
const (
	KindService   = "local_service"
	KindProcesses = "processes"
)

const (
	provider = "local"
	// stopGrace is what stray processes get between SIGTERM and SIGKILL.
	stopGrace = 10 * time.Second
)

// engineVariables tell the clients of container engines where their engine
// and their credentials are.
var engineVariables = []string{
	"XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY",
	"CONTAINER_HOST", "CONTAINER_CONNECTION", "REGISTRY_AUTH_FILE", "DBUS_SESSION_BUS_ADDRESS",
}

// EngineEnv is the part of env that the clients of container engines read.
func EngineEnv(env clouds.Env) map[string]string {
	out := map[string]string{}
	for _, name := range engineVariables {
		if v := env.Get(name); v != "" {
			out[name] = v
		}
	}
	return out
}

// Cloud is this machine.
type Cloud struct {
	dir string
	env clouds.Env
}

// New returns this machine. The services live in dir.
func New(dir string, env clouds.Env) *Cloud { return &Cloud{dir: dir, env: env} }

// Credentials returns nil: this machine asks for none.
func (c *Cloud) Credentials() error { return nil }

// TerraformEnv says where services live, how to reach the network for their
// archives, and where the container engine is.
func (c *Cloud) TerraformEnv() map[string]string {
	out := clouds.NetworkEnv(c.env)
	maps.Copy(out, EngineEnv(c.env))
	out[EnvDirectory] = c.dir
	return out
}

// Status is what the supervisor of an instance says; the error is
// fs.ErrNotExist when there is no such instance.
func (c *Cloud) Status(deploymentID, name string) (supervise.Status, error) {
	return supervise.Read(FolderOf(c.dir, deploymentID, name).Supervisor())
}

// Find returns what there is of a deployment: the folders of its services,
// and when there are none, the processes that outlived theirs.
func (c *Cloud) Find(_ context.Context, deploymentID string) ([]clouds.Resource, error) {
	if err := clouds.CheckID(deploymentID); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(c.dir, deploymentID))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("local services of %s: %w", deploymentID, err)
	}
	var out []clouds.Resource
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		r := resource(KindService, deploymentID+"/"+e.Name(), e.Name(), deploymentID)
		if s, err := FolderOf(c.dir, deploymentID, e.Name()).record(); err == nil {
			r.CreatedAt = s.CreatedAt
		}
		out = append(out, r)
	}
	if len(out) > 0 {
		return out, nil
	}
	strays, err := proc.WithEnv(supervise.EnvDeployment + "=" + deploymentID)
	if err != nil {
		return nil, fmt.Errorf("processes of %s: %w", deploymentID, err)
	}
	if len(strays) > 0 {
		out = append(out, resource(KindProcesses, deploymentID, proc.Names(strays), deploymentID))
	}
	return out, nil
}

func resource(kind, id, name, deploymentID string) clouds.Resource {
	return clouds.Resource{Provider: provider, Kind: kind, ID: id, Name: name, Region: provider, Tags: []string{clouds.DeploymentTag(deploymentID)}}
}

// Delete removes one thing that Find returned; without an error nothing of it
// runs any more and its folder is gone. What is gone already is no error.
func (c *Cloud) Delete(ctx context.Context, r clouds.Resource) error {
	switch r.Kind {
	case KindService:
		deploymentID, name, err := SplitID(r.ID)
		if err != nil {
			return err
		}
		return FolderOf(c.dir, deploymentID, name).Remove(ctx, EngineEnv(c.env))
	case KindProcesses:
		if err := clouds.CheckID(r.ID); err != nil {
			return err
		}
		return terminate(ctx, supervise.EnvDeployment+"="+r.ID)
	default:
		return fmt.Errorf("this machine has no %s to delete", r.Kind)
	}
}

// terminate ends the processes that carry an entry in their environment.
func terminate(ctx context.Context, entry string) error {
	find := func() ([]proc.Info, error) { return proc.WithEnv(entry) }
	return proc.Terminate(ctx, find, syscall.SIGTERM, stopGrace)
}
