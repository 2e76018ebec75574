package guardrails

import (
	"encoding/json"

	"skysail/policies"
	"skysail/spec"
)

// Facts are what rules see as data.skysail: what a plan does not tell. Their
// names are for ever (docs/guardrails.md). What is empty is not there, and
// rules that need it say nothing.
type Facts struct {
	// Deployment is the ID that everything of a deployment is tagged with.
	Deployment string     `json:"deployment,omitempty"`
	Service    *Service   `json:"service,omitempty"`
	Candidate  *Candidate `json:"candidate,omitempty"`
	Limits     *Limits    `json:"limits,omitempty"`
	// Providers are the only Terraform providers that a plan may use: their
	// exact versions by source address, as "hashicorp/aws".
	Providers map[string]string `json:"providers,omitempty"`
}

// Service is what the service file asks for.
type Service struct {
	Name      string `json:"name"`
	Instances int    `json:"instances"`
	// MaxInstances is the most of a range, and 0 where the number is fixed.
	MaxInstances int    `json:"max_instances,omitempty"`
	Ports        []Port `json:"ports"`
}

// Port is a port that the service declares.
type Port struct {
	Name   string `json:"name"`
	Number int    `json:"number"`
	Public bool   `json:"public"`
}

// Candidate is where the plan would run, and for how much.
type Candidate struct {
	Provider string `json:"provider"`
	Region   string `json:"region"`
	Zone     string `json:"zone,omitempty"`
	Type     string `json:"type"`
	Spot     bool   `json:"spot"`
	// PriceUSDHour is the total of all instances, in dollars an hour; nil is
	// not known.
	PriceUSDHour *float64 `json:"price_usd_hour,omitempty"`
	// AsOf is the day of that price, as 2026-09-11.
	AsOf string `json:"as_of,omitempty"`
}

// Limits are the policy's.
type Limits struct {
	MaxHourlyUSD float64  `json:"max_hourly_usd,omitempty"`
	Regions      []string `json:"regions,omitempty"` // globs
	Spot         string   `json:"spot,omitempty"`
	TTLSeconds   int64    `json:"ttl_seconds,omitempty"`
	SSHFrom      []string `json:"ssh_from,omitempty"`
}

// ServiceOf are the facts of a service.
func ServiceOf(s *spec.Service) *Service {
	out := &Service{Name: s.Name, Instances: s.Instances, MaxInstances: s.MaxInstances, Ports: []Port{}}
	for _, p := range s.Ports {
		out.Ports = append(out.Ports, Port{Name: p.Name, Number: p.Number, Public: p.Public})
	}
	return out
}

// LimitsOf are the facts of a policy.
func LimitsOf(p *policies.Policy) *Limits {
	return &Limits{
		MaxHourlyUSD: p.Limits.MaxHourlyUSD, Regions: p.Limits.Regions, Spot: string(p.Limits.Spot),
		TTLSeconds: int64(p.Limits.TTL.Seconds()), SSHFrom: p.Access.SSHFrom,
	}
}

// data is the base document: data.skysail, and data.conftest.file as conftest
// has it.
func (f Facts) data() (map[string]any, error) {
	raw, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	var skysail map[string]any
	if err := json.Unmarshal(raw, &skysail); err != nil {
		return nil, err
	}
	return map[string]any{
		"skysail":  skysail,
		"conftest": map[string]any{"file": map[string]any{"name": "plan.json", "dir": "."}},
	}, nil
}

// FactsOfPlan are those that a bundle's plan tells itself, by the root's
// variables: for trying rules on a plan without its deployment. Of another
// plan there are none.
func FactsOfPlan(plan []byte) Facts {
	var doc struct {
		Variables struct {
			Deployment variable[string] `json:"deployment_id"`
			Name       variable[string] `json:"name"`
			Region     variable[string] `json:"region"`
			Zone       variable[string] `json:"zone"`
			Size       variable[string] `json:"size"`
			Spot       variable[bool]   `json:"spot"`
			Instances  variable[int]    `json:"instances"`
			Most       variable[int]    `json:"max_instances"`
			Service    variable[struct {
				Ports []Port `json:"ports"`
			}] `json:"service"`
		} `json:"variables"`
		Configuration struct {
			Providers map[string]json.RawMessage `json:"provider_config"`
		} `json:"configuration"`
	}
	if err := json.Unmarshal(plan, &doc); err != nil || doc.Variables.Deployment.Value == "" {
		return Facts{}
	}
	v := &doc.Variables
	f := Facts{
		Deployment: v.Deployment.Value,
		Service:    &Service{Name: v.Name.Value, Instances: v.Instances.Value, MaxInstances: v.Most.Value, Ports: v.Service.Value.Ports},
		Candidate:  &Candidate{Region: v.Region.Value, Zone: v.Zone.Value, Type: v.Size.Value, Spot: v.Spot.Value},
	}
	for terraform, ours := range map[string]string{
		"aws": policies.AWS, "google": policies.GCP, "digitalocean": policies.DigitalOcean, "vultr": policies.Vultr, "local": policies.Local,
		"helm": policies.Kubernetes,
	} {
		if _, ok := doc.Configuration.Providers[terraform]; ok {
			f.Candidate.Provider = ours
		}
	}
	return f
}

type variable[T any] struct {
	Value T `json:"value"`
}
