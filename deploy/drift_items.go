package deploy

import (
	"fmt"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
)

// driftItems is what a refresh-only plan says that somebody changed. An
// attribute that no configuration sets is the provider's own business: a
// counter, a date, or what other resources made of it since it was recorded.
// What is hidden in such attributes and matters is in openedOutside.
func driftItems(plan *tfjson.Plan) []DriftItem {
	out := []DriftItem{}
	set := configured(plan)
	for _, rc := range plan.ResourceDrift {
		if rc.Mode != tfjson.ManagedResourceMode || rc.Change == nil || rc.Change.Actions.NoOp() {
			continue
		}
		item := DriftItem{Address: rc.Address, Type: rc.Type, Action: "update", Attributes: []DriftAttribute{}}
		if rc.Change.Actions.Delete() {
			item.Action = "delete"
			out = append(out, item)
			continue
		}
		before, _ := rc.Change.Before.(map[string]any)
		after, _ := rc.Change.After.(map[string]any)
		for _, name := range changedAttributes(rc.Change) {
			if !set[rc.Type+"."+rc.Name+"."+name] {
				continue
			}
			at := DriftAttribute{Name: name}
			if !sensitive(of(rc.Change.BeforeSensitive, name)) && !sensitive(of(rc.Change.AfterSensitive, name)) {
				at.Before, at.After = leaf(name, before[name]), leaf(name, after[name])
			}
			item.Attributes = append(item.Attributes, at)
		}
		if len(item.Attributes) > 0 {
			out = append(out, item)
		}
	}
	return append(out, openedOutside(plan)...)
}

// configured is every attribute that the configuration sets, as
// type.name.attribute.
func configured(plan *tfjson.Plan) map[string]bool {
	set := map[string]bool{}
	var module func(*tfjson.ConfigModule)
	module = func(m *tfjson.ConfigModule) {
		if m == nil {
			return
		}
		for _, r := range m.Resources {
			for name := range r.Expressions {
				set[r.Type+"."+r.Name+"."+name] = true
			}
		}
		for _, c := range m.ModuleCalls {
			module(c.Module)
		}
	}
	if plan.Config != nil {
		module(plan.Config.RootModule)
	}
	return set
}

// openedOutside is who was let in by a rule that is no resource of ours: in an
// AWS security group, or in a firewall group of Vultr.
func openedOutside(plan *tfjson.Plan) (out []DriftItem) {
	ours := map[string]bool{}
	rules := 0
	all := recorded(plan)
	for _, r := range all {
		v := r.AttributeValues
		switch r.Type {
		case "aws_vpc_security_group_ingress_rule":
			ours[opening(v["ip_protocol"], v["from_port"], v["to_port"], v["cidr_ipv4"])] = true
			ours[opening(v["ip_protocol"], v["from_port"], v["to_port"], v["cidr_ipv6"])] = true
		case "vultr_firewall_rule":
			rules++
		}
	}
	for _, r := range all {
		item := DriftItem{Address: r.Address, Type: r.Type, Action: "update"}
		switch r.Type {
		case "aws_security_group":
			for _, o := range ingress(r.AttributeValues["ingress"]) {
				if !ours[o] {
					item.Attributes = append(item.Attributes, DriftAttribute{Name: "ingress", After: o})
				}
			}
		case "vultr_firewall_group":
			if n, ok := r.AttributeValues["rule_count"].(float64); ok && int(n) > rules {
				item.Attributes = append(item.Attributes, DriftAttribute{Name: "rule_count", Before: fmt.Sprint(rules), After: fmt.Sprint(n)})
			}
		}
		if len(item.Attributes) > 0 {
			out = append(out, item)
		}
	}
	return out
}

func opening(protocol, from, to, cidr any) string {
	return fmt.Sprintf("%v %v-%v from %v", protocol, from, to, cidr)
}

// ingress are the openings in a security group's own list.
func ingress(list any) (out []string) {
	rules, _ := list.([]any)
	for _, x := range rules {
		r, _ := x.(map[string]any)
		for _, kind := range []string{"cidr_blocks", "ipv6_cidr_blocks", "prefix_list_ids", "security_groups"} {
			blocks, _ := r[kind].([]any)
			for _, b := range blocks {
				out = append(out, opening(r["protocol"], r["from_port"], r["to_port"], b))
			}
		}
	}
	slices.Sort(out)
	return out
}

// recorded are the managed resources of a plan's state, which is refreshed.
func recorded(plan *tfjson.Plan) (out []*tfjson.StateResource) {
	var module func(*tfjson.StateModule)
	module = func(m *tfjson.StateModule) {
		if m == nil {
			return
		}
		for _, r := range m.Resources {
			if r.Mode == tfjson.ManagedResourceMode {
				out = append(out, r)
			}
		}
		for _, c := range m.ChildModules {
			module(c)
		}
	}
	if plan.PriorState != nil && plan.PriorState.Values != nil {
		module(plan.PriorState.Values.RootModule)
	}
	return out
}

// of is what Terraform marks of one attribute: all of it when all of the
// resource is marked.
func of(marks any, name string) any {
	if m, ok := marks.(map[string]any); ok {
		return m[name]
	}
	return marks
}

// sensitive says whether a mark, or one inside it, is set.
func sensitive(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case map[string]any:
		for _, x := range v {
			if sensitive(x) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, sensitive)
	}
	return false
}

// texts collects every text of a value, each also without what stands before
// Google Cloud's "projects/": the same thing is known by its path and its URL.
func texts(into map[string]bool, v any) {
	switch v := v.(type) {
	case string:
		into[v] = true
		if i := strings.Index(v, "projects/"); i >= 0 {
			into[v[i:]] = true
		}
	case map[string]any:
		for _, x := range v {
			texts(into, x)
		}
	case []any:
		for _, x := range v {
			texts(into, x)
		}
	}
}
