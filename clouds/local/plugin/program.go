package plugin

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"skysail/clouds/local"
	"skysail/internal/supervise"
	"skysail/internal/tfplugin"
)

// inherited are the variables that a program may take for granted and that
// hold nothing of whoever deploys it: this process's environment has the
// credentials of clouds.
var inherited = []string{"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR"}

func lookupEnv(name string) (string, bool) { return os.LookupEnv(name) }

// environ is the environment of a program: what is inherited, then its own.
func environ(lookup func(string) (string, bool), names []string, own map[string]string) []string {
	all := map[string]string{}
	for _, name := range names {
		if v, ok := lookup(name); ok {
			all[name] = v
		}
	}
	maps.Copy(all, own)
	out := make([]string, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, name+"="+all[name])
	}
	return out
}

// supervision is what any service's supervisor is told.
func supervision(f local.Folder, o tfplugin.Object) supervise.Spec {
	return supervise.Spec{
		Dir:          f.Supervisor(),
		Journal:      f.Journal(),
		Identifier:   o.String("name"),
		Restart:      true,
		DeploymentID: o.String("deployment_id"),
		Marks:        []string{f.Mark()},
	}
}

// nativeSpec says how to run the program of an unpacked archive. Secrets are
// read from their file at each start and are nowhere else.
func nativeSpec(f local.Folder, o tfplugin.Object, lookup func(string) (string, bool)) supervise.Spec {
	s := supervision(f, o)
	s.Argv = append([]string{filepath.Join(f.App(), filepath.FromSlash(o.String("binary")))}, o.Strings("args")...)
	s.WorkDir = f.App()
	s.Env = environ(lookup, inherited, o.StringMap("env"))
	s.EnvFiles = []supervise.EnvFile{{Path: f.Secrets(), Optional: true}}
	return s
}

// container is what a container engine is asked to run.
type container struct {
	Engine, Name, Image, EnvFile, Label string
	Ports                               []int
}

// argv is the engine's command line. The container stays the client's child,
// so that the supervisor sees it end; its image is here already.
func (c container) argv() []string {
	out := []string{c.Engine, "run", "--rm", "--pull=never", "--name", c.Name, "--label", c.Label, "--env-file", c.EnvFile}
	for _, p := range c.Ports {
		out = append(out, "--publish", fmt.Sprintf("%s:%d:%d", host, p, p))
	}
	return append(out, c.Image)
}

// containerSpec says how to run a container. One of the same name that a
// killed client left behind is removed before each start.
func containerSpec(f local.Folder, o tfplugin.Object, engine string, lookup func(string) (string, bool)) supervise.Spec {
	s := supervision(f, o)
	s.Argv = container{
		Engine: engine, Name: containerName(o), Image: o.String("image"), EnvFile: f.ContainerEnv(),
		Label: "skysail-deployment=" + o.String("deployment_id"), Ports: o.Ints("ports"),
	}.argv()
	s.PreStart = []supervise.Command{{Argv: []string{engine, "rm", "--force", containerName(o)}, IgnoreFailure: true}}
	s.WorkDir = f.Path()
	s.Env = environ(lookup, inherited, local.EngineEnv(lookup))
	return s
}

func containerName(o tfplugin.Object) string {
	name := o.String("name")
	if prefix := "skysail-" + o.String("deployment_id"); !strings.HasPrefix(name, prefix) {
		return prefix + "-" + name
	}
	return name
}

// containerEnv is an --env-file: one NAME=value a line, as it is, without
// any way to write a line break.
func containerEnv(env map[string]string, secrets []string) ([]byte, error) {
	all := map[string]string{}
	maps.Copy(all, env)
	for _, s := range secrets {
		name, value, _ := strings.Cut(s, "=")
		all[name] = value
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if strings.ContainsAny(all[name], "\n\r") {
			return nil, &tfplugin.Problem{
				Summary:   fmt.Sprintf("the value of %s has more than one line", name),
				Detail:    "A container's environment is handed over line by line. Encode the value (base64, for example) and decode it in the service.",
				Attribute: "env",
			}
		}
		fmt.Fprintf(&b, "%s=%s\n", name, all[name])
	}
	return []byte(b.String()), nil
}
