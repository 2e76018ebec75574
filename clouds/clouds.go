// Package clouds holds what all providers have in common: the things that
// exist at one, how a deployment is recognised by them, and where credentials
// and network settings come from. What only one provider has is in its
// subpackage.
package clouds

import "time"

// Resource is one thing that exists at a provider.
type Resource struct {
	Provider  string    `json:"provider"`
	Kind      string    `json:"kind"`
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Region    string    `json:"region"`
	Tags      []string  `json:"tags"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	// Deployment is the ID that its tag or name holds; filled where things of
	// all deployments are listed.
	Deployment string `json:"deployment,omitempty"`
	// PriceUSD is what it costs an hour, 0 where the provider does not say.
	PriceUSD float64 `json:"price_usd_hour"`
}
