package guardrails

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"skysail/generator"
)

var clouds = []string{"aws", "gcp", "digitalocean", "vultr"}

// plan reads a golden plan: what `terraform show -json` said of a bundle in
// the sandbox (a service with the public port 8080 and a data disk, SSH from
// 203.0.113.0/24 and 2001:db8::/32), redacted.
func plan(t *testing.T, provider string) map[string]any {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "plans", provider+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// factsOf are those of a golden plan.
func factsOf(doc map[string]any, provider string) Facts {
	value := func(name string) string {
		s, _ := object(object(doc["variables"])[name])["value"].(string)
		return s
	}
	price := 0.07
	return Facts{
		Deployment: value("deployment_id"),
		Service:    &Service{Name: "echo", Instances: 1, Ports: []Port{{Name: "http", Number: 8080, Public: true}}},
		Candidate:  &Candidate{Provider: provider, Region: value("region"), Type: value("size"), PriceUSDHour: &price, AsOf: "2026-09-11"},
		Limits:     &Limits{MaxHourlyUSD: 1},
		Providers:  generator.Pins(),
	}
}

func verdict(t *testing.T, doc any, f Facts) Verdict {
	t.Helper()
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	v, err := Evaluate(t.Context(), Input{Plan: b, Facts: f})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestPlansOfAllProvidersPass(t *testing.T) {
	for _, p := range append([]string{"local", "kubernetes"}, clouds...) {
		doc := plan(t, p)
		v := verdict(t, doc, factsOf(doc, p))
		if v.Denied() || len(v.Warn) > 0 {
			t.Errorf("%s: %v %v", p, v.DenyTexts(), v.WarnTexts())
		}
		if v := verdict(t, doc, Facts{}); v.Denied() {
			t.Errorf("%s without facts: %v", p, v.DenyTexts())
		}
	}
}

// A cluster is named one by one: limits.regions are of clouds.
func TestClustersHaveNoRegion(t *testing.T) {
	doc := plan(t, "kubernetes")
	f := factsOf(doc, "kubernetes")
	f.Limits.Regions = []string{"us-*"}
	if v := verdict(t, doc, f); v.Denied() {
		t.Error(v.DenyTexts())
	}
	if v := verdict(t, doc, Facts{Limits: f.Limits}); v.Denied() {
		t.Error(v.DenyTexts())
	}
}

// eachValues calls edit with the values of each resource of a type, in one of
// the two places where a plan has them.
func eachValues(t *testing.T, doc map[string]any, place, typ string, edit func(map[string]any)) {
	t.Helper()
	n := 0
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if v["type"] == typ {
				for _, values := range []any{v["values"], object(v["change"])["after"]} {
					if m, ok := values.(map[string]any); ok {
						n++
						edit(m)
					}
				}
			}
			for _, c := range v {
				walk(c)
			}
		case []any:
			for _, c := range v {
				walk(c)
			}
		}
	}
	walk(doc[place])
	if n == 0 {
		t.Fatalf("no %s in %s", typ, place)
	}
}

func set(path string, value any) func(map[string]any) {
	return func(m map[string]any) {
		keys := strings.Split(path, ".")
		for _, k := range keys[:len(keys)-1] {
			switch next := m[k].(type) {
			case map[string]any:
				m = next
			case []any:
				m = next[0].(map[string]any)
			}
		}
		k := keys[len(keys)-1]
		if value == nil {
			delete(m, k)
			return
		}
		m[k] = value
	}
}

func both(edits ...func(map[string]any)) func(map[string]any) {
	return func(m map[string]any) {
		for _, e := range edits {
			e(m)
		}
	}
}

func TestEditedPlansAreDenied(t *testing.T) {
	type obj = map[string]any
	inline := func(block obj) func(map[string]any) { return set("ingress", []any{block}) }
	const ingress = "aws_vpc_security_group_ingress_rule"
	for _, tt := range []struct {
		name, provider, typ string
		edit                func(map[string]any)
		rule                string
	}{
		{"ssh to the world", "aws", ingress, both(set("cidr_ipv4", "0.0.0.0/0"), set("from_port", 22.0), set("to_port", 22.0)), "deny_ssh_open"},
		{"ssh to half the world", "aws", ingress, both(set("cidr_ipv4", "128.0.0.0/1"), set("from_port", 22.0), set("to_port", 22.0)), "deny_ssh_open"},
		{"ssh to the world, IPv6", "aws", ingress, both(set("cidr_ipv6", "::/0"), set("from_port", 22.0), set("to_port", 22.0)), "deny_ssh_open"},
		{"ssh to an eighth, IPv6", "aws", ingress, both(set("cidr_ipv6", "2000::/3"), set("from_port", 22.0), set("to_port", 22.0)), "deny_ssh_open"},
		{"a range with ssh", "aws", ingress, both(set("cidr_ipv4", "0.0.0.0/0"), set("from_port", 20.0), set("to_port", 25.0)), "deny_ssh_open"},
		{"every protocol", "aws", ingress, both(set("cidr_ipv4", "0.0.0.0/0"), set("ip_protocol", "-1")), "deny_ssh_open"},
		{"no ports named", "aws", ingress, both(set("cidr_ipv4", "0.0.0.0/0"), set("from_port", nil), set("to_port", nil)), "deny_ssh_open"},
		{"protocol by number", "aws", ingress, both(set("cidr_ipv4", "0.0.0.0/0"), set("ip_protocol", "6"), set("from_port", 22.0), set("to_port", 22.0)), "deny_ssh_open"},
		{"a hidden source", "aws", ingress, set("cidr_ipv4", Hidden), "deny_unknown_source"},
		{"a prefix list", "aws", ingress, set("prefix_list_id", "pl-1"), "deny_unknown_source"},
		{"inline", "aws", "aws_security_group", inline(obj{"cidr_blocks": []any{"10.0.0.0/8", "0.0.0.0/0"}, "protocol": "tcp", "from_port": 0.0, "to_port": 65535.0}), "deny_ssh_open"},
		{"inline, all", "aws", "aws_security_group", inline(obj{"ipv6_cidr_blocks": []any{"::/0"}, "protocol": "-1", "from_port": 0.0, "to_port": 0.0}), "deny_ssh_open"},
		{"root disk clear", "aws", "aws_instance", set("root_block_device.encrypted", false), "deny_disk_clear"},
		{"root disk silent", "aws", "aws_instance", set("root_block_device.encrypted", nil), "deny_disk_clear"},
		{"root disk left to the image", "aws", "aws_instance", set("root_block_device", []any{}), "deny_disk_clear"},
		{"data disk clear", "aws", "aws_instance", set("ebs_block_device.encrypted", false), "deny_disk_clear"},
		{"IMDSv1", "aws", "aws_instance", set("metadata_options.http_tokens", "optional"), "deny_imds"},
		{"no metadata options", "aws", "aws_instance", set("metadata_options", nil), "deny_imds"},
		{"no tags", "aws", "aws_key_pair", set("tags", obj{}), "deny_untagged"},
		{"tags of another", "aws", "aws_instance", set("tags.skysail-deployment", "other"), "deny_untagged"},
		{"a port not declared", "aws", ingress, both(set("cidr_ipv4", "0.0.0.0/0"), set("from_port", 9000.0), set("to_port", 9000.0)), "deny_undeclared_port"},
		{"a port over UDP", "aws", ingress, both(set("cidr_ipv4", "0.0.0.0/0"), set("ip_protocol", "udp")), "deny_undeclared_port"},

		{"ssh to the world", "gcp", "google_compute_firewall", both(set("direction", "INGRESS"), set("source_ranges", []any{"0.0.0.0/0"}), set("allow", []any{obj{"protocol": "tcp", "ports": []any{"80", "20-25"}}})), "deny_ssh_open"},
		{"all ports", "gcp", "google_compute_firewall", both(set("direction", "INGRESS"), set("source_ranges", []any{"0.0.0.0/0"}), set("allow", []any{obj{"protocol": "tcp"}})), "deny_ssh_open"},
		{"no source", "gcp", "google_compute_firewall", both(set("direction", nil), set("source_ranges", nil), set("allow", []any{obj{"protocol": "all", "ports": []any{}}})), "deny_ssh_open"},
		{"half of IPv6", "gcp", "google_compute_firewall", both(set("direction", "INGRESS"), set("source_ranges", []any{"8000::/1"}), set("allow", []any{obj{"protocol": "6", "ports": []any{"22"}}})), "deny_ssh_open"},
		{"no labels", "gcp", "google_compute_instance", set("labels", obj{}), "deny_untagged"},
		{"disk without labels", "gcp", "google_compute_disk", set("labels", nil), "deny_untagged"},
		{"a port not declared", "gcp", "google_compute_firewall", both(set("direction", "INGRESS"), set("source_ranges", []any{"0.0.0.0/0"}), set("allow", []any{obj{"protocol": "tcp", "ports": []any{"8080-8081"}}})), "deny_undeclared_port"},

		{"ssh to the world", "digitalocean", "digitalocean_firewall", set("inbound_rule.source_addresses", []any{"203.0.113.0/24", "0.0.0.0/0"}), "deny_ssh_open"},
		{"ssh to the world, IPv6", "digitalocean", "digitalocean_firewall", set("inbound_rule.source_addresses", []any{"::/0"}), "deny_ssh_open"},
		{"a range with ssh", "digitalocean", "digitalocean_firewall", both(set("inbound_rule.source_addresses", []any{"0.0.0.0/1"}), set("inbound_rule.port_range", "1-65535")), "deny_ssh_open"},
		{"all ports", "digitalocean", "digitalocean_firewall", both(set("inbound_rule.source_addresses", []any{"0.0.0.0/0"}), set("inbound_rule.port_range", "all")), "deny_ssh_open"},
		{"port 0 is all", "digitalocean", "digitalocean_firewall", both(set("inbound_rule.source_addresses", []any{"0.0.0.0/0"}), set("inbound_rule.port_range", "0")), "deny_ssh_open"},
		{"no tags", "digitalocean", "digitalocean_droplet", set("tags", []any{"skysail"}), "deny_untagged"},
		{"volume without tags", "digitalocean", "digitalocean_volume", set("tags", nil), "deny_untagged"},
		{"other tag", "digitalocean", "digitalocean_tag", set("name", "other"), "deny_untagged"},
		{"other region", "digitalocean", "digitalocean_droplet", set("region", "sfo3"), "deny_region"},

		{"ssh to the world", "vultr", "vultr_firewall_rule", both(set("subnet", "0.0.0.0"), set("subnet_size", 0.0), set("port", "22")), "deny_ssh_open"},
		{"ssh to the world, IPv6", "vultr", "vultr_firewall_rule", both(set("subnet", "::"), set("subnet_size", 0.0), set("port", "22")), "deny_ssh_open"},
		{"near the world", "vultr", "vultr_firewall_rule", both(set("subnet", "64.0.0.0"), set("subnet_size", 2.0), set("port", "20:25")), "deny_ssh_open"},
		{"no port", "vultr", "vultr_firewall_rule", both(set("subnet", "0.0.0.0"), set("subnet_size", 0.0), set("port", nil)), "deny_ssh_open"},
		{"no subnet", "vultr", "vultr_firewall_rule", both(set("subnet", nil), set("port", "22")), "deny_unknown_source"},
		{"no tags", "vultr", "vultr_instance", set("tags", []any{"x"}), "deny_untagged"},
		{"other region", "vultr", "vultr_instance", set("region", "ewr"), "deny_region"},

		{"another chart", "kubernetes", "helm_release", set("chart", "nginx"), "deny_chart"},
		{"a chart of a repository", "kubernetes", "helm_release", set("repository", "https://charts.example.com"), "deny_chart"},
		{"values beside values", "kubernetes", "helm_release", set("set", []any{obj{"name": "runAsUser", "value": "0"}}), "deny_release_values"},
		{"a second set of values", "kubernetes", "helm_release", set("values", []any{"a: 1", "b: 2"}), "deny_release_values"},
		{"a release of another", "kubernetes", "helm_release", set("name", "skysail-other"), "deny_untagged"},
		{"root", "kubernetes", "helm_release", set("values", []any{"runAsUser: 0"}), "deny_root"},
		{"a port not declared", "kubernetes", "helm_release", set("values", []any{`{"ports": [{"number": 9000, "public": true}], "access": {"ingress": ["::/0"]}}`}), "deny_undeclared_port"},
		{"a source that is none", "kubernetes", "helm_release", set("values", []any{`{"ports": [{"number": 8080, "public": true}], "access": {"ingress": ["all"]}}`}), "deny_unknown_source"},

		{"no deployment", "local", "local_service", set("deployment_id", "x"), "deny_untagged"},
	} {
		for _, place := range []string{"resource_changes", "planned_values"} {
			t.Run(tt.provider+"/"+tt.name+"/"+place, func(t *testing.T) {
				doc := plan(t, tt.provider)
				f := factsOf(doc, tt.provider)
				f.Limits.Regions = []string{f.Candidate.Region}
				eachValues(t, doc, place, tt.typ, tt.edit)
				v := verdict(t, doc, f)
				i := slices.IndexFunc(v.Deny, func(r Result) bool { return r.Rule == tt.rule })
				if i < 0 {
					t.Fatalf("%s does not hold; got %v", tt.rule, v.DenyTexts())
				}
				if r := v.Deny[i]; !strings.Contains(r.Address, tt.typ) || !strings.HasPrefix(r.Source, "builtin/") || r.Message == "" {
					t.Errorf("got %+v", r)
				}
			})
		}
	}
}

func TestFactsDecide(t *testing.T) {
	dear := 1.5
	for name, tt := range map[string]struct {
		edit func(*Facts)
		rule string
	}{
		"price above the cap":  {func(f *Facts) { f.Candidate.PriceUSDHour = &dear }, "deny_price"},
		"region not allowed":   {func(f *Facts) { f.Limits.Regions = []string{"mars-*"} }, "deny_region"},
		"negated glob":         {func(f *Facts) { f.Limits.Regions = []string{"[^a-z]*"} }, "deny_region"},
		"another region's":     {func(f *Facts) { f.Limits.Regions = []string{f.Candidate.Region}; f.Candidate.Region = "x" }, "deny_region"},
		"a provider too many":  {func(f *Facts) { f.Providers = map[string]string{"a/b": "1.0.0"} }, "deny_provider"},
		"a provider too new":   {func(f *Facts) { f.Providers = pinned(f.Providers, "9.9.9") }, "deny_provider"},
		"no port is declared":  {func(f *Facts) { f.Service.Ports = nil }, "deny_undeclared_port"},
		"the port is private":  {func(f *Facts) { f.Service.Ports[0].Public = false }, "deny_undeclared_port"},
		"another deployment's": {func(f *Facts) { f.Deployment = "other" }, "deny_untagged"},
	} {
		for _, p := range clouds {
			doc := plan(t, p)
			f := factsOf(doc, p)
			tt.edit(&f)
			v := verdict(t, doc, f)
			if !slices.ContainsFunc(v.Deny, func(r Result) bool { return r.Rule == tt.rule }) {
				t.Errorf("%s, %s: %s does not hold; got %v", p, name, tt.rule, v.DenyTexts())
			}
		}
	}
}

func pinned(m map[string]string, version string) map[string]string {
	out := map[string]string{}
	for k := range m {
		out[k] = version
	}
	return out
}

func TestRegionsAreGlobs(t *testing.T) {
	for glob, region := range map[string]string{"us-*": "us-east-1", "*-1": "us-east-1", "nyc?": "nyc3", "[a-n]yc3": "nyc3", "[^a]yc3": "nyc3"} {
		doc := plan(t, "aws")
		f := factsOf(doc, "aws")
		object(object(doc["variables"])["region"])["value"] = region
		f.Candidate.Region, f.Limits.Regions = region, []string{"none", glob}
		if v := verdict(t, doc, f); v.Denied() {
			t.Errorf("%s does not allow %s: %v", glob, region, v.DenyTexts())
		}
	}
}

func TestConfigurationIsJudged(t *testing.T) {
	for name, tt := range map[string]struct {
		edit func(doc map[string]any)
		rule string
	}{
		"local-exec": {func(doc map[string]any) {
			for _, c := range object(object(object(object(doc["configuration"])["root_module"])["module_calls"])["service"])["module"].(map[string]any)["resources"].([]any) {
				object(c)["provisioners"] = []any{map[string]any{"type": "local-exec"}}
			}
		}, "deny_provisioner"},
		"external": {func(doc map[string]any) {
			object(object(doc["configuration"])["root_module"])["resources"] = []any{map[string]any{"mode": "data", "type": "external", "address": "data.external.x"}}
		}, "deny_provisioner"},
		"foreign provider": {func(doc map[string]any) {
			object(object(doc["configuration"])["provider_config"])["null"] = map[string]any{"full_name": "registry.terraform.io/hashicorp/null"}
		}, "deny_provider"},
		"provider of another registry": {func(doc map[string]any) {
			object(doc["resource_changes"].([]any)[0])["provider_name"] = "evil.example/hashicorp/aws"
		}, "deny_provider"},
		"no version": {func(doc map[string]any) {
			for _, p := range object(object(doc["configuration"])["provider_config"]) {
				delete(object(p), "version_constraint")
			}
		}, "deny_provider"},
		"source known after the apply": {func(doc map[string]any) {
			for _, c := range doc["resource_changes"].([]any) {
				object(object(c)["change"])["after_unknown"] = map[string]any{
					"cidr_ipv4": true, "source_ranges": true, "subnet": true, "inbound_rule": []any{map[string]any{"source_addresses": true}},
				}
			}
		}, "deny_unknown_source"},
	} {
		for _, p := range clouds {
			doc := plan(t, p)
			tt.edit(doc)
			v := verdict(t, doc, factsOf(doc, p))
			if !slices.ContainsFunc(v.Deny, func(r Result) bool { return r.Rule == tt.rule }) {
				t.Errorf("%s, %s: %s does not hold; got %v", p, name, tt.rule, v.DenyTexts())
			}
		}
	}
}

// OpenTofu's registry has the same providers.
func TestProvidersOfOpenTofu(t *testing.T) {
	doc := plan(t, "aws")
	b, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	tofu := strings.ReplaceAll(string(b), "registry.terraform.io", "registry.opentofu.org")
	if v := verdict(t, json.RawMessage(tofu), factsOf(doc, "aws")); v.Denied() {
		t.Error(v.DenyTexts())
	}
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}
