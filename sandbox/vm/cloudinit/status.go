package cloudinit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/google/renameio/v2"

	"skysail/sandbox/vm/rootdir"
)

const statusPath = "/run/cloud-init/status.json"

// Status is what `cloud-init status` tells.
type Status struct {
	// State is running, done or error; empty before the boot.
	State  string   `json:"status"`
	Errors []string `json:"errors"`
}

// setState keeps the status where `cloud-init status` reads it.
func (b *Boot) setState(state string) {
	b.mu.Lock()
	b.status.State = state
	text, err := json.Marshal(b.status)
	b.mu.Unlock()
	if err == nil {
		err = os.MkdirAll(b.Root.Join("/run/cloud-init"), 0o700)
	}
	if err == nil {
		err = renameio.WriteFile(b.Root.Join(statusPath), text, 0o600)
	}
	if err != nil {
		b.logf("keep the status: %v", err)
	}
}

// ReadStatus returns the status of an instance's boot.
func ReadStatus(root rootdir.Root) (Status, error) {
	var s Status
	text, err := os.ReadFile(root.Join(statusPath))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("%s: %w", statusPath, err)
	}
	return s, nil
}

const groupsPath = "/run/cloud-init/groups.json"

// writeGroups keeps the groups of the users, for what asks for them.
func (b *Boot) writeGroups() error {
	groups := map[string][]string{}
	for _, u := range b.Config.Users {
		groups[u.Name] = u.Groups
	}
	text, err := json.Marshal(groups)
	if err != nil {
		return err
	}
	return b.write(groupsPath, text, 0o600, false)
}

// Groups returns the groups of an instance's users by name.
func Groups(root rootdir.Root) (map[string][]string, error) {
	text, err := os.ReadFile(root.Join(groupsPath))
	if err != nil {
		return nil, err
	}
	var groups map[string][]string
	return groups, json.Unmarshal(text, &groups)
}
