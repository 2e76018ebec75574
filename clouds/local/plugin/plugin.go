// Package plugin is the Terraform provider skysail.internal/skysail/local: its
// one resource, local_service, is a service that runs on this machine. The
// service outlives Terraform and the command that started it, is started
// again when it dies, and is stopped for certain when it is destroyed.
package plugin

import (
	"context"
	_ "embed"
	"path/filepath"

	tfjson "github.com/hashicorp/terraform-json"

	"skysail/clouds/local"
	"skysail/internal/reexec"
	"skysail/internal/tfplugin"
)

// The provider's address and version.
const (
	Source  = "skysail.internal/skysail/local"
	Version = "1.0.0"
)

const helper = "plugin-local"

//go:embed schema.json
var schemaJSON []byte

func init() {
	reexec.Register(helper, func([]string) int { return tfplugin.Serve(provider()) })
}

// Providers is the provider, for the mirror in which Terraform finds it.
func Providers() []tfplugin.Release {
	return []tfplugin.Release{{Source: Source, Version: Version, Helper: helper}}
}

// machine is what the resource needs to know of this machine.
type machine struct {
	// dir holds a folder for each deployment.
	dir string
	// secrets names the file with the secrets' values, or is empty.
	secrets string
	// env is this process's environment.
	env func(string) (string, bool)
}

func (m *machine) folder(o tfplugin.Object) local.Folder {
	return local.FolderOf(m.dir, o.String("deployment_id"), o.String("name"))
}

func provider() *tfplugin.Provider[*machine] {
	return &tfplugin.Provider[*machine]{
		Source:      Source,
		Schema:      schema(),
		EnvDefaults: map[string][]string{"directory": {local.EnvDirectory}},
		Configure:   configure,
		Resources:   map[string]*tfplugin.Resource[*machine]{"local_service": serviceResource()},
	}
}

// schema reads the embedded schema, which is part of the program: the tests
// read it too, so it does not fail at run time.
func schema() *tfjson.ProviderSchema {
	s, err := tfplugin.ParseSchema(schemaJSON, Source)
	if err != nil {
		panic(err)
	}
	return s
}

func configure(_ context.Context, config tfplugin.Object) (*machine, error) {
	m := &machine{dir: config.String("directory"), env: lookupEnv}
	m.secrets, _ = m.env(local.EnvSecrets)
	if !filepath.IsAbs(m.dir) {
		return nil, &tfplugin.Problem{
			Summary:   "the folder for local services is not an absolute path",
			Detail:    "Set directory in the provider's configuration, or " + local.EnvDirectory + " in the environment.",
			Attribute: "directory",
		}
	}
	return m, nil
}
