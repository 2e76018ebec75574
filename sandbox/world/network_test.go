package world

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNetworkInbound is about the order of rules that can refuse.
func TestNetworkInbound(t *testing.T) {
	s := &Server{Provider: GCP, ID: "1", Tags: []string{"web"}}
	fw := func(priority int, deny bool, from, to int, sources ...string) *Firewall {
		return &Firewall{Provider: GCP, Tags: []string{"web"}, Inbound: []Rule{{Protocol: "tcp", From: from, To: to, Sources: sources, Deny: deny, Priority: priority}}}
	}
	closed := fw(60000, true, 0, 0, "0.0.0.0/0")
	for name, tc := range map[string]struct {
		rules []*Firewall
		want  []Opening
	}{
		"nothing allowed":             {nil, []Opening{}},
		"the stronger rule":           {[]*Firewall{fw(1000, false, 80, 80, "0.0.0.0/0"), fw(900, true, 80, 80, "0.0.0.0/0")}, []Opening{}},
		"the weaker refusal":          {[]*Firewall{fw(1000, false, 80, 80, "0.0.0.0/0"), fw(1001, true, 80, 80, "0.0.0.0/0")}, []Opening{{"tcp", 80, 80, []string{"0.0.0.0/0"}}}},
		"the refusal of equals":       {[]*Firewall{fw(1000, false, 80, 80, "0.0.0.0/0"), fw(1000, true, 80, 80, "0.0.0.0/0")}, []Opening{}},
		"a hole in the ports":         {[]*Firewall{fw(1000, false, 80, 90, "0.0.0.0/0"), fw(1, true, 84, 85, "0.0.0.0/0")}, []Opening{{"tcp", 80, 83, []string{"0.0.0.0/0"}}, {"tcp", 86, 90, []string{"0.0.0.0/0"}}}},
		"a hole in the sources":       {[]*Firewall{fw(1000, false, 80, 80, "10.0.0.0/8"), fw(1, true, 80, 80, "10.128.0.0/9", "10.64.0.0/10")}, []Opening{{"tcp", 80, 80, []string{"10.0.0.0/10"}}}},
		"another family of addresses": {[]*Firewall{fw(1000, false, 80, 80, "::/0"), fw(1, true, 80, 80, "0.0.0.0/0")}, []Opening{{"tcp", 80, 80, []string{"::/0"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			st := &State{Servers: []*Server{s}, Firewalls: append(tc.rules, closed)}
			var got []Opening
			for _, o := range st.Inbound(s) {
				if o.Protocol == "tcp" {
					got = append(got, o)
				}
			}
			if len(tc.want) == 0 {
				tc.want = nil
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
