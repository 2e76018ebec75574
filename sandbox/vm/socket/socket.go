// Package socket finds room for the unix sockets of a simulated instance, whose
// paths must be short on every system.
package socket

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
)

// maxSocketPath is what every system allows for the path of a unix socket.
const maxSocketPath = 103

// The sockets of an instance.
const (
	Control = "control.sock" // its service manager's
	Dial    = "dial.sock"    // the way to its ports
	Guest   = "guest.sock"   // its namespaces' helper's
)

// Path returns the path of a socket of an instance: in its folder, or
// where the folder's own path leaves no room, in a short one that New
// has noted there.
func Path(dir, name string) (string, error) {
	path := filepath.Join(dir, name)
	if len(path) <= maxSocketPath {
		return path, nil
	}
	noted, err := os.ReadFile(path + ".path") //nolint:gosec // the instance's folder
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the instance in %s has not been started", dir)
	}
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(noted)), nil
}

// New makes sure that a socket can be made at the path it returns.
func New(dir, name string) (string, error) {
	path := filepath.Join(dir, name)
	if len(path) > maxSocketPath {
		folder, err := shortFolder(dir)
		if err != nil {
			return "", err
		}
		short := filepath.Join(folder, name)
		if len(short) > maxSocketPath {
			return "", fmt.Errorf("no path for the socket %s is short enough, not even %s: set TMPDIR to a shorter one", name, short)
		}
		if err := renameio.WriteFile(path+".path", []byte(short+"\n"), 0o600); err != nil {
			return "", err
		}
		path = short
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return path, nil
}

// Remove takes away what New made outside the folder, wherever that was: the
// process that made it may have had another folder for temporary files.
func Remove(dir string) error {
	for _, name := range []string{Control, Dial, Guest} {
		note := filepath.Join(dir, name+".path")
		noted, err := os.ReadFile(note) //nolint:gosec // the instance's folder
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		folder := filepath.Dir(strings.TrimSpace(string(noted)))
		if filepath.Base(folder) != filepath.Base(shortName(dir)) {
			return fmt.Errorf("%s does not name a folder of ours: %s", note, folder)
		}
		if err := errors.Join(os.RemoveAll(folder), os.Remove(note)); err != nil { //nolint:gosec // the line above holds it to a folder of ours
			return err
		}
	}
	return nil
}

func shortName(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(os.TempDir(), fmt.Sprintf("skysail-%d-%s", os.Getuid(), hex.EncodeToString(sum[:6])))
}

// shortFolder makes the folder, or takes the one that is there if nobody else
// can write to it.
func shortFolder(dir string) (string, error) {
	folder := shortName(dir)
	if err := os.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	st, err := os.Lstat(folder)
	if err != nil {
		return "", err
	}
	if !st.IsDir() || st.Mode().Perm() != 0o700 || !ownedByUs(st) {
		return "", fmt.Errorf("%s is not a folder that only we can use: remove it", folder)
	}
	return folder, nil
}
