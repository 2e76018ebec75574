package world

import (
	"encoding/json"
	"slices"
	"time"
)

// Firewall is a set of rules and what it guards.
type Firewall struct {
	Provider string `json:"provider"`
	ID       string `json:"id"`
	Seq      int64  `json:"seq"`
	Name     string `json:"name"`
	// Tags and ServerIDs are what the firewall applies to, for a provider
	// whose firewalls name their servers.
	Tags      []string `json:"tags,omitempty"`
	ServerIDs []string `json:"server_ids,omitempty"`
	// Everything says that it applies to all of the account's servers.
	Everything bool      `json:"everything,omitempty"`
	Inbound    []Rule    `json:"inbound"`
	CreatedAt  time.Time `json:"created_at"`
	ModifiedAt time.Time `json:"modified_at"`
	// Detail is the firewall in its provider's own form.
	Detail json.RawMessage `json:"detail,omitempty"`
}

// Rule lets connections in. Sources are CIDRs or addresses; SourceTags and
// SourceServers stand for the addresses of those servers.
type Rule struct {
	ID            int64    `json:"id,omitempty"`
	Protocol      string   `json:"protocol"`
	From          int      `json:"from"`
	To            int      `json:"to"`
	Sources       []string `json:"sources,omitempty"`
	SourceTags    []string `json:"source_tags,omitempty"`
	SourceServers []string `json:"source_servers,omitempty"`
	// Deny and Priority are of a provider whose rules can also refuse: the
	// lowest priority decides, and of equals the refusal.
	Deny     bool `json:"deny,omitempty"`
	Priority int  `json:"priority,omitempty"`
	// Detail is the rule in its provider's own form.
	Detail json.RawMessage `json:"detail,omitempty"`
}

// Opening is a range of ports that a server's firewalls let through, in the form
// in which a simulated machine reads it.
type Opening struct {
	Protocol string   `json:"protocol"`
	From     int      `json:"from"`
	To       int      `json:"to"`
	Sources  []string `json:"sources"`
}

// Firewall returns a firewall, or nil.
func (st *State) Firewall(provider, id string) *Firewall {
	for _, f := range st.Firewalls {
		if f.Provider == provider && f.ID == id {
			return f
		}
	}
	return nil
}

// FirewallsOf returns a provider's firewalls, oldest first.
func (st *State) FirewallsOf(provider string) []*Firewall {
	var out []*Firewall
	for _, f := range st.Firewalls {
		if f.Provider == provider {
			out = append(out, f)
		}
	}
	return out
}

// RemoveFirewall forgets a firewall; servers that named it have none then.
func (st *State) RemoveFirewall(provider, id string) {
	st.Firewalls = drop(st.Firewalls, func(f *Firewall) bool { return f.Provider == provider && f.ID == id })
	for _, s := range st.Servers {
		if s.Provider == provider && s.FirewallID == id {
			s.FirewallID = ""
		}
	}
}

// Guards says whether the firewall applies to the server.
func (f *Firewall) Guards(s *Server) bool {
	if f.Provider != s.Provider {
		return false
	}
	if f.Everything || f.ID == s.FirewallID || slices.Contains(f.ServerIDs, s.ID) {
		return true
	}
	return slices.ContainsFunc(f.Tags, s.HasTag)
}

// Inbound returns what may reach the server. As in the clouds, a server
// without a firewall is open, and one with a firewall lets in only what a
// rule names.
func (st *State) Inbound(s *Server) []Opening {
	if s.Provider == GCP {
		return st.networkInbound(s)
	}
	guarded := false
	open := []Opening{}
	for _, f := range st.Firewalls {
		if !f.Guards(s) {
			continue
		}
		guarded = true
		for _, r := range f.Inbound {
			open = append(open, Opening{Protocol: r.Protocol, From: r.From, To: r.To, Sources: st.sources(f.Provider, r)})
		}
	}
	if guarded {
		return open
	}
	world := []string{"0.0.0.0/0", "::/0"}
	return []Opening{
		{Protocol: "tcp", From: 1, To: 65535, Sources: world},
		{Protocol: "udp", From: 1, To: 65535, Sources: world},
		{Protocol: "icmp", Sources: world},
	}
}

func (st *State) sources(provider string, r Rule) []string {
	out := slices.Clone(r.Sources)
	for _, s := range st.ServersOf(provider) {
		if slices.Contains(r.SourceServers, s.ID) || slices.ContainsFunc(r.SourceTags, s.HasTag) {
			out = append(out, s.Address+"/32")
		}
	}
	if out == nil {
		return []string{}
	}
	return out
}
