package review

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
	"go.yaml.in/yaml/v3"
)

// Changes lists what a plan would do, in its order; reads and what stays are
// left out.
func Changes(plan *tfjson.Plan) []Change {
	out := []Change{}
	for _, rc := range plan.ResourceChanges {
		if rc.Mode != tfjson.ManagedResourceMode || rc.Change == nil || rc.Change.Actions.NoOp() {
			continue
		}
		action := "update"
		switch as := rc.Change.Actions; {
		case as.Create():
			action = "create"
		case as.Delete():
			action = "delete"
		case as.Replace():
			action = "replace"
		}
		out = append(out, Change{Action: action, Address: rc.Address, Type: rc.Type})
	}
	return out
}

// openers read the inbound rules of the firewalls of each cloud, by resource
// type: what a plan says, not what was asked for.
var openers = map[string]func(after map[string]any) []Opening{
	"aws_vpc_security_group_ingress_rule": func(r map[string]any) []Opening {
		return []Opening{{Port: portRange(r["from_port"], r["to_port"]), From: strs(r["cidr_ipv4"], r["cidr_ipv6"])}}
	},
	"google_compute_firewall": func(r map[string]any) []Opening {
		if r["direction"] == "EGRESS" {
			return nil
		}
		var out []Opening
		for _, a := range array(r["allow"]) {
			ports := strs(array(object(a)["ports"])...)
			if len(ports) == 0 {
				ports = []string{"all"}
			}
			for _, p := range ports {
				out = append(out, Opening{Port: p, From: strs(array(r["source_ranges"])...)})
			}
		}
		return out
	},
	"digitalocean_firewall": func(r map[string]any) []Opening {
		var out []Opening
		for _, rule := range array(r["inbound_rule"]) {
			rule := object(rule)
			out = append(out, Opening{Port: portRange(rule["port_range"], nil), From: strs(array(rule["source_addresses"])...)})
		}
		return out
	},
	"helm_release": func(r map[string]any) []Opening {
		var values struct {
			Ports []struct {
				Number int  `yaml:"number"`
				Public bool `yaml:"public"`
			} `yaml:"ports"`
			Access struct {
				Ingress []string `yaml:"ingress"`
			} `yaml:"access"`
		}
		if err := yaml.Unmarshal([]byte(strings.Join(strs(array(r["values"])...), "\n")), &values); err != nil {
			return nil // a guardrail denies it
		}
		var out []Opening
		for _, p := range values.Ports {
			if p.Public {
				out = append(out, Opening{Port: fmt.Sprint(p.Number), From: values.Access.Ingress})
			}
		}
		return out
	},
	"vultr_firewall_rule": func(r map[string]any) []Opening {
		return []Opening{{Port: portRange(r["port"], nil), From: []string{fmt.Sprintf("%v/%v", r["subnet"], r["subnet_size"])}}}
	},
}

// Openings lists the ports that a plan opens and to whom, by port.
func Openings(plan *tfjson.Plan) []Opening {
	from := map[string][]string{}
	for _, rc := range plan.ResourceChanges {
		open := openers[rc.Type]
		if open == nil || rc.Change == nil || rc.Change.Actions.Delete() {
			continue
		}
		after := object(rc.Change.After)
		for _, o := range open(after) {
			from[o.Port] = append(from[o.Port], o.From...)
		}
	}
	out := []Opening{}
	for port, list := range from {
		sort.Strings(list)
		out = append(out, Opening{Port: port, From: slices.Compact(list)})
	}
	sort.Slice(out, func(i, j int) bool {
		a, b := out[i].Port, out[j].Port
		return len(a) < len(b) || len(a) == len(b) && a < b
	})
	return out
}

func portRange(from, to any) string {
	a, b := text(from), text(to)
	switch {
	case a == "" || a == "0" || a == "-1":
		return "all"
	case b == "" || a == b:
		return a
	default:
		return a + "-" + b
	}
}

func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case json.Number:
		return v.String()
	default:
		return fmt.Sprint(v)
	}
}

func strs(values ...any) []string {
	var out []string
	for _, v := range values {
		if s := text(v); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func join(list []string) string { return strings.Join(list, "; ") }
