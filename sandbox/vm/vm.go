// Package vm is the simulated instance of the sandbox: a real process tree on
// this machine with a root folder, a network, an SSH server and a service
// manager of its own, which boots from the same user-data as a real one.
package vm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"skysail/internal/supervise/proc"
	"skysail/sandbox/vm/guest"
	"skysail/sandbox/vm/rootdir"
	"skysail/sandbox/vm/shim"
)

// The files in an instance's folder. The caller writes the first two.
const (
	configFile   = "config.json"
	firewallFile = "firewall.json"
	mainFile     = "vm.json"      // who the main process is
	trafficFile  = "traffic.json" // what went through its network
	logFile      = "vm.log"
	bootLogFile  = "cloud-init.log"
	rootFolder   = "root"
	unitsFolder  = "units"
	callLock     = "call.lock" // held by Start and Stop
	aliveLock    = "vm.lock"   // held by the main process
)

// Config is what an instance is told of itself, in config.json.
type Config struct {
	Provider string `json:"provider"`
	ID       string `json:"id"`
	Name     string `json:"name"`
	Address  string `json:"address"`
	Region   string `json:"region"`
	VCPU     int    `json:"vcpu"`
	MemoryMB int    `json:"memory_mb"`
	UserData string `json:"user_data"`
	// Network is "host" to do without a network of its own; empty takes one
	// where the system allows it.
	Network guest.Network `json:"network,omitempty"`
}

func readConfig(dir string) (Config, error) {
	var c Config
	if err := readJSON(filepath.Join(dir, configFile), &c); err != nil {
		return c, fmt.Errorf("the instance's configuration: %w", err)
	}
	if net.ParseIP(c.Address) == nil {
		return c, fmt.Errorf("%s: address %q is no IP address", configFile, c.Address)
	}
	if c.Network != guest.Auto && c.Network != guest.Host {
		return c, fmt.Errorf("%s: network %q is neither empty nor %q", configFile, c.Network, guest.Host)
	}
	return c, nil
}

func readJSON(path string, to any) error {
	b, err := os.ReadFile(path) //nolint:gosec // the instance's folder
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, to); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return nil
}

// mark is the environment entry of every process of the instance in dir.
func mark(dir string) string { return shim.EnvInstance + "=" + dir }

func rootOf(dir string) rootdir.Root { return rootdir.Root(filepath.Join(dir, rootFolder)) }

// Power is whether an instance runs.
type Power string

// The states of an instance.
const (
	Running Power = "running"
	Off     Power = "off"
)

// State reports whether the instance in dir runs. One whose main process was
// killed is off, whatever it left behind; Stop clears that away.
func State(dir string) (Power, error) {
	id, err := mainProcess(dir)
	if err != nil {
		return Off, err
	}
	if id.Running() {
		return Running, nil
	}
	return Off, nil
}

// mainProcess is the main process that last ran, the zero ID if none did.
func mainProcess(dir string) (proc.ID, error) {
	var id proc.ID
	err := readJSON(filepath.Join(dir, mainFile), &id)
	if errors.Is(err, fs.ErrNotExist) {
		return id, nil
	}
	return id, err
}
