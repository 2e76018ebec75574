package deploy

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"skysail/catalog"
	"skysail/clouds"
	"skysail/policies"
	"skysail/selector"
	"skysail/spec"
	"skysail/store"
)

func TestCost(t *testing.T) {
	cases := []struct {
		provider  string
		usdHour   float64
		instances int
		time      time.Duration
		want      float64
	}{
		{policies.AWS, 3.6, 1, 10 * time.Second, 0.06},
		{policies.AWS, 3.6, 1, 90*time.Second + time.Millisecond, 0.091},
		{policies.GCP, 3.6, 2, time.Hour, 3.6},
		{policies.DigitalOcean, 0.018, 1, 10 * time.Second, 0.01},
		{policies.DigitalOcean, 0.036, 2, 10 * time.Second, 0.02},
		{policies.DigitalOcean, 36, 1, 10 * time.Second, 0.6},
		{policies.Vultr, 0.5, 1, time.Second, 0.5},
		{policies.Vultr, 0.5, 1, time.Hour + time.Second, 1},
		{policies.Local, 0, 1, time.Hour, 0},
		{"somebody", 0.5, 1, time.Minute, 0.5}, // the dearest way of counting
	}
	for _, c := range cases {
		if got := billingOf(c.provider).cost(c.usdHour, c.instances, c.time); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %s at $%g an hour cost $%g, want $%g", c.provider, c.time, c.usdHour, got, c.want)
		}
	}
}

// What a sum pays for costs no more than the sum, and a unit more costs more.
func TestWithin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom([]string{policies.AWS, policies.GCP, policies.DigitalOcean, policies.Vultr}).Draw(t, "provider")
		b := billingOf(p)
		price := rapid.Float64Range(0.001, 50).Draw(t, "price")
		n := rapid.IntRange(1, 5).Draw(t, "instances")
		sum := rapid.Float64Range(0.001, 100).Draw(t, "sum")
		d := b.within(sum, price, n)
		if d < 0 {
			if b.cost(price, n, 0) <= sum {
				t.Fatalf("$%g pays for the least of %s", sum, p)
			}
			return
		}
		if c := b.cost(price, n, d); c > sum*(1+1e-6) {
			t.Fatalf("%s costs $%g, more than $%g", d, c, sum)
		}
		if c := b.cost(price, n, d+b.unit+time.Millisecond); c < sum*(1-1e-6) {
			t.Fatalf("%s more cost $%g, less than $%g", b.unit, c, sum)
		}
	})
	if d := billingOf(policies.Local).within(0, 0, 1); d != math.MaxInt64 {
		t.Errorf("what costs nothing can be paid for %s", d)
	}
}

func TestBillable(t *testing.T) {
	cases := []struct {
		name  string
		proof Proof
		want  bool
	}{
		{"nothing", Proof{}, false},
		{"keys and rules", Proof{Destroyed: []string{"module.service.aws_key_pair.this", "module.service.aws_vpc_security_group_ingress_rule.ssh", "module.service.vultr_firewall_group.this", "module.service.google_compute_firewall.closed", "module.service.digitalocean_tag.x"}}, false},
		{"an instance in the state", Proof{Destroyed: []string{"module.service.vultr_instance.instance"}}, true},
		{"a disk", Proof{Destroyed: []string{"module.service.google_compute_disk.data"}}, true},
		{"an instance that was swept", Proof{Swept: []clouds.Resource{{Kind: "ssh_key"}, {Kind: "droplet"}}}, true},
		{"a key that was swept", Proof{Swept: []clouds.Resource{{Kind: "ssh_key"}, {Kind: "security_group"}}}, false},
		{"an instance that is still there", Proof{Left: []clouds.Resource{{Kind: "instance"}}}, true},
	}
	for _, c := range cases {
		if got := c.proof.billable(); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestBudget(t *testing.T) {
	dear := selector.Candidate{Offer: &catalog.Offer{Provider: policies.Vultr}, TotalUSD: 0.6}
	cheap := selector.Candidate{Offer: &catalog.Offer{Provider: policies.AWS}, TotalUSD: 0.6}
	b := budget{limit: 1, spent: 0.5, instances: 1}
	if why := b.dear(&dear); !strings.Contains(why, "the least that vultr takes for it is $0.6, and $0.5 of failover.budget_usd = $1 are left") {
		t.Errorf("an hour of vultr: %q", why)
	}
	if why := b.dear(&cheap); why != "" {
		t.Errorf("a minute of aws: %q", why)
	}
	a := &attempt{dep: &store.Deployment{Service: spec.Service{Instances: 1}}, row: store.Attempt{Provider: policies.AWS, PriceUSD: 0.6}}
	if d := b.time(a); d != 50*time.Minute {
		t.Errorf("$0.5 at $0.6 an hour last %s", d)
	}
	none := budget{}
	if none.dear(&dear) != "" || none.time(a) != math.MaxInt64 {
		t.Error("no budget is one")
	}
}
