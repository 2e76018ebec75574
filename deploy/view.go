package deploy

import (
	"context"
	"time"

	"skysail/store"
)

// Deployment is a deployment as callers see it.
type Deployment struct {
	Name string `json:"name"`
	ID   string `json:"id"`
	// Role is current; while it is being replaced there are next, the one
	// that is being made, and previous, which is being destroyed.
	Role      store.Role       `json:"role"`
	Revision  int              `json:"revision"`
	Phase     store.Phase      `json:"phase"`
	Reason    string           `json:"reason,omitempty"`
	Provider  string           `json:"provider"`
	Region    string           `json:"region"`
	Type      string           `json:"type"`
	Remote    bool             `json:"remote"`
	Sandbox   bool             `json:"sandbox"`
	PriceUSD  float64          `json:"price_usd_hour"` // all instances
	Instances []store.Instance `json:"instances"`
	CreatedAt time.Time        `json:"created_at"`
	// Attempts is filled by Status and Deploy, not by List.
	Attempts []store.Attempt `json:"attempts,omitempty"`
}

func viewOf(r store.Deployment) Deployment {
	v := Deployment{
		Name: r.Name, ID: r.ID, Role: r.Role, Revision: r.Revision, Phase: r.Phase, Reason: r.Reason, Provider: r.Provider, Region: r.Region, Type: r.Type,
		Remote: r.Remote, Sandbox: r.Sandbox, PriceUSD: r.PriceUSD, Instances: r.Instances, CreatedAt: r.CreatedAt,
	}
	if v.Instances == nil {
		v.Instances = []store.Instance{}
	}
	return v
}

func (d *Deployer) view(ctx context.Context, name string) (Deployment, error) {
	r, err := d.get(ctx, name)
	if err != nil {
		return Deployment{}, err
	}
	v := viewOf(r)
	v.Attempts, err = d.store.Attempts(ctx, r.ID)
	return v, err
}

// List returns the live deployments by name, and the ended ones as well when
// asked for. It reads the store only: Status asks the provider.
func (d *Deployer) List(ctx context.Context, ended bool) ([]Deployment, error) {
	rows, err := d.store.List(ctx, ended)
	if err != nil {
		return nil, err
	}
	out := make([]Deployment, 0, len(rows))
	for _, r := range rows {
		out = append(out, d.note(viewOf(r)))
	}
	return out, nil
}

// note adds to a deployment in a passing phase that nobody works on it any
// more.
func (d *Deployer) note(v Deployment) Deployment {
	if v.Phase.Passing() && d.ownerGone(v.Name) {
		v.Reason = "the process that worked on it is gone; `skysail recover " + v.Name + "` ends what it began"
	}
	return v
}
