package world

import (
	"encoding/json"
	"time"
)

// Action is a change of a server that its owner can follow.
type Action struct {
	Provider    string    `json:"provider"`
	ID          string    `json:"id"`
	Seq         int64     `json:"seq"`
	Type        string    `json:"type"`
	ServerID    string    `json:"server_id"`
	Region      string    `json:"region"`
	StartedAt   time.Time `json:"started_at"`
	CompletedAt time.Time `json:"completed_at,omitzero"`
	// Detail is the action in its provider's own form.
	Detail json.RawMessage `json:"detail,omitempty"`
}

// maxActions bounds the history that is kept.
const maxActions = 500

// StartAction records that a change of a server began.
func (st *State) StartAction(s *Server, kind string, now time.Time) *Action {
	seq := st.NextSeq()
	a := &Action{
		Provider: s.Provider, ID: numericID(seq), Seq: seq, Type: kind,
		ServerID: s.ID, Region: s.Region, StartedAt: now,
	}
	st.AddAction(a)
	return a
}

// AddAction records a change, of whatever kind of thing.
func (st *State) AddAction(a *Action) {
	st.Actions = append(st.Actions, a)
	if n := len(st.Actions) - maxActions; n > 0 {
		st.Actions = append([]*Action(nil), st.Actions[n:]...)
	}
}

// CompleteActions marks what is still going on with a server as done.
func (st *State) CompleteActions(s *Server, now time.Time) {
	for _, a := range st.Actions {
		if a.Provider == s.Provider && a.ServerID == s.ID && a.CompletedAt.IsZero() {
			a.CompletedAt = now
		}
	}
}

// Action returns a provider's action, or nil.
func (st *State) Action(provider, id string) *Action {
	for _, a := range st.Actions {
		if a.Provider == provider && a.ID == id {
			return a
		}
	}
	return nil
}
