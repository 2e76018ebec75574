package deploy

import (
	"context"
	"time"

	"skysail/policies"
	"skysail/spec"
	"skysail/store"
)

// Revision is one entry of a name's history.
type Revision struct {
	N int `json:"revision"`
	// ID is its deployment's. A change in place has that of the revision
	// before.
	ID string       `json:"id"`
	By store.MadeBy `json:"by"`
	// Current says that it is what the name is now.
	Current  bool      `json:"current"`
	BeganAt  time.Time `json:"began_at"`
	EndedAt  time.Time `json:"ended_at,omitzero"`
	Provider string    `json:"provider"`
	Region   string    `json:"region"`
	Type     string    `json:"type"`
	PriceUSD float64   `json:"price_usd_hour"` // all instances
	// Phase is its deployment's phase now.
	Phase store.Phase `json:"phase"`
	// Outcome is done or failed, and empty while it is being made.
	Outcome string `json:"outcome"`
	// Note says why it failed, or which revision was rolled back to.
	Note string `json:"note,omitempty"`
	// Changes are against the last revision before it that was made.
	Changes []FieldChange `json:"changes"`

	service spec.Service
	policy  policies.Policy
}

// History returns the revisions of a name, oldest first, those of ended
// deployments as well. It reads the store only.
func (d *Deployer) History(ctx context.Context, name string) ([]Revision, error) {
	row, err := d.get(ctx, name)
	if err != nil {
		return nil, err
	}
	revisions, err := d.store.Revisions(ctx, row.Name)
	if err != nil {
		return nil, err
	}
	rows, err := d.store.List(ctx, true)
	if err != nil {
		return nil, err
	}
	byID := map[string]*store.Deployment{}
	for i := range rows {
		byID[rows[i].ID] = &rows[i]
	}
	out := make([]Revision, 0, len(revisions))
	var last *store.Revision
	for i := range revisions {
		r := &revisions[i]
		out = append(out, revisionOf(r, byID[r.Deployment], last))
		if r.Outcome == store.OutcomeDone {
			last = r
		}
	}
	return out, nil
}

func revisionOf(r *store.Revision, row *store.Deployment, last *store.Revision) Revision {
	v := Revision{
		N: r.N, ID: r.Deployment, By: r.MadeBy, BeganAt: r.BeganAt, EndedAt: r.EndedAt, PriceUSD: r.PriceUSD,
		Outcome: r.Outcome, Note: r.Note, Changes: []FieldChange{}, service: r.Service, policy: r.Policy,
	}
	if row != nil {
		v.Provider, v.Region, v.Type, v.Phase = row.Provider, row.Region, row.Type, row.Phase
		v.Current = row.Role == store.RoleCurrent && !row.Phase.Ended() && row.Revision == r.N
	}
	if last != nil {
		v.Changes = changedFields(&last.Service, &r.Service, &last.Policy, &r.Policy)
	}
	return v
}
