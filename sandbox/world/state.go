package world

import (
	"encoding/json"
	"strings"
	"time"
)

// Providers that the sandbox simulates.
const (
	AWS          = "aws"
	GCP          = "gcp"
	DigitalOcean = "digitalocean"
	Vultr        = "vultr"
)

// Providers lists the simulated providers in the order they are printed.
func Providers() []string { return []string{AWS, GCP, DigitalOcean, Vultr} }

// State is everything the simulated clouds know. A *State that World hands
// out is never changed again: readers need no lock.
type State struct {
	Version int `json:"version"`
	// Tokens are the credentials each provider's API accepts.
	Tokens map[string]string `json:"tokens"`
	// Seq counts what was ever created. It orders lists and makes numeric IDs.
	Seq       int64       `json:"seq"`
	Address   int         `json:"address"`
	Servers   []*Server   `json:"servers"`
	Keys      []*Key      `json:"keys"`
	Firewalls []*Firewall `json:"firewalls"`
	Disks     []*Disk     `json:"disks,omitempty"`
	Tags      []*Tag      `json:"tags"`
	Actions   []*Action   `json:"actions"`
	Faults    []*Fault    `json:"faults"`
}

// Phase is how far a server's machine is.
type Phase string

// The phases. What a provider calls them is its API's business.
const (
	Booting Phase = "booting"
	Running Phase = "running"
	Off     Phase = "off"
	Failed  Phase = "failed"
)

// Server is a droplet or an instance. Powered, Reboot and Deleting are what
// the account's owner wants; Phase is what is; the fleet makes the second
// follow the first.
type Server struct {
	Provider string   `json:"provider"`
	ID       string   `json:"id"`
	Seq      int64    `json:"seq"`
	Name     string   `json:"name"`
	Region   string   `json:"region"`
	Zone     string   `json:"zone,omitempty"`
	Size     string   `json:"size"`
	Spot     bool     `json:"spot,omitempty"`
	VCPU     int      `json:"vcpu"`
	MemoryMB int      `json:"memory_mb"`
	DiskGB   int      `json:"disk_gb"`
	GPU      bool     `json:"gpu,omitempty"`
	PriceUSD float64  `json:"price_usd_hour"`
	Tags     []string `json:"tags"`
	Address  string   `json:"address"`
	// UserData is the decoded text.
	UserData string   `json:"user_data,omitempty"`
	KeyIDs   []string `json:"key_ids,omitempty"`
	// FirewallID is the group of a provider whose servers name their firewall.
	FirewallID string    `json:"firewall_id,omitempty"`
	CreatedAt  time.Time `json:"created_at"`
	// HoldUntil keeps the machine from booting before that time.
	HoldUntil time.Time `json:"hold_until,omitzero"`
	// ExpiresAt is when the provider deletes the server by itself, or only
	// stops it where ExpiryStops is set; zero is never.
	ExpiresAt   time.Time `json:"expires_at,omitzero"`
	ExpiryStops bool      `json:"expiry_stops,omitempty"`

	Powered  bool  `json:"powered"`
	Reboot   bool  `json:"reboot,omitempty"`
	Deleting bool  `json:"deleting,omitempty"`
	Phase    Phase `json:"phase"`
	// Booted is set once the machine has run: only then has it an address.
	Booted bool `json:"booted,omitempty"`
	// Problem says why the phase is Failed.
	Problem string `json:"problem,omitempty"`

	// Detail is what only this provider's API knows, in its own form.
	Detail json.RawMessage `json:"detail,omitempty"`
}

// Key names a server across providers; it is also the name of its folder.
func (s *Server) Key() string { return s.Provider + "-" + s.ID }

// Settled says whether the machine is as its owner wants it.
func (s *Server) Settled() bool {
	switch {
	case s.Deleting || s.Reboot:
		return false
	case s.Phase == Failed:
		return true
	case s.Powered:
		return s.Phase == Running
	default:
		return s.Phase == Off
	}
}

// HasTag says whether the server carries a tag; tags ignore case.
func (s *Server) HasTag(tag string) bool { return containsFold(s.Tags, tag) }

// Key is an SSH public key of an account.
type Key struct {
	Provider    string    `json:"provider"`
	ID          string    `json:"id"`
	Seq         int64     `json:"seq"`
	Name        string    `json:"name"`
	PublicKey   string    `json:"public_key"`
	Fingerprint string    `json:"fingerprint,omitempty"`
	CreatedAt   time.Time `json:"created_at"`
	// Region is where the key is, for a provider whose keys have regions.
	Region string `json:"region,omitempty"`
	// Detail is the key in its provider's own form.
	Detail json.RawMessage `json:"detail,omitempty"`
}

// Tag is a name that a provider keeps apart from what carries it.
type Tag struct {
	Provider string `json:"provider"`
	Name     string `json:"name"`
	Seq      int64  `json:"seq"`
}

// Server returns a server, or nil.
func (st *State) Server(provider, id string) *Server {
	for _, s := range st.Servers {
		if s.Provider == provider && s.ID == id {
			return s
		}
	}
	return nil
}

// ServerByKey returns the server with that Key, or nil.
func (st *State) ServerByKey(key string) *Server {
	for _, s := range st.Servers {
		if s.Key() == key {
			return s
		}
	}
	return nil
}

// ServerByAddress returns the server with that IP address, or nil.
func (st *State) ServerByAddress(ip string) *Server {
	for _, s := range st.Servers {
		if s.Address == ip {
			return s
		}
	}
	return nil
}

// ServersOf returns a provider's servers, oldest first.
func (st *State) ServersOf(provider string) []*Server {
	var out []*Server
	for _, s := range st.Servers {
		if s.Provider == provider {
			out = append(out, s)
		}
	}
	return out
}

// RemoveServer forgets a server and what refers to it.
func (st *State) RemoveServer(provider, id string) {
	if s := st.Server(provider, id); s != nil {
		st.detachDisks(s)
	}
	st.Servers = drop(st.Servers, func(s *Server) bool { return s.Provider == provider && s.ID == id })
	for _, f := range st.Firewalls {
		if f.Provider == provider {
			f.ServerIDs = drop(f.ServerIDs, func(s string) bool { return s == id })
		}
	}
}

// AccountKey returns an SSH key, or nil.
func (st *State) AccountKey(provider, id string) *Key {
	for _, k := range st.Keys {
		if k.Provider == provider && k.ID == id {
			return k
		}
	}
	return nil
}

// KeysOf returns a provider's SSH keys, oldest first.
func (st *State) KeysOf(provider string) []*Key {
	var out []*Key
	for _, k := range st.Keys {
		if k.Provider == provider {
			out = append(out, k)
		}
	}
	return out
}

// RemoveKey forgets an SSH key.
func (st *State) RemoveKey(provider, id string) {
	st.Keys = drop(st.Keys, func(k *Key) bool { return k.Provider == provider && k.ID == id })
}

// Tag returns a tag by its name, which ignores case, or nil.
func (st *State) Tag(provider, name string) *Tag {
	for _, t := range st.Tags {
		if t.Provider == provider && strings.EqualFold(t.Name, name) {
			return t
		}
	}
	return nil
}

// EnsureTag returns the tag with that name and makes it when there is none.
func (st *State) EnsureTag(provider, name string) *Tag {
	if t := st.Tag(provider, name); t != nil {
		return t
	}
	t := &Tag{Provider: provider, Name: name, Seq: st.NextSeq()}
	st.Tags = append(st.Tags, t)
	return t
}

// RemoveTag forgets a tag and takes it off everything that carries it.
func (st *State) RemoveTag(provider, name string) {
	is := func(s string) bool { return strings.EqualFold(s, name) }
	st.Tags = drop(st.Tags, func(t *Tag) bool { return t.Provider == provider && is(t.Name) })
	for _, s := range st.Servers {
		if s.Provider == provider {
			s.Tags = drop(s.Tags, is)
		}
	}
	for _, f := range st.Firewalls {
		if f.Provider == provider {
			f.Tags = drop(f.Tags, is)
		}
	}
	for _, v := range st.Disks {
		if v.Provider == provider {
			v.Tags = drop(v.Tags, is)
		}
	}
}

func drop[T any](in []T, is func(T) bool) []T {
	out := make([]T, 0, len(in))
	for _, v := range in {
		if !is(v) {
			out = append(out, v)
		}
	}
	return out
}

func containsFold(list []string, want string) bool {
	for _, s := range list {
		if strings.EqualFold(s, want) {
			return true
		}
	}
	return false
}
