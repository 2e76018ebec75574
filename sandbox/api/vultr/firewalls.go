package vultr

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"skysail/sandbox/world"
)

// maxRules is how many rules a group may have.
const maxRules = 50

func groupView(f *world.Firewall) map[string]any {
	return map[string]any{
		"id": f.ID, "description": f.Name, "date_created": date(f.CreatedAt), "date_modified": date(f.ModifiedAt),
		"rule_count": len(f.Inbound), "max_rule_count": maxRules,
	}
}

func errGroup() error { return notFound("Invalid firewall group ID") }

func (s *server) listGroups(_ http.ResponseWriter, r *http.Request) (reply, error) {
	var out []item
	for _, f := range s.World.State().FirewallsOf(provider) {
		out = append(out, item{f.Seq, groupView(f)})
	}
	return page(r, "firewall_groups", out)
}

func (s *server) getGroup(_ http.ResponseWriter, r *http.Request) (reply, error) {
	f := s.World.State().Firewall(provider, r.PathValue("id"))
	if f == nil {
		return reply{}, errGroup()
	}
	return reply{http.StatusOK, map[string]any{"firewall_group": groupView(f)}}, nil
}

type groupRequest struct {
	Description string `json:"description"`
}

func (s *server) createGroup(w http.ResponseWriter, r *http.Request) (reply, error) {
	var in groupRequest
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	var made *world.Firewall
	err := s.World.Update(func(st *world.State) error {
		now := s.World.Now()
		made = &world.Firewall{
			Provider: provider, ID: world.NewUUID(), Seq: st.NextSeq(), Name: in.Description,
			Inbound: []world.Rule{}, CreatedAt: now, ModifiedAt: now,
		}
		st.Firewalls = append(st.Firewalls, made)
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusCreated, map[string]any{"firewall_group": groupView(made)}}, nil
}

// changeGroup changes the group that the request's path names.
func (s *server) changeGroup(r *http.Request, change func(*world.State, *world.Firewall) error) error {
	return s.World.Update(func(st *world.State) error {
		f := st.Firewall(provider, r.PathValue("id"))
		if f == nil {
			return errGroup()
		}
		f.ModifiedAt = s.World.Now()
		return change(st, f)
	})
}

func (s *server) updateGroup(w http.ResponseWriter, r *http.Request) (reply, error) {
	var in groupRequest
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	err := s.changeGroup(r, func(_ *world.State, f *world.Firewall) error {
		f.Name = in.Description
		return nil
	})
	return reply{status: http.StatusNoContent}, err
}

// deleteGroup removes a group even when instances use it: as at Vultr, they
// have no firewall then.
func (s *server) deleteGroup(_ http.ResponseWriter, r *http.Request) (reply, error) {
	err := s.changeGroup(r, func(st *world.State, f *world.Firewall) error {
		st.RemoveFirewall(provider, f.ID)
		return nil
	})
	return reply{status: http.StatusNoContent}, err
}

// rule is a rule in Vultr's form.
type rule struct {
	IPType     string `json:"ip_type"`
	Protocol   string `json:"protocol"`
	Subnet     string `json:"subnet"`
	SubnetSize int    `json:"subnet_size"`
	Port       string `json:"port"`
	Source     string `json:"source"`
	Notes      string `json:"notes"`
}

func ruleView(w world.Rule) map[string]any {
	var v rule
	_ = json.Unmarshal(w.Detail, &v) // written by createRule
	return map[string]any{
		"id": w.ID, "type": v.IPType, "ip_type": v.IPType, "action": "accept", "protocol": v.Protocol,
		"port": v.Port, "subnet": v.Subnet, "subnet_size": v.SubnetSize, "source": v.Source, "notes": v.Notes,
	}
}

func (s *server) listRules(_ http.ResponseWriter, r *http.Request) (reply, error) {
	f := s.World.State().Firewall(provider, r.PathValue("id"))
	if f == nil {
		return reply{}, errGroup()
	}
	var out []item
	for _, rule := range f.Inbound {
		out = append(out, item{rule.ID, ruleView(rule)})
	}
	return page(r, "firewall_rules", out)
}

func (s *server) getRule(_ http.ResponseWriter, r *http.Request) (reply, error) {
	f := s.World.State().Firewall(provider, r.PathValue("id"))
	if f == nil {
		return reply{}, errGroup()
	}
	i := findRule(f, r.PathValue("rule"))
	if i < 0 {
		return reply{}, notFound("Firewall rule ID not found")
	}
	return reply{http.StatusOK, map[string]any{"firewall_rule": ruleView(f.Inbound[i])}}, nil
}

func findRule(f *world.Firewall, id string) int {
	return slices.IndexFunc(f.Inbound, func(w world.Rule) bool { return strconv.FormatInt(w.ID, 10) == id })
}

func (s *server) createRule(w http.ResponseWriter, r *http.Request) (reply, error) {
	var in rule
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	made, err := in.check()
	if err != nil {
		return reply{}, err
	}
	err = s.changeGroup(r, func(_ *world.State, f *world.Firewall) error {
		if len(f.Inbound) >= maxRules {
			return badRequest("This group has the maximum number of %d rules", maxRules)
		}
		made.ID = 1
		for _, other := range f.Inbound {
			if sameRule(other, made) {
				return badRequest("This rule is already defined ") // Vultr's text ends in a space
			}
			made.ID = max(made.ID, other.ID+1)
		}
		f.Inbound = append(f.Inbound, made)
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusCreated, map[string]any{"firewall_rule": ruleView(made)}}, nil
}

func sameRule(a, b world.Rule) bool {
	return strings.EqualFold(a.Protocol, b.Protocol) && a.From == b.From && a.To == b.To && slices.Equal(a.Sources, b.Sources)
}

// check turns a request into a rule, or says what Vultr would not take.
func (in rule) check() (world.Rule, error) {
	protocol := strings.ToLower(in.Protocol)
	if !slices.Contains([]string{"icmp", "tcp", "udp", "gre", "esp", "ah"}, protocol) {
		return world.Rule{}, badRequest("Invalid protocol")
	}
	addr, err := netip.ParseAddr(in.Subnet)
	if err != nil {
		return world.Rule{}, badRequest("Invalid subnet")
	}
	if (in.IPType != "v4" && in.IPType != "v6") || (in.IPType == "v4") != addr.Is4() {
		return world.Rule{}, badRequest("Invalid ip_type")
	}
	prefix, err := addr.Prefix(in.SubnetSize)
	if err != nil {
		return world.Rule{}, badRequest("Invalid subnet size")
	}
	if in.Source != "" && in.Source != in.Subnet+"/"+strconv.Itoa(in.SubnetSize) {
		return world.Rule{}, badRequest("the skysail sandbox has no rule source %q", in.Source)
	}
	in.Source = in.Subnet + "/" + strconv.Itoa(in.SubnetSize)
	w := world.Rule{Protocol: protocol, Sources: []string{prefix.Masked().String()}}
	if protocol == "tcp" || protocol == "udp" {
		var ok bool
		if w.From, w.To, ok = portRange(in.Port); !ok {
			return world.Rule{}, badRequest("Invalid port")
		}
	}
	w.Detail, err = json.Marshal(in)
	return w, err
}

// portRange reads "22" or "8000:8100".
func portRange(s string) (from, to int, ok bool) {
	low, high, ranged := strings.Cut(s, ":")
	if !ranged {
		high = low
	}
	from, err1 := strconv.Atoi(low)
	to, err2 := strconv.Atoi(high)
	return from, to, err1 == nil && err2 == nil && from >= 1 && from <= to && to <= 65535
}

func (s *server) deleteRule(_ http.ResponseWriter, r *http.Request) (reply, error) {
	err := s.changeGroup(r, func(_ *world.State, f *world.Firewall) error {
		i := findRule(f, r.PathValue("rule"))
		if i < 0 {
			return notFound("Firewall rule ID not found")
		}
		f.Inbound = slices.Delete(f.Inbound, i, i+1)
		return nil
	})
	return reply{status: http.StatusNoContent}, err
}
