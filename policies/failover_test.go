package policies

import (
	"strings"
	"testing"
	"time"

	"skysail/internal/hclfile"
)

func failoverOf(t *testing.T, body string) (Failover, error) {
	t.Helper()
	p, err := parse("policy.hcl", []byte("policy {\n  failover {\n"+body+"\n  }\n}\n"), hclfile.ParseOptions{})
	return p.Failover, err
}

func TestProviderTimeout(t *testing.T) {
	cases := []struct {
		name, body string
		want       map[string]time.Duration
	}{
		{"defaults", ``, map[string]time.Duration{AWS: 10 * time.Minute, Vultr: 12 * time.Minute, Local: 15 * time.Minute}},
		{"what is said of all is not narrowed by defaults", `attempt_timeout = "30m"`, map[string]time.Duration{AWS: 30 * time.Minute, Vultr: 30 * time.Minute}},
		{"a short one for all", `attempt_timeout = "1m"`, map[string]time.Duration{AWS: time.Minute, Local: time.Minute}},
		{"one is set", `provider_timeout = { aws = "90s" }`, map[string]time.Duration{AWS: 90 * time.Second, GCP: 8 * time.Minute, Local: 15 * time.Minute}},
		{"longer than the default of all", `provider_timeout = { aws = "20m" }`, map[string]time.Duration{AWS: 20 * time.Minute, GCP: 8 * time.Minute}},
		{"both", "attempt_timeout = \"30m\"\nprovider_timeout = { aws = \"5m\" }", map[string]time.Duration{AWS: 5 * time.Minute, GCP: 30 * time.Minute}},
		{"the whole bounds it", "total_timeout = \"5m\"", map[string]time.Duration{AWS: 5 * time.Minute, Vultr: 5 * time.Minute}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f, err := failoverOf(t, c.body)
			if err != nil {
				t.Fatal(err)
			}
			for p, want := range c.want {
				if got := f.Timeout(p); got != want {
					t.Errorf("%s: %s, want %s", p, got, want)
				}
			}
		})
	}
}

func TestFailoverMistakes(t *testing.T) {
	cases := []struct{ body, want string }{
		{`provider_timeout = { awz = "10m" }`, `"awz" is no provider with a deadline of its own`},
		{`provider_timeout = { local = "10m" }`, `"local" is no provider with a deadline of its own`},
		{`provider_timeout = { aws = "10" }`, `"10" has no unit`},
		{`provider_timeout = { aws = "0s" }`, `must be more than 0`},
		{`provider_timeout = "10m"`, `a map of strings`},
		{"attempt_timeout = \"5m\"\nprovider_timeout = { aws = \"10m\" }", "longer than any attempt may take"},
		{`budget_usd = 0`, `A budget of 0 dollars allows nothing`},
		{`budget_usd = -1`, `A budget is more than 0`},
		{`budget = 1`, `budget_usd`},
	}
	for _, c := range cases {
		t.Run(c.body, func(t *testing.T) {
			_, err := failoverOf(t, c.body)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
	if f, err := failoverOf(t, `budget_usd = 1.5`); err != nil || f.BudgetUSD != 1.5 {
		t.Errorf("%+v, %v", f, err)
	}
}
