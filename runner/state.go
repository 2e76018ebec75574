package runner

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
)

// state is the part of Terraform's state, format 4, that is looked at.
type state struct {
	Serial    int64  `json:"serial"`
	Lineage   string `json:"lineage"`
	Resources []struct {
		Module    string `json:"module"`
		Mode      string `json:"mode"`
		Type      string `json:"type"`
		Name      string `json:"name"`
		Instances []struct {
			Attributes json.RawMessage `json:"attributes"`
		} `json:"instances"`
	} `json:"resources"`
}

func parseState(data []byte) (state, error) {
	var st state
	if len(data) == 0 {
		return st, nil
	}
	if err := json.Unmarshal(data, &st); err != nil {
		return st, fmt.Errorf("state is not readable: %w", err)
	}
	return st, nil
}

// addresses are the managed resources of a state, in its order.
func (st state) addresses() []string {
	var out []string
	for _, r := range st.Resources {
		if r.Mode != "managed" || len(r.Instances) == 0 {
			continue
		}
		addr := r.Type + "." + r.Name
		if r.Module != "" {
			addr = r.Module + "." + addr
		}
		out = append(out, addr)
	}
	return out
}

// Attributes returns what a state says of the first instance of a managed
// resource, nil where it has none.
func Attributes(data []byte, address string) (json.RawMessage, error) {
	st, err := parseState(data)
	if err != nil {
		return nil, err
	}
	for _, r := range st.Resources {
		if r.Mode == "managed" && len(r.Instances) > 0 && r.Module == "" && r.Type+"."+r.Name == address {
			return r.Instances[0].Attributes, nil
		}
	}
	return nil, nil
}

func emptyState() []byte {
	return fmt.Appendf(nil, `{"version": 4, "terraform_version": "1.6.0", "serial": 1, "lineage": %q, "outputs": {}, "resources": []}`, rand.Text())
}
