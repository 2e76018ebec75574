package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"skysail/clouds"
	"skysail/internal/lazyregexp"
	"skysail/internal/supervise"
)

// Folder is where one instance of a service lives, and everything of it.
type Folder struct {
	path             string
	deployment, name string
}

// FolderOf returns the folder of an instance below dir.
func FolderOf(dir, deploymentID, name string) Folder {
	return Folder{path: filepath.Join(dir, deploymentID, name), deployment: deploymentID, name: name}
}

// FolderAt returns the folder of an instance by the folder's own path.
func FolderAt(path, deploymentID, name string) Folder {
	return Folder{path: path, deployment: deploymentID, name: name}
}

// Path is the folder's own path.
func (f Folder) Path() string { return f.path }

// App holds the unpacked archive; it is the program's working directory.
func (f Folder) App() string { return filepath.Join(f.path, "app") }

// Archive is where the download goes until it is unpacked.
func (f Folder) Archive() string { return filepath.Join(f.path, "archive.tar.gz") }

// Journal is the file with the program's output.
func (f Folder) Journal() string { return filepath.Join(f.path, "journal") }

// Supervisor is the supervisor's own folder.
func (f Folder) Supervisor() string { return filepath.Join(f.path, "supervisor") }

// Secrets is the environment file with the values of the service's secrets.
func (f Folder) Secrets() string { return filepath.Join(f.path, "secrets.env") }

// ContainerEnv is the environment file of a container.
func (f Folder) ContainerEnv() string { return filepath.Join(f.path, "container.env") }

// ID names the instance on this machine.
func (f Folder) ID() string { return f.deployment + "/" + f.name }

// Mark is an entry in the environment of everything that the instance runs.
func (f Folder) Mark() string { return "SKYSAIL_LOCAL_SERVICE=" + f.ID() }

// Record says what an instance is made of beyond its folder.
type Record struct {
	CreatedAt time.Time `json:"created_at"`
	// Engine is the container engine's client and Container the name of the
	// container that it runs, both empty for a native service.
	Engine    string `json:"engine,omitempty"`
	Container string `json:"container,omitempty"`
}

// Create makes the folder. The record in it is there before anything that it
// speaks of, so that Remove finds whatever a crash leaves.
func (f Folder) Create(r Record) error {
	if err := os.MkdirAll(f.path, 0o700); err != nil {
		return fmt.Errorf("folder of the service: %w", err)
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return renameio.WriteFile(f.recordFile(), append(b, '\n'), 0o600)
}

func (f Folder) recordFile() string { return filepath.Join(f.path, "service.json") }

func (f Folder) record() (Record, error) {
	var r Record
	b, err := os.ReadFile(f.recordFile())
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(b, &r)
}

// Exists says whether the folder is there.
func (f Folder) Exists() (bool, error) {
	_, err := os.Lstat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Remove stops the instance, proves that nothing of it runs, and removes its
// folder, in this order: as long as something may run the folder stays. The
// engine's environment is for a container's engine.
func (f Folder) Remove(ctx context.Context, engineEnv map[string]string) error {
	if err := f.check(); err != nil {
		return err
	}
	if err := supervise.Stop(ctx, f.Supervisor()); err != nil {
		return fmt.Errorf("stopping %s: %w", f.ID(), err)
	}
	// The supervisor's folder may have been lost before; the mark is not.
	if err := terminate(ctx, f.Mark()); err != nil {
		return fmt.Errorf("stopping %s: %w", f.ID(), err)
	}
	switch r, err := f.record(); {
	case err == nil && r.Container != "":
		if err := removeContainer(ctx, r, engineEnv); err != nil {
			return err
		}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s can not be removed: %s is damaged: %w", f.ID(), f.recordFile(), err)
	}
	if err := removeAll(f.path); err != nil {
		return fmt.Errorf("folder of %s: %w", f.ID(), err)
	}
	// The deployment's folder goes with its last instance.
	if err := os.Remove(filepath.Dir(f.path)); err != nil && !errors.Is(err, fs.ErrNotExist) && !notEmpty(filepath.Dir(f.path)) {
		return fmt.Errorf("folder of %s: %w", f.deployment, err)
	}
	return nil
}

// check refuses to remove what does not look like an instance's folder.
func (f Folder) check() error {
	_, _, err := SplitID(f.ID())
	if err == nil && (!filepath.IsAbs(f.path) || filepath.Base(f.path) != f.name || filepath.Base(filepath.Dir(f.path)) != f.deployment) {
		err = fmt.Errorf("%q is not where %s can be", f.path, f.ID())
	}
	return err
}

func notEmpty(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) > 0
}

// removeAll removes a tree that a program may have made read-only.
func removeAll(path string) error {
	err := os.RemoveAll(path)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	walk := filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		return os.Chmod(p, 0o700) //nolint:gosec // a folder has to be entered to be emptied
	})
	return errors.Join(walk, os.RemoveAll(path))
}

var instanceName = lazyregexp.New(`^[a-z0-9]([a-z0-9-]{0,98}[a-z0-9])?$`)

// CheckName returns an error for what can not name an instance: names become
// folders and containers.
func CheckName(name string) error {
	if !instanceName.MatchString(name) {
		return fmt.Errorf("%q is no instance name: it is 1 to 100 of a-z, 0-9 and -, with no - at either end", name)
	}
	return nil
}

// SplitID takes an instance's ID apart.
func SplitID(id string) (deploymentID, name string, err error) {
	deploymentID, name, _ = strings.Cut(id, "/")
	return deploymentID, name, errors.Join(clouds.CheckID(deploymentID), CheckName(name))
}
