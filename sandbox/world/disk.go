package world

import (
	"encoding/json"
	"time"
)

// Disk is a volume: one that a server boots from, where the provider lists
// those, or one beside it.
type Disk struct {
	Provider string   `json:"provider"`
	ID       string   `json:"id"`
	Seq      int64    `json:"seq"`
	Name     string   `json:"name"`
	Region   string   `json:"region"`
	Zone     string   `json:"zone,omitempty"`
	SizeGB   int      `json:"size_gb"`
	Tags     []string `json:"tags"`
	// ServerID is the server that the disk is attached to, if any.
	ServerID string `json:"server_id,omitempty"`
	// WithServer says that the disk goes when its server goes.
	WithServer bool      `json:"with_server,omitempty"`
	PriceUSD   float64   `json:"price_usd_hour"`
	CreatedAt  time.Time `json:"created_at"`
	// Detail is the disk in its provider's own form.
	Detail json.RawMessage `json:"detail,omitempty"`
}

// Disk returns a disk, or nil.
func (st *State) Disk(provider, id string) *Disk {
	for _, d := range st.Disks {
		if d.Provider == provider && d.ID == id {
			return d
		}
	}
	return nil
}

// DisksOf returns a provider's disks, oldest first.
func (st *State) DisksOf(provider string) []*Disk {
	var out []*Disk
	for _, d := range st.Disks {
		if d.Provider == provider {
			out = append(out, d)
		}
	}
	return out
}

// RemoveDisk forgets a disk.
func (st *State) RemoveDisk(provider, id string) {
	st.Disks = drop(st.Disks, func(d *Disk) bool { return d.Provider == provider && d.ID == id })
}

// detachDisks is called when a server goes: its disks go with it or stay
// behind, attached to nothing.
func (st *State) detachDisks(s *Server) {
	own := func(d *Disk) bool { return d.Provider == s.Provider && d.ServerID == s.ID }
	st.Disks = drop(st.Disks, func(d *Disk) bool { return own(d) && d.WithServer })
	for _, d := range st.Disks {
		if own(d) {
			d.ServerID = ""
		}
	}
}
