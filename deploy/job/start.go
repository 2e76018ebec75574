package job

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"skysail/internal/reexec"
	"skysail/internal/supervise/proc"
)

// inherited are the variables of this process that a supervisor gets: none
// that is a credential of a cloud. Those come with the request.
var inherited = []string{
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "LANG", "LC_ALL", "TZ",
	"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "DOCKER_HOST", "CONTAINER_HOST",
	"SSH_AUTH_SOCK", // for jump hosts; it is the name of a socket
	reexec.EnvBinary, "GOCOVERDIR", "GORACE",
}

// Start starts a supervisor, this binary as the named helper, in a new folder
// below dir, and sends it what to do. It returns as soon as that is sent; the
// supervisor then no longer depends on this process.
func Start(dir, helper, op, name string, request any) (*Job, error) {
	raw, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("job: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("job: %w", err)
	}
	prune(dir)
	own, err := os.MkdirTemp(dir, next(dir).Format(stamp)+"-"+op+"-*")
	if err != nil {
		return nil, fmt.Errorf("job: %w", err)
	}
	j := &Job{dir: own, meta: Meta{Op: op, Name: name}, ended: make(chan struct{})}
	if err := j.spawn(helper); err != nil {
		return nil, errors.Join(fmt.Errorf("job: %w", err), os.RemoveAll(own))
	}
	if err := json.NewEncoder(j.reply).Encode(order{Op: op, Name: name, Request: raw}); err != nil {
		return nil, fmt.Errorf("job: the supervisor does not take its order (see %s): %w", filepath.Join(own, logFile), err)
	}
	return j, nil
}

// stamp begins the name of a job's folder, so that names sort by age.
const stamp = "20060102T150405.000Z"

// next is the time for the name of a new job: now, or right after the newest
// when the clock was set back since.
func next(dir string) time.Time {
	now := time.Now().UTC()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return now
	}
	for _, e := range slices.Backward(entries) {
		text, _, _ := strings.Cut(e.Name(), "-")
		if last, err := time.Parse(stamp, text); err == nil {
			if !last.Before(now.Truncate(time.Millisecond)) {
				return last.Add(time.Millisecond)
			}
			return now
		}
	}
	return now
}

func (j *Job) spawn(helper string) error {
	cmd, err := reexec.Command(helper, j.dir)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(j.dir, logFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = r, log, log
	cmd.Env = append(environment(os.Environ()), reexec.HelperEnv(helper))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	_ = r.Close()
	if err != nil {
		return errors.Join(err, w.Close())
	}
	j.reply = w
	j.meta.StartedAt = time.Now().UTC()
	// One that has ended already has no identity any more; its result tells.
	j.meta.Process, _ = proc.Identify(cmd.Process.Pid)
	go func() {
		_ = cmd.Wait() // how it ended is in its events, or nowhere
		close(j.ended)
	}()
	return nil
}

func environment(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return !slices.Contains(inherited, name)
	})
}

// kept is how many ended jobs of one name are kept for those who look later.
const kept = 5

// prune removes the oldest jobs of a folder that have ended.
func prune(dir string) {
	entries, err := os.ReadDir(dir) // by name, which begins with the time
	if err != nil || len(entries) <= kept {
		return
	}
	for _, e := range entries[:len(entries)-kept] {
		old, err := Open(filepath.Join(dir, e.Name()))
		if err == nil && old.Running() {
			continue
		}
		_ = os.RemoveAll(filepath.Join(dir, e.Name()))
	}
}

// Latest returns the newest job of a folder.
func Latest(dir string) (*Job, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("job: %w", err)
	}
	for _, e := range slices.Backward(entries) {
		if j, err := Open(filepath.Join(dir, e.Name())); err == nil {
			return j, nil
		}
	}
	return nil, fmt.Errorf("job: none in %s: %w", dir, os.ErrNotExist)
}
