package gcp

import (
	"encoding/json"
	"net/http"

	"google.golang.org/api/compute/v1"

	"skysail/sandbox/world"
)

// The directions of a firewall rule.
const (
	ingress = "INGRESS"
	egress  = "EGRESS"
)

func firewallPath(name string) string { return "projects/" + Project + "/global/firewalls/" + name }

func findFirewall(st *world.State, name string) *world.Firewall {
	for _, f := range st.FirewallsOf(provider) {
		if f.Name == name || f.ID == name {
			return f
		}
	}
	return nil
}

func firewallTarget(f *world.Firewall) target { return target{path: firewallPath(f.Name), id: f.ID} }

func firewallDetail(f *world.Firewall) *compute.Firewall {
	var d compute.Firewall
	_ = json.Unmarshal(f.Detail, &d) // written by setFirewall
	return &d
}

func firewallView(f *world.Firewall) *compute.Firewall {
	v := firewallDetail(f)
	v.Kind, v.Id, v.Name = "compute#firewall", numeric(f.ID), f.Name
	v.SelfLink, v.CreationTimestamp = link(firewallPath(f.Name)), stamp(f.CreatedAt)
	v.Network = networkView().SelfLink
	v.ForceSendFields = []string{"Priority", "Disabled"}
	v.LogConfig = &compute.FirewallLogConfig{ForceSendFields: []string{"Enable"}}
	return v
}

// predefined are the rules of the network that every project begins with.
func predefined() []*compute.Firewall {
	var out []*compute.Firewall
	for _, f := range world.NetworkDefaults() {
		v := &compute.Firewall{
			Kind: "compute#firewall", Id: stableID(f.Name), Name: f.Name, Network: networkView().SelfLink, Direction: ingress,
			Priority: int64(f.Inbound[0].Priority), SourceRanges: f.Inbound[0].Sources, SelfLink: link(firewallPath(f.Name)),
			Description: "One of the rules of the default network. The sandbox keeps it.",
		}
		for _, r := range f.Inbound {
			allowed := &compute.FirewallAllowed{IPProtocol: r.Protocol}
			if r.To > 0 {
				allowed.Ports = []string{portRange(r)}
			}
			v.Allowed = append(v.Allowed, allowed)
		}
		out = append(out, v)
	}
	return out
}

func (s *server) getFirewall(_ http.ResponseWriter, r *http.Request) (any, error) {
	name := r.PathValue("name")
	if f := findFirewall(s.World.State(), name); f != nil {
		return firewallView(f), nil
	}
	for _, f := range predefined() {
		if f.Name == name {
			return f, nil
		}
	}
	return nil, notFound(firewallPath(name))
}

func (s *server) listFirewalls(_ http.ResponseWriter, r *http.Request) (any, error) {
	var all []item
	for n, f := range predefined() {
		all = append(all, item{int64(n), f})
	}
	for _, f := range s.World.State().FirewallsOf(provider) {
		all = append(all, item{f.Seq, firewallView(f)})
	}
	return page(r, "compute#firewallList", all)
}

func (s *server) insertFirewall(w http.ResponseWriter, r *http.Request) (any, error) {
	in := compute.Firewall{Priority: defaultPriority}
	if _, err := decode(w, r, &in); err != nil {
		return nil, err
	}
	if err := checkName("resource.name", in.Name); err != nil {
		return nil, err
	}
	rules, err := checkFirewall(&in)
	if err != nil {
		return nil, err
	}
	return s.operate(func(st *world.State) (*world.Action, error) {
		if findFirewall(st, in.Name) != nil || isPredefined(in.Name) {
			return nil, alreadyExists(firewallPath(in.Name))
		}
		id, seq := st.NextNumericID()
		now := s.World.Now()
		f := &world.Firewall{Provider: provider, ID: id, Seq: seq, Name: in.Name, CreatedAt: now, ModifiedAt: now}
		setFirewall(f, &in, rules)
		st.Firewalls = append(st.Firewalls, f)
		return s.begin(st, opInsert, firewallTarget(f), nil), nil
	})
}

func setFirewall(f *world.Firewall, d *compute.Firewall, rules []world.Rule) {
	f.Tags, f.Everything, f.Inbound = d.TargetTags, len(d.TargetTags) == 0, rules
	d.ForceSendFields = []string{"Priority"}
	f.Detail, _ = json.Marshal(d) // strings, numbers and lists: cannot fail
}

func isPredefined(name string) bool {
	for _, f := range world.NetworkDefaults() {
		if f.Name == name {
			return true
		}
	}
	return false
}

func (s *server) changeFirewall(name, kind string, f func(*world.State, *world.Firewall) error) (any, error) {
	if isPredefined(name) {
		return nil, lacking("way to change the rules that the default network begins with")
	}
	return s.operate(func(st *world.State) (*world.Action, error) {
		fw := findFirewall(st, name)
		if fw == nil {
			return nil, notFound(firewallPath(name))
		}
		t := firewallTarget(fw)
		if err := f(st, fw); err != nil {
			return nil, err
		}
		return s.begin(st, kind, t, nil), nil
	})
}

// patchFirewall serves both changes: PATCH keeps what the request does not
// name, PUT does not.
func (s *server) patchFirewall(w http.ResponseWriter, r *http.Request) (any, error) {
	var in map[string]json.RawMessage
	if _, err := decode(w, r, &in); err != nil {
		return nil, err
	}
	name := r.PathValue("name")
	return s.changeFirewall(name, "patch", func(_ *world.State, f *world.Firewall) error {
		next := map[string]json.RawMessage{}
		if r.Method == http.MethodPatch {
			if err := json.Unmarshal(f.Detail, &next); err != nil {
				return err
			}
		}
		for k, v := range in {
			next[k] = v
		}
		raw, err := json.Marshal(next)
		if err != nil {
			return err
		}
		d := compute.Firewall{Priority: defaultPriority}
		if err := json.Unmarshal(raw, &d); err != nil {
			return &apiError{status: http.StatusBadRequest, reason: "parseError", message: "Parse Error"}
		}
		rules, err := checkFirewall(&d)
		if err != nil {
			return err
		}
		setFirewall(f, &d, rules)
		f.ModifiedAt = s.World.Now()
		return nil
	})
}

func (s *server) deleteFirewall(_ http.ResponseWriter, r *http.Request) (any, error) {
	return s.changeFirewall(r.PathValue("name"), opDelete, func(st *world.State, f *world.Firewall) error {
		st.RemoveFirewall(provider, f.ID)
		return nil
	})
}
