package vm

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// opening is a range of ports that the firewall lets through.
type opening struct {
	Protocol string   `json:"protocol"`
	From     int      `json:"from"`
	To       int      `json:"to"`
	Sources  []string `json:"sources"`
}

// firewall is firewall.json, which is rewritten when the clouds' rules change.
type firewall struct {
	Inbound []opening `json:"inbound"`
}

// readFirewall returns the rules in force. Without the file nothing is open,
// and nothing is open when it cannot be read.
func readFirewall(dir string) (firewall, error) {
	var f firewall
	b, err := os.ReadFile(filepath.Join(dir, firewallFile)) //nolint:gosec // the instance's folder
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(b, &f)
}

// opens reports whether a TCP port can be reached by us. In the sandbox every
// caller is on this machine, so any source there is counts as us.
func (f firewall) opens(port int) bool {
	for _, o := range f.Inbound {
		if !strings.EqualFold(o.Protocol, "tcp") || len(o.Sources) == 0 {
			continue
		}
		from, to := o.From, o.To
		if from == 0 && to == 0 {
			from, to = 1, 65535 // all ports, in the clouds' own notation
		}
		if port >= from && port <= max(to, from) {
			return true
		}
	}
	return false
}
