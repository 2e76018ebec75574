package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
)

// What is where in the sandbox's folder.
const (
	worldFile    = "world.json"
	portsFile    = "ports.json"
	instancesDir = "instances"
	logFile      = "daemon.log"
	startLock    = "start.lock"   // held while a daemon is started or stopped
	daemonLock   = "daemon.lock"  // held by the daemon as long as it lives
	socketFile   = "control.sock" // the control API
	socketRef    = "control.path" // where the socket is when the folder's path is too long
)

// maxSocketPath is the longest path that a unix socket may have everywhere
// (104 bytes with the closing zero on macOS).
const maxSocketPath = 103

// newSocketPath chooses where the daemon listens and notes it for clients.
func newSocketPath(home string) (string, error) {
	ref := filepath.Join(home, socketRef)
	path := filepath.Join(home, socketFile)
	if len(path) <= maxSocketPath {
		if err := os.Remove(ref); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		return path, removeSocket(path)
	}
	if err := removeSocketDir(home); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", socketDirPrefix)
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, socketFile)
	if len(path) > maxSocketPath {
		return "", fmt.Errorf("no place for a unix socket: %s is too long; set TMPDIR to a shorter path", path)
	}
	return path, renameio.WriteFile(ref, []byte(path+"\n"), 0o600, renameio.WithStaticPermissions(0o600))
}

// socketDirPrefix begins the name of a folder that holds only a socket.
const socketDirPrefix = "skysail-sandbox-"

func removeSocket(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// socketPath is where a daemon of that folder listens, if one runs.
func socketPath(home string) string {
	if raw, err := os.ReadFile(filepath.Join(home, socketRef)); err == nil { //nolint:gosec // the sandbox's own folder
		return strings.TrimSpace(string(raw))
	}
	return filepath.Join(home, socketFile)
}

// removeSocketDir removes the folder that newSocketPath made outside home.
func removeSocketDir(home string) error {
	path := socketPath(home)
	if dir := filepath.Dir(path); strings.HasPrefix(filepath.Base(dir), socketDirPrefix) {
		return os.RemoveAll(dir)
	}
	return nil
}
