package digitalocean

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"time"

	"skysail/sandbox/world"
)

type firewallRequest struct {
	Name string `json:"name"`
	rules
	DropletIDs []int64  `json:"droplet_ids"`
	Tags       []string `json:"tags"`
}

func rulesOf(f *world.Firewall) rules {
	var v rules
	_ = json.Unmarshal(f.Detail, &v) // written by setRules
	return v
}

func setRules(f *world.Firewall, v rules) {
	f.Detail, _ = json.Marshal(v) // strings and numbers only: cannot fail
	f.Inbound = v.inbound()
}

// firewallView shows a firewall. Its rules are in force by the time the API
// answers, so there is never a change pending.
func firewallView(f *world.Firewall) map[string]any {
	rs := rulesOf(f)
	ids := []int64{}
	for _, id := range f.ServerIDs {
		ids = append(ids, numeric(id))
	}
	return map[string]any{
		"id": f.ID, "name": f.Name, "status": "succeeded",
		"created_at":    f.CreatedAt.UTC().Format(time.RFC3339),
		"inbound_rules": list(rs.Inbound), "outbound_rules": list(rs.Outbound),
		"droplet_ids": ids, "tags": list(f.Tags), "pending_changes": []any{},
	}
}

func (s *server) listFirewalls(_ http.ResponseWriter, r *http.Request) (reply, error) {
	out := []map[string]any{}
	for _, f := range s.World.State().FirewallsOf(provider) {
		out = append(out, firewallView(f))
	}
	return page(r, "firewalls", out)
}

func (s *server) getFirewall(_ http.ResponseWriter, r *http.Request) (reply, error) {
	f := s.World.State().Firewall(provider, r.PathValue("id"))
	if f == nil {
		return reply{}, errNotFound()
	}
	return reply{http.StatusOK, map[string]any{"firewall": firewallView(f)}}, nil
}

func (s *server) createFirewall(w http.ResponseWriter, r *http.Request) (reply, error) {
	var in firewallRequest
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	var made *world.Firewall
	err := s.World.Update(func(st *world.State) error {
		now := s.World.Now()
		made = &world.Firewall{Provider: provider, ID: world.NewUUID(), Seq: st.NextSeq(), CreatedAt: now}
		if err := in.apply(st, made, now); err != nil {
			return err
		}
		st.Firewalls = append(st.Firewalls, made)
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusAccepted, map[string]any{"firewall": firewallView(made)}}, nil
}

// apply makes f what the request says, all of it: what the request leaves out
// is emptied.
func (in *firewallRequest) apply(st *world.State, f *world.Firewall, now time.Time) error {
	if in.Name == "" {
		return unprocessable("name is required")
	}
	for _, other := range st.FirewallsOf(provider) {
		if other.Name == in.Name && other.ID != f.ID {
			return &apiError{http.StatusConflict, "conflict", "duplicate name"}
		}
	}
	if err := in.normalize(st); err != nil {
		return err
	}
	if err := checkReferences(st, in.Tags, in.DropletIDs); err != nil {
		return err
	}
	f.Name, f.Tags, f.ModifiedAt = in.Name, list(in.Tags), now
	f.ServerIDs = []string{}
	for _, id := range in.DropletIDs {
		f.ServerIDs = append(f.ServerIDs, strconv.FormatInt(id, 10))
	}
	setRules(f, in.rules)
	return nil
}

func (s *server) updateFirewall(w http.ResponseWriter, r *http.Request) (reply, error) {
	var in firewallRequest
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	f, err := s.changeFirewall(r, func(st *world.State, f *world.Firewall) error {
		return in.apply(st, f, s.World.Now())
	})
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, map[string]any{"firewall": firewallView(f)}}, nil
}

// changeFirewall changes the firewall that the request's path names.
func (s *server) changeFirewall(r *http.Request, change func(*world.State, *world.Firewall) error) (*world.Firewall, error) {
	var f *world.Firewall
	err := s.World.Update(func(st *world.State) error {
		if f = st.Firewall(provider, r.PathValue("id")); f == nil {
			return errNotFound()
		}
		f.ModifiedAt = s.World.Now()
		return change(st, f)
	})
	return f, err
}

func (s *server) deleteFirewall(_ http.ResponseWriter, r *http.Request) (reply, error) {
	_, err := s.changeFirewall(r, func(st *world.State, f *world.Firewall) error {
		st.RemoveFirewall(provider, f.ID)
		return nil
	})
	return reply{status: http.StatusNoContent}, err
}

func (s *server) addFirewallDroplets(w http.ResponseWriter, r *http.Request) (reply, error) {
	return s.changeFirewallDroplets(w, r, func(ids []string, id string) []string {
		if slices.Contains(ids, id) {
			return ids
		}
		return append(ids, id)
	})
}

func (s *server) removeFirewallDroplets(w http.ResponseWriter, r *http.Request) (reply, error) {
	return s.changeFirewallDroplets(w, r, func(ids []string, id string) []string {
		return slices.DeleteFunc(ids, func(s string) bool { return s == id })
	})
}

func (s *server) changeFirewallDroplets(w http.ResponseWriter, r *http.Request, change func([]string, string) []string) (reply, error) {
	var in struct {
		IDs []int64 `json:"droplet_ids"`
	}
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	_, err := s.changeFirewall(r, func(st *world.State, f *world.Firewall) error {
		if err := checkReferences(st, nil, in.IDs); err != nil {
			return err
		}
		for _, id := range in.IDs {
			f.ServerIDs = change(f.ServerIDs, strconv.FormatInt(id, 10))
		}
		return nil
	})
	return reply{status: http.StatusNoContent}, err
}

func (s *server) addFirewallTags(w http.ResponseWriter, r *http.Request) (reply, error) {
	return s.changeFirewallTags(w, r, func(tags []string, tag string) []string { return append(without(tags, tag), tag) })
}

func (s *server) removeFirewallTags(w http.ResponseWriter, r *http.Request) (reply, error) {
	return s.changeFirewallTags(w, r, without)
}

func (s *server) changeFirewallTags(w http.ResponseWriter, r *http.Request, change func([]string, string) []string) (reply, error) {
	var in struct {
		Tags []string `json:"tags"`
	}
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	_, err := s.changeFirewall(r, func(st *world.State, f *world.Firewall) error {
		if err := checkReferences(st, in.Tags, nil); err != nil {
			return err
		}
		for _, t := range in.Tags {
			f.Tags = change(f.Tags, t)
		}
		return nil
	})
	return reply{status: http.StatusNoContent}, err
}

func (s *server) addFirewallRules(w http.ResponseWriter, r *http.Request) (reply, error) {
	return s.changeFirewallRules(w, r, func(have, with []rule) []rule { return append(have, with...) })
}

func (s *server) removeFirewallRules(w http.ResponseWriter, r *http.Request) (reply, error) {
	return s.changeFirewallRules(w, r, func(have, with []rule) []rule {
		return slices.DeleteFunc(have, func(h rule) bool {
			return slices.ContainsFunc(with, func(x rule) bool { return reflect.DeepEqual(h, x) })
		})
	})
}

func (s *server) changeFirewallRules(w http.ResponseWriter, r *http.Request, change func(have, with []rule) []rule) (reply, error) {
	var in rules
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	_, err := s.changeFirewall(r, func(st *world.State, f *world.Firewall) error {
		if err := in.normalize(st); err != nil {
			return err
		}
		rs := rulesOf(f)
		rs.Inbound, rs.Outbound = change(rs.Inbound, in.Inbound), change(rs.Outbound, in.Outbound)
		if len(rs.Inbound)+len(rs.Outbound) == 0 {
			return unprocessable("must have at least one rule")
		}
		setRules(f, rs)
		return nil
	})
	return reply{status: http.StatusNoContent}, err
}
