package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"skysail/internal/failure"
)

const engineTimeout = 20 * time.Second

// FindEngine returns the client of a container engine that works: podman, or
// docker. Having the client is not enough: it has to reach its engine.
func FindEngine(ctx context.Context) (string, error) {
	var why []string
	for _, name := range []string{"podman", "docker"} {
		path, err := exec.LookPath(name)
		if err != nil {
			why = append(why, name+" is not on PATH")
			continue
		}
		out, err := Engine(ctx, path, nil, "version")
		if err == nil {
			return path, nil
		}
		why = append(why, fmt.Sprintf("%s: %s", name, lastLine(out, err)))
	}
	return "", failure.New(failure.Failed,
		"no container engine works on this machine ("+strings.Join(why, "; ")+")",
		"The service's source is a container image, and something has to run it.",
		"Install Podman or Docker and start it, give the service a native source, or deploy it with --remote.")
}

// Engine runs a container engine's client and returns what it printed. The
// environment is this process's own, with extra.
func Engine(ctx context.Context, path string, extra map[string]string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	return run(ctx, path, extra, args...)
}

// PullImage makes sure that an image is on this machine. An image that is
// here already is taken as it is, as one that was built here.
func PullImage(ctx context.Context, engine, image string) error {
	if _, err := Engine(ctx, engine, nil, "image", "inspect", image); err == nil {
		return nil
	}
	if out, err := run(ctx, engine, nil, "pull", "--quiet", image); err != nil {
		return failure.Wrap(err, failure.Failed, fmt.Sprintf("image %s can not be pulled: %s", image, lastLine(out, err)),
			"The container engine could not get the image; nothing was started.",
			"Check the image's name and tag, and that this machine is logged in to its registry.")
	}
	return nil
}

func run(ctx context.Context, path string, extra map[string]string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, path, args...) //nolint:gosec // the engine that was found on PATH
	cmd.Env = os.Environ()
	for k, v := range extra {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.WaitDelay = 2 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return out.String(), err
}

// removeContainer makes sure that the container is gone. Its client may have
// been killed, and a container outlives that.
func removeContainer(ctx context.Context, r Record, env map[string]string) error {
	out, err := Engine(ctx, r.Engine, env, "rm", "--force", r.Container)
	if err != nil && !strings.Contains(strings.ToLower(out), "no such container") {
		return failure.Wrap(err, failure.LeftBehind, fmt.Sprintf("container %s can not be removed: %s", r.Container, lastLine(out, err)),
			"The container engine does not answer as it should, so the container may still run.",
			"See that the engine runs, then destroy again.")
	}
	return nil
}

func lastLine(out string, err error) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var exit *exec.ExitError
	if last := lines[len(lines)-1]; last != "" && (err == nil || errors.As(err, &exit)) {
		return last
	}
	if err != nil {
		return err.Error()
	}
	return ""
}
