package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

const (
	// erroredFile is where Terraform, in the folder it runs in, puts a state
	// that it could not write to its place, by a full disk for example:
	// github.com/hashicorp/terraform, internal/backend/local/backend_apply.go.
	erroredFile = "errored.tfstate"
	// unreadableFile keeps a state that a dying Terraform left half written.
	unreadableFile = stateFile + ".unreadable"
)

// header is what tells two states apart.
type header struct {
	Version   int               `json:"version"`
	Lineage   string            `json:"lineage"`
	Serial    int64             `json:"serial"`
	Resources []json.RawMessage `json:"resources"`
}

// readHeader returns nil for a file that is not there and an error for one
// that is no state. Terraform truncates its local state and then writes it, so
// one that was killed can leave an empty file.
func readHeader(path string) (*header, error) {
	data, err := os.ReadFile(path) //nolint:gosec // our own folder
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var h header
	if err := json.Unmarshal(data, &h); err != nil {
		return nil, fmt.Errorf("%s is no state: %w", path, err)
	}
	if h.Version == 0 {
		return nil, fmt.Errorf("%s is no state", path)
	}
	return &h, nil
}

// ErrStateLost says that a state could not be read and that there was no
// other: only the provider's own listing tells what exists.
var ErrStateLost = errors.New("the state was not readable and is put aside, and there is no other")

// Salvage puts the best local state that a dead or failed Terraform left into
// its place, before the state is used: errored.tfstate when it goes on from the
// state in place, or when that can not be read; else, for one that can not be
// read, the backup of the run's beginning. Nothing is thrown away: what is not
// used is kept beside it. It returns what it did in words, for a person.
// Idempotent. After any other error than ErrStateLost it can be repeated.
func (w *Workspace) Salvage() (did []string, err error) {
	place := filepath.Join(w.Private, stateFile)
	current, err := readHeader(place)
	unreadable := err != nil
	if unreadable {
		if err := copyState(place, filepath.Join(w.Private, unreadableFile)); err != nil {
			return nil, err
		}
	}
	picked, err := w.pickUp(place, current)
	switch {
	case err != nil:
		return nil, err
	case picked:
		return []string{"the state that Terraform could not write to its place is picked up from " + erroredFile}, nil
	case !unreadable:
		return nil, nil
	}
	backup := place + ".backup"
	if old, err := readHeader(backup); err != nil || old == nil {
		if err := os.Remove(place); err != nil {
			return nil, fmt.Errorf("state: %w", err)
		}
		return nil, ErrStateLost
	}
	if err := copyState(backup, place); err != nil {
		return nil, err
	}
	return []string{"the state was not readable and is put aside; its backup takes its place"}, nil
}

// pickUp takes errored.tfstate out of the bundle, and into the state's place
// when it says more than what is there.
func (w *Workspace) pickUp(place string, current *header) (picked bool, err error) {
	errored := filepath.Join(w.Dir, erroredFile)
	other, err := readHeader(errored)
	if err == nil && other == nil {
		return false, nil
	}
	if err == nil && continues(other, current) {
		if err := copyState(errored, place); err != nil {
			return false, err
		}
		picked = true
	}
	if err := os.Rename(errored, filepath.Join(w.Private, erroredFile)); err != nil {
		return picked, fmt.Errorf("state: %w", err)
	}
	return picked, nil
}

// continues says that a state is a later one of the same, or that there is
// nothing that it would replace.
func continues(other, current *header) bool {
	switch {
	case current == nil:
		return true
	case other.Lineage == current.Lineage:
		return other.Serial >= current.Serial
	default:
		return len(current.Resources) == 0
	}
}

func copyState(from, to string) error {
	data, err := os.ReadFile(from) //nolint:gosec // our own folder
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	if err := renameio.WriteFile(to, data, 0o600); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	return nil
}
