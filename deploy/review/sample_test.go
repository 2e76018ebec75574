package review

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/catalog"
	"skysail/policies"
	"skysail/selector"
	"skysail/spec"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got), rewrite with -update:\n%s", name, d)
	}
}

// sample is a manifest with one of each: approved, warned of, denied, not
// planned.
func sample(t testing.TB) *Manifest {
	t.Helper()
	svc := spec.Service{
		Name: "echo", Instances: 2,
		Source:    spec.Source{Container: &spec.Container{Image: "ghcr.io/acme/echo:1.4"}},
		Resources: spec.Resources{CPU: 1, MemoryGB: 1},
		Ports:     []spec.Port{{Name: "http", Number: 8080, Public: true}},
		Env:       map[string]string{"LOG_LEVEL": "info"},
		Secrets:   []string{"API_KEY"},
	}
	policy := policies.Default()
	policy.Limits.MaxHourlyUSD = 0.5
	policy.Limits.TTL = 36 * time.Hour
	now := time.Date(2026, 9, 20, 10, 30, 0, 0, time.UTC)
	offer := func(provider, region, kind string, usd float64) catalog.Offer {
		return catalog.Offer{
			Provider: provider, Region: region, Type: kind, Arch: "amd64", VCPU: 1, MemoryGB: 2, DiskGB: 25, PriceUSD: usd,
			Source: "https://example.com/prices", AsOf: "2026-09-13",
		}
	}
	res := selector.Select(selector.Input{
		Service: &svc, Policy: &policy, Now: now,
		Offers: []catalog.Offer{
			offer("vultr", "ewr", "vc2-1c-1gb", 0.007), offer("vultr", "ams", "vc2-1c-1gb", 0.008),
			offer("digitalocean", "nyc1", "s-1vcpu-1gb", 0.01), offer("aws", "us-east-1", "t3.micro", 0.02),
		},
		Rates: map[string]catalog.Rates{"vultr": {}, "digitalocean": {}, "aws": {DiskUSD: 0.0001, AddressUSD: 0.005, AsOf: "2026-09-10"}},
	})
	if len(res.Candidates) != 4 {
		t.Fatalf("%d candidates: %+v", len(res.Candidates), res.Refused)
	}
	m := &Manifest{
		Version: Version, Name: svc.Name, ID: "d4k2m9x7qpb1", Installation: "00112233aabbccdd", Sandbox: true, Remote: true,
		CreatedAt: now, Skysail: "1.2.3", Engine: "Terraform 1.11.4", SSHFrom: []string{"203.0.113.7/32"},
		Rule: res.Rule, Why: res.Why, Service: svc, Policy: policy, Fitting: 9,
		Refused: []selector.Refusal{{Provider: "gcp", Reason: "no credentials | set GOOGLE_APPLICATION_CREDENTIALS", Count: 1}},
		Files:   map[string]string{},
	}
	for i, c := range res.Candidates {
		e := Entry{
			N: i + 1, Folder: []string{"01-vultr-ewr", "02-vultr-ams", "03-digitalocean-nyc1", "04-aws-us-east-1"}[i], Candidate: c,
			Changes: []Change{
				{Action: "create", Address: `module.service.vultr_firewall_rule.inbound["port-8080-v4"]`, Type: "vultr_firewall_rule"},
				{Action: "create", Address: "module.service.vultr_instance.instance[0]", Type: "vultr_instance"},
			},
			Openings: []Opening{{Port: "22", From: []string{"203.0.113.7/32"}}, {Port: "8080", From: []string{"0.0.0.0/0", "::/0"}}},
		}
		switch i {
		case 1:
			e.Verdict = &Verdict{Warn: []string{"no data disk is encrypted"}}
		case 2:
			e.Verdict = &Verdict{Deny: []string{"SSH is open to the world", "the tag `team` is missing"}}
		case 3:
			e.Problem, e.Changes, e.Openings = "auth: the token was refused", []Change{}, []Opening{}
		}
		m.Candidates = append(m.Candidates, e)
	}
	return m
}

// written is sample in a folder.
func written(t testing.TB) (string, *Manifest) {
	t.Helper()
	dir, m := t.TempDir(), sample(t)
	put := func(name, text string) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if name != ManifestFile {
			m.Files[name] = Sum([]byte(text))
		}
	}
	put(PlanFile, string(m.PlanMD()))
	put(PrivateDir+"/.gitignore", "*\n")
	for i := range m.Candidates {
		e := &m.Candidates[i]
		put(e.BundlePath("main.tf"), "# "+e.Folder+"\n")
		put(e.BundlePath(".terraform.lock.hcl"), "")
		put(e.BundlePath("modules/vultr/main.tf"), "")
		put(CandidatesDir+"/"+e.Folder+"/"+PlanJSONFile, "{}\n")
		if e.Refusal() == "" {
			put(e.PrivatePath("plan.tfplan"), "PK\x03\x04")
			put(e.PrivatePath("id_ed25519"), "key")
		}
	}
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	put(ManifestFile, string(b))
	return dir, m
}

func TestGolden(t *testing.T) {
	_, m := written(t)
	golden(t, "PLAN.md", m.PlanMD())
	golden(t, "comment.md", m.Comment(24*time.Hour))
	golden(t, "show.txt", []byte(m.Text(24*time.Hour)))
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "manifest.json", b)
}

func TestPlanMDHasNoTimeAndNoHash(t *testing.T) {
	a, b := sample(t), sample(t)
	b.CreatedAt = b.CreatedAt.Add(3 * time.Hour)
	b.Files["x"] = "y"
	if string(a.PlanMD()) != string(b.PlanMD()) {
		t.Error("the same input three hours later gives another PLAN.md")
	}
}

// TestCommentIsShort gives it far more than a comment may hold.
func TestCommentIsShort(t *testing.T) {
	m := sample(t)
	for range 200 {
		m.Candidates = append(m.Candidates, m.Candidates...)
		if len(m.Candidates) > 500 {
			break
		}
	}
	for i := range 2000 {
		m.Candidates[0].Changes = append(m.Candidates[0].Changes, Change{Action: "create", Address: strings.Repeat("x", 500)})
		m.Refused = append(m.Refused, selector.Refusal{Provider: "aws", Reason: strings.Repeat("because ", 200), Count: i})
	}
	m.Candidates[1].Verdict.Warn = []string{strings.Repeat("w", 100000)}
	got := string(m.Comment(time.Hour))
	if n := len([]rune(got)); n > maxComment {
		t.Errorf("%d characters", n)
	}
	if strings.Count(got, "<details>") != strings.Count(got, "</details>") {
		t.Error("a part is cut in the middle")
	}
	if !strings.Contains(got, "and 1942 more") {
		t.Error("it does not say what it leaves out")
	}
}

// TestMarkdownTakesNoOrders has texts of others that would format, link, end a
// table or mention somebody.
func TestMarkdownTakesNoOrders(t *testing.T) {
	m := sample(t)
	m.Service.Source.Container.Image = "x</details><img src=x>|@everyone [a](http://b) `c` **d**"
	m.Candidates[0].Changes[0].Address = "a`b|c"
	for name, text := range map[string]string{"PLAN.md": string(m.PlanMD()), "comment": string(m.Comment(time.Hour))} {
		for _, bad := range []string{"<img", "@everyone", "[a](", "**d**", "x</details>"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s holds %q", name, bad)
			}
		}
	}
}
