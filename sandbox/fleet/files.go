package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"skysail/sandbox/world"
)

// config is what a machine is told of itself.
type config struct {
	Provider string `json:"provider"`
	ID       string `json:"id"`
	Name     string `json:"name"`
	Address  string `json:"address"`
	Region   string `json:"region"`
	VCPU     int    `json:"vcpu"`
	MemoryMB int    `json:"memory_mb"`
	UserData string `json:"user_data"`
}

// firewall is what may reach a machine.
type firewall struct {
	Inbound []world.Opening `json:"inbound"`
}

// writeFiles makes the folder of a machine ready for its boot.
func (f *Fleet) writeFiles(s *world.Server) error {
	f.files.Lock()
	defer f.files.Unlock()
	dir := f.Dir(s)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	c := config{
		Provider: s.Provider, ID: s.ID, Name: s.Name, Address: s.Address, Region: s.Region,
		VCPU: s.VCPU, MemoryMB: s.MemoryMB, UserData: s.UserData,
	}
	if err := writeJSON(filepath.Join(dir, "config.json"), c); err != nil {
		return err
	}
	return f.writeFirewall(s)
}

// syncFirewalls rewrites the rules of every machine for which they changed.
// It runs inside each change of the world: when a cloud's API has answered a
// change of a firewall, the change is in force.
func (f *Fleet) syncFirewalls() {
	f.files.Lock()
	defer f.files.Unlock()
	for _, s := range f.world.State().Servers {
		if _, err := os.Stat(f.Dir(s)); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := f.writeFirewall(s); err != nil {
			f.opts.Log.Error("writing the firewall of a machine", "server", s.Key(), "err", err)
		}
	}
}

func (f *Fleet) writeFirewall(s *world.Server) error {
	return writeJSON(filepath.Join(f.Dir(s), "firewall.json"), firewall{Inbound: f.world.State().Inbound(s)})
}

// writeJSON replaces a file unless it has these contents.
func writeJSON(path string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, raw) { //nolint:gosec // a file of the sandbox
		return nil
	}
	return renameio.WriteFile(path, raw, 0o600, renameio.WithStaticPermissions(0o600))
}
