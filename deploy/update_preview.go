package deploy

import "skysail/store"

// Placement is where a deployment runs and what it costs.
type Placement struct {
	ID       string  `json:"id"`
	Provider string  `json:"provider"`
	Region   string  `json:"region"`
	Type     string  `json:"type"`
	PriceUSD float64 `json:"price_usd_hour"` // all instances
}

// UpdatePreview is what a person is told of a change of a running deployment,
// beside the plan.
type UpdatePreview struct {
	From int          `json:"from_revision"`
	By   store.MadeBy `json:"by"`
	// To is the revision that is rolled back to, 0 in an update.
	To int `json:"to_revision,omitempty"`
	// InPlace: the instances stay (on this machine, the service is stopped
	// and the new one started). Otherwise a new deployment is made, and the
	// old one removed when that is healthy.
	InPlace bool `json:"in_place"`
	// Reason says why it is replaced.
	Reason string `json:"reason,omitempty"`
	// Changes are fields of service and policy.
	Changes []FieldChange `json:"changes"`
	// Secrets: values of secrets changed. They are handed over, and the
	// service restarts.
	Secrets bool      `json:"secrets"`
	Before  Placement `json:"before"`
	// OverlapUSD is the most that both cost an hour, while both run.
	OverlapUSD float64 `json:"overlap_usd_hour,omitempty"`
}

// overlapping is the preview of a replacement whose new part costs at most so
// much; nil stays nil.
func (p *UpdatePreview) overlapping(usd float64) *UpdatePreview {
	if p == nil {
		return nil
	}
	q := *p
	q.OverlapUSD = p.Before.PriceUSD + usd
	return &q
}

func placeOf(row *store.Deployment) Placement {
	return Placement{ID: row.ID, Provider: row.Provider, Region: row.Region, Type: row.Type, PriceUSD: row.PriceUSD}
}
