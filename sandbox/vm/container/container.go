// Package container lets a simulated instance run containers with the engine
// of this machine, podman or docker, when it has one that works. Names,
// published ports and labels are changed so that instances do not meet.
package container

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// label marks the containers of an instance.
	label = "skysail-sandbox-instance"
	// probePatience bounds the question whether an engine works: a client
	// without its daemon may hang.
	probePatience = 5 * time.Second
	cleanPatience = 60 * time.Second
)

// UsedFile is the file in an instance's folder which says that it has made
// containers.
const UsedFile = "containers.used"

// Instance says whose containers they are.
type Instance struct {
	// ID is unique among the instances on this machine and fit for a
	// container's name.
	ID string
	// Publish is the address of this machine on which ports are published.
	Publish string
	// Path is where engines are looked for.
	Path string
	// Root is where the instance's "/" is on this machine.
	Root string
}

// ErrNoEngine says that this machine cannot run containers.
var ErrNoEngine = errors.New("no container engine on this machine")

// Engine is a container engine that works.
type Engine struct{ Path string }

func (e Engine) docker() bool { return filepath.Base(e.Path) == "docker" }

// Find returns the first engine that works. It asks the engine each time: a
// daemon can be started and stopped.
func Find(ctx context.Context, path string) (Engine, error) {
	for _, name := range []string{"podman", "docker"} {
		for _, dir := range filepath.SplitList(path) {
			candidate := filepath.Join(dir, name)
			if _, err := exec.LookPath(candidate); err != nil {
				continue
			}
			if works(ctx, candidate) {
				return Engine{Path: candidate}, nil
			}
			break
		}
	}
	return Engine{}, ErrNoEngine
}

// works asks for the engine's version, which a client without its daemon
// cannot tell.
func works(ctx context.Context, program string) bool {
	ctx, cancel := context.WithTimeout(ctx, probePatience)
	defer cancel()
	format := "{{.Server.Version}}"
	if filepath.Base(program) == "podman" {
		format = "{{.Version.Version}}"
	}
	args := []string{"version", "--format", format}
	if filepath.Base(program) == "podman" {
		args = []string{"info", "--format", format}
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = time.Second
	return cmd.Run() == nil
}

// Prepare says why a command line cannot run here, or nil.
func (i Instance) Prepare(ctx context.Context, argv []string) error {
	if _, err := Find(ctx, i.Path); err != nil {
		return fmt.Errorf("%w: the sandbox can not run %s", err, image(argv))
	}
	return nil
}

// Clean removes the containers that the instance left, those of a killed
// engine client above all.
func (i Instance) Clean(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, cleanPatience)
	defer cancel()
	e, err := Find(ctx, i.Path)
	if err != nil {
		return fmt.Errorf("look for containers of instance %s: %w", i.ID, err)
	}
	out, err := run(ctx, e, "ps", "--all", "--quiet", "--filter", "label="+label+"="+i.ID)
	if err != nil {
		return err
	}
	ids := strings.Fields(out)
	if len(ids) == 0 {
		return nil
	}
	_, err = run(ctx, e, append([]string{"rm", "--force"}, ids...)...)
	return err
}

func run(ctx context.Context, e Engine, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, e.Path, args...) //nolint:gosec // an engine on the caller's PATH
	cmd.WaitDelay = time.Second
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", filepath.Base(e.Path), args[0], err, strings.TrimSpace(said.String()))
	}
	return string(out), nil
}

// valueOptions are the options of `run` that take the next word as a value.
var valueOptions = []string{
	"--name", "--pull", "--log-driver", "--log-opt", "--publish", "-p", "--env", "-e", "--env-file", "--device", "--volume", "-v",
	"--mount", "--network", "--net", "--user", "-u", "--workdir", "-w", "--entrypoint", "--label", "-l", "--memory", "-m", "--cpus",
	"--restart", "--hostname", "-h", "--tmpfs", "--cap-add", "--cap-drop", "--security-opt", "--ulimit", "--stop-timeout",
	"--stop-signal", "--gpus", "--add-host", "--dns", "--pids-limit", "--shm-size", "--platform", "--cidfile", "--sdnotify",
	"--cgroups", "--cgroup-parent", "--ip", "--init-path", "--runtime", "--userns", "--ipc", "--pid", "--secret",
}

// Rewrite turns a command line of podman, as a unit has it, into one for this
// machine's engine, and says which ports it publishes.
func (i Instance) Rewrite(e Engine, args []string) (out []string, ports []int, err error) {
	if len(args) == 0 {
		return nil, nil, nil
	}
	switch args[0] {
	case "run", "create":
		return i.rewriteRun(e, args)
	case "rm", "stop", "kill", "logs", "wait", "inspect", "exec", "start", "restart":
		return i.rewriteNames(args), nil, nil
	}
	return slices.Clone(args), nil, nil
}

func (i Instance) rewriteRun(e Engine, args []string) (out []string, ports []int, err error) {
	out = []string{args[0], "--label", label + "=" + i.ID}
	for n := 1; n < len(args); n++ {
		a := args[n]
		if !strings.HasPrefix(a, "-") || a == "-" || a == "--" {
			return append(out, args[n:]...), ports, nil // the image and its command
		}
		key, value, joined := strings.Cut(a, "=")
		if !joined && slices.Contains(valueOptions, key) {
			if n+1 == len(args) {
				return nil, nil, fmt.Errorf("%s needs a value", key)
			}
			n++
			value = args[n]
		}
		switch key {
		case "--name":
			out = append(out, "--name", i.name(value))
		case "--publish", "-p":
			published, port, err := i.publish(value)
			if err != nil {
				return nil, nil, err
			}
			ports = append(ports, port)
			out = append(out, "--publish", published)
		case "--cgroups", "--cgroup-parent":
			// A simulated instance's units have no groups to put it in.
		case "--volume", "-v":
			out = append(out, "--volume", i.volume(value))
		case "--sdnotify", "--replace":
			if !e.docker() { // docker does not know them
				out = append(out, a)
				if !joined && key != "--replace" {
					out = append(out, value)
				}
			}
		default:
			out = append(out, a)
			if !joined && slices.Contains(valueOptions, key) {
				out = append(out, value)
			}
		}
	}
	return out, ports, nil
}

// publish puts the instance's address before a published port.
func (i Instance) publish(value string) (string, int, error) {
	number, protocol, _ := strings.Cut(value, "/")
	parts := strings.Split(number, ":")
	if len(parts) == 3 {
		parts = parts[1:]
	}
	var port int
	if len(parts) != 2 || protocol == "udp" {
		return "", 0, fmt.Errorf("--publish %s: the sandbox publishes HOST:CONTAINER ports over TCP only", value)
	}
	if _, err := fmt.Sscan(parts[0], &port); err != nil || port < 1 || port > 65535 {
		return "", 0, fmt.Errorf("--publish %s: %q is no port", value, parts[0])
	}
	return i.Publish + ":" + parts[0] + ":" + parts[1], port, nil
}

// volume finds a folder of the instance below its root on this machine.
func (i Instance) volume(value string) string {
	if i.Root == "" || !strings.HasPrefix(value, "/") {
		return value
	}
	return i.Root + value
}

func (i Instance) name(name string) string { return name + "-" + i.ID }

// rewriteNames changes the container names of a command that takes names and
// options without values. Of exec only the first word is a name.
func (i Instance) rewriteNames(args []string) []string {
	out := slices.Clone(args)
	for n := 1; n < len(out); n++ {
		if strings.HasPrefix(out[n], "-") {
			continue
		}
		out[n] = i.name(out[n])
		if args[0] == "exec" {
			break
		}
	}
	return out
}

// image is the image in a `run` command line, for a message.
func image(argv []string) string {
	if len(argv) < 2 || argv[1] != "run" {
		return strings.Join(argv, " ")
	}
	for n := 2; n < len(argv); n++ {
		a := argv[n]
		if !strings.HasPrefix(a, "-") {
			return a
		}
		if !strings.Contains(a, "=") && slices.Contains(valueOptions, a) {
			n++
		}
	}
	return strings.Join(argv, " ")
}

// Ports returns the ports that a `run` command line publishes.
func (i Instance) Ports(argv []string) []int {
	_, ports, err := i.rewriteRun(Engine{}, append([]string{"run"}, argv[min(2, len(argv)):]...))
	if err != nil {
		return nil
	}
	return ports
}
