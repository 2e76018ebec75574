package sandbox

import (
	"errors"
	"time"

	"skysail/sandbox/world"
)

// ErrDown says that the sandbox does not run.
var ErrDown = errors.New("the sandbox is not running; `skysail sandbox up` starts it")

// Resource is something that an account of a simulated cloud has.
type Resource struct {
	Provider string   `json:"provider"`
	Kind     string   `json:"kind"`
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Region   string   `json:"region"`
	Tags     []string `json:"tags"`
	// State is pending, active, off, deleting or failed.
	State string `json:"state"`
	// Address is a server's IP address, once it has one.
	Address string `json:"address,omitempty"`
	// PriceUSD is what a server costs an hour.
	PriceUSD float64 `json:"price_usd_hour,omitempty"`
}

// Fault is an ordered failure of a simulated cloud; see the package comment
// for what Times counts.
type Fault struct {
	Provider string `json:"provider"`
	Kind     string `json:"kind"`
	// Region limits the fault to creates there; empty is everywhere.
	Region string `json:"region,omitempty"`
	// Times is how many attempts fail; 0 is all until the fault is cleared.
	Times int `json:"times"`
	// Left is how many of Times are still to come. Fault ignores it.
	Left int `json:"left"`
	// Code, Message and Status are the answer of a create in words of one's
	// own, in place of Kind: the provider's code (of AWS and Google), its
	// message, and the HTTP status, 0 for what the API has for the code.
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	Status  int    `json:"status,omitempty"`
	// DelaySeconds is how late a refusal of a create comes; 0 is at once. Not
	// for gcp, which answers creates at once.
	DelaySeconds float64 `json:"delay_seconds,omitempty"`
	// Rate is the part of the attempts to create that the fault strikes, above
	// 0 and up to 1; 0 is all. Seed starts its dice: the same seed strikes the
	// same attempts, counted in the order in which they come.
	Rate float64 `json:"rate,omitempty"`
	Seed uint64  `json:"seed,omitempty"`
}

func (f Fault) world() world.Fault {
	out := world.Fault{
		Provider: f.Provider, Kind: f.Kind, Region: f.Region, Times: f.Times,
		Delay:  time.Duration(f.DelaySeconds * float64(time.Second)),
		Chance: world.Chance{Rate: f.Rate, Seed: f.Seed},
	}
	if f.Code != "" || f.Message != "" || f.Status != 0 {
		out.Words = &world.Words{Code: f.Code, Message: f.Message, Status: f.Status}
		if f.Kind == "" {
			out.Kind = world.Worded
		}
	}
	return out
}

func faultOf(f world.Fault) Fault {
	out := Fault{
		Provider: f.Provider, Kind: f.Kind, Region: f.Region, Times: f.Times, Left: f.Left,
		DelaySeconds: f.Delay.Seconds(), Rate: f.Rate, Seed: f.Seed,
	}
	if w := f.Words; w != nil {
		out.Kind, out.Code, out.Message, out.Status = "", w.Code, w.Message, w.Status
	}
	return out
}

// FaultKinds lists the kinds of faults in the order they are printed.
func FaultKinds() []string { return world.Kinds() }

// Providers lists the clouds that are simulated.
func Providers() []string { return world.Providers() }

// kinds are what a provider's own tools call the things in its cloud.
var kinds = map[string]struct{ server, firewall, key, disk string }{
	world.AWS:          {"instance", "security_group", "key_pair", "volume"},
	world.GCP:          {"instance", "firewall", "ssh_key", "disk"},
	world.DigitalOcean: {"droplet", "firewall", "ssh_key", "volume"},
	world.Vultr:        {"instance", "firewall_group", "ssh_key", "block_storage"},
}

// resources lists a state: servers, disks, firewalls, keys of each provider. Tags are names and cost nothing; they are no resources.
func resources(st *world.State) []Resource {
	out := []Resource{}
	for _, p := range world.Providers() {
		for _, s := range st.ServersOf(p) {
			r := Resource{
				Provider: p, Kind: kinds[p].server, ID: s.ID, Name: s.Name, Region: s.Region,
				Tags: append([]string{}, s.Tags...), State: serverState(s), PriceUSD: s.PriceUSD,
			}
			if s.Booted {
				r.Address = s.Address
			}
			out = append(out, r)
		}
		for _, v := range st.DisksOf(p) {
			out = append(out, Resource{
				Provider: p, Kind: kinds[p].disk, ID: v.ID, Name: v.Name, Region: v.Region,
				Tags: append([]string{}, v.Tags...), State: "active", PriceUSD: v.PriceUSD,
			})
		}
		for _, f := range st.FirewallsOf(p) {
			out = append(out, Resource{
				Provider: p, Kind: kinds[p].firewall, ID: f.ID, Name: f.Name,
				Tags: append([]string{}, f.Tags...), State: "active",
			})
		}
		for _, k := range st.KeysOf(p) {
			out = append(out, Resource{Provider: p, Kind: kinds[p].key, ID: k.ID, Name: k.Name, Tags: []string{}, State: "active"})
		}
	}
	return out
}

func serverState(s *world.Server) string {
	switch {
	case s.Deleting:
		return "deleting"
	case s.Phase == world.Failed:
		return "failed"
	case s.Phase == world.Running:
		return "active"
	case s.Phase == world.Off:
		return "off"
	default:
		return "pending"
	}
}
