package policies

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/internal/hclfile"
)

var update = flag.Bool("update", false, "rewrite the expected texts in testdata")

// testOptions hold the environment that test files see.
var testOptions = hclfile.ParseOptions{LookupEnv: func(name string) (string, bool) {
	return "198.51.100.7/32", name == "OFFICE"
}}

func TestInvalidFiles(t *testing.T) {
	var paths []string
	for _, pattern := range []string{"*.hcl", "*.json"} {
		m, err := filepath.Glob(filepath.Join("testdata", "invalid", pattern))
		if err != nil || len(m) == 0 {
			t.Fatalf("no %s files in testdata: %v", pattern, err)
		}
		paths = append(paths, m...)
	}
	opts := hclfile.ParseOptions{LookupEnv: func(string) (string, bool) { return "confidential.7", true }}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			_, err := load(path, opts)
			var mistakes *hclfile.Error
			if !errors.As(err, &mistakes) {
				t.Fatalf("want an *hclfile.Error, got %T: %v", err, err)
			}
			got := err.Error() + "\n"
			if strings.Contains(got, "onfidential") {
				t.Errorf("the text repeats a value from the environment:\n%s", got)
			}
			golden := path + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("other text than expected (-want +got):\n%s", diff)
			}
		})
	}
}

const jumpKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIM1mfaf7sI4BKZ0uitIRFq3F/2rscIlxjDYwMxI9hv02"

func TestValidFiles(t *testing.T) {
	want := Policy{
		Engine: EngineTofu,
		Lists: Lists{
			GPU:    []string{AWS},
			CPU:    []string{DigitalOcean, Vultr},
			Memory: []string{GCP},
			Cost:   []string{Local, Kubernetes},
			Order:  OrderCheapest,
		},
		Thresholds: Thresholds{CPU: 4.5, MemoryGB: 16, Instances: 0},
		Kubernetes: KubernetesRef{Context: "arn:aws:eks:eu-central-1:123456789012:cluster/main", Namespace: "team-a"},
		Hybrid:     &Hybrid{Primary: GCP, FallbackK8s: "gke_project_europe-west1_main"},
		Limits: Limits{
			MaxHourlyUSD: 5,
			TTL:          36 * time.Hour,
			Regions:      []string{"us-*", "nyc?", "fra[1-3]"},
			Spot:         SpotPrefer,
			MaxPriceAge:  168 * time.Hour,
		},
		Failover: Failover{MaxAttempts: 3, AttemptTimeout: 90 * time.Second, TotalTimeout: 10 * time.Minute},
		Access: Access{
			SSHFrom: []string{"203.0.113.0/24", "198.51.100.7/32", "10.0.0.0/8", "fd00::/8", "2001:db8::1/128"},
			SOCKS5:  "127.0.0.1:1080",
			Jumps: []Jump{
				{Addr: "bastion.example.com:22", User: "ops", HostKey: jumpKey + " of the bastion", KeyFile: "~/.ssh/bastion"},
				{Addr: "[2001:db8::7]:2222", User: "inner", HostKey: jumpKey},
			},
		},
		Reaction: Reaction{
			OnUnhealthy: FailoverAway, After: 90 * time.Second, Cooldown: time.Hour, MaxPerDay: 2, MaxUSDPerDay: 1.5, MinHealthy: 0.25, DryRun: true,
		},
	}
	for _, name := range []string{"full.hcl", "full.json"} {
		got, err := load(filepath.Join("testdata", "valid", name), testOptions)
		if err != nil {
			t.Errorf("%s\n%v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if err := got.Validate(); err != nil {
			t.Errorf("%s: loaded, but not valid:\n%v", name, err)
		}
	}
}

// What a file leaves out has its default, also inside a block that it has.
func TestDefaults(t *testing.T) {
	for source, change := range map[string]func(*Policy){
		"policy {\n}":                                               func(*Policy) {},
		"policy {\n  limits {\n  }\n}":                              func(*Policy) {},
		"policy {\n  limits {\n    ttl = null\n  }\n}":              func(*Policy) {},
		"policy {\n  providers {\n    gpu_providers = null\n  }\n}": func(*Policy) {},
		"policy {\n  thresholds {\n    cpu = 16\n  }\n}":            func(p *Policy) { p.Thresholds.CPU = 16 },
		"policy {\n  reaction {\n    on_unhealthy = \"replace\"\n  }\n}": func(p *Policy) {
			p.Reaction = Reaction{OnUnhealthy: Replace, After: 2 * time.Minute, Cooldown: 30 * time.Minute, MaxPerDay: 3, MinHealthy: 0.5}
		},
		"policy {\n  failover {\n    total_timeout = \"5m\"\n  }\n}": func(p *Policy) {
			p.Failover.TotalTimeout = 5 * time.Minute
			p.Failover.AttemptTimeout = 5 * time.Minute
		},
	} {
		want := Default()
		change(&want)
		got, err := parse("policy.hcl", []byte(source), testOptions)
		if err != nil {
			t.Errorf("%s\n%v", source, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", source, diff)
		}
	}
}

func TestStarterIsTheDefault(t *testing.T) {
	got, err := parse("policy.hcl", Starter(), testOptions)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), got); diff != "" {
		t.Errorf("the starter states other values than Default has (-default +starter):\n%s", diff)
	}
	// What stands in its comments must be right as well.
	source := string(Starter())
	for _, name := range []string{"order", "target", "  primary", "  fallback_k8s", "}", "max_hourly_usd", "ttl", "regions", "ssh_from"} {
		changed := strings.Replace(source, "# "+name, name, 1)
		if changed == source {
			t.Errorf("no comment has %q", name)
		}
		source = changed
	}
	p, err := parse("policy.hcl", []byte(source), testOptions)
	if err != nil {
		t.Fatalf("the starter's comments do not load:\n%v", err)
	}
	if p.Hybrid == nil || p.Limits.MaxHourlyUSD != 5 || p.Limits.TTL != 24*time.Hour || len(p.Limits.Regions) != 2 || len(p.Access.SSHFrom) != 1 {
		t.Errorf("the starter's comments were not taken in: %+v", p)
	}
	Starter()[0] = 'x'
	if Starter()[0] == 'x' {
		t.Error("callers share the starter's bytes")
	}
}

func TestDefaultIsValid(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
}

func TestLoadOfNoFile(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "policy.hcl"))
	var e *hclfile.Error
	if !errors.As(err, &e) || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "skysail init") {
		t.Fatalf("want an *hclfile.Error with a next step, got %T: %v", err, err)
	}
}

// What the loader refuses, Validate refuses in a value that a program built.
func TestValidate(t *testing.T) {
	for field, change := range map[string]func(*Policy){
		"providers.gpu_providers":     func(p *Policy) { p.Lists.GPU = nil },
		"providers.cost_optimized[0]": func(p *Policy) { p.Lists.Cost[0] = "x" },
		"providers.order":             func(p *Policy) { p.Lists.Order = "x" },
		"thresholds.instances":        func(p *Policy) { p.Thresholds.Instances = -1 },
		"kubernetes.context":          func(p *Policy) { p.Kubernetes.Context = "" },
		"kubernetes.contexts[1]":      func(p *Policy) { p.Kubernetes.Contexts = []string{"a", "b c"} },
		"kubernetes.service_type":     func(p *Policy) { p.Kubernetes.ServiceType = "ExternalName" },
		"kubernetes.run_as_user":      func(p *Policy) { p.Kubernetes.RunAsUser = -1 },
		"kubernetes.ingress_from[0]":  func(p *Policy) { p.Kubernetes.IngressFrom = []string{"x"} },
		"kubernetes.monitor.kind":     func(p *Policy) { p.Kubernetes.Monitor = &Monitor{Port: "a", Path: "/"} },
		"target.fallback":             func(p *Policy) { p.Hybrid = &Hybrid{Primary: Kubernetes} },
		"target":                      func(p *Policy) { p.Target = "cluster" },
		"kubernetes.namespace":        func(p *Policy) { p.Kubernetes.Namespace = "A" },
		"target.primary":              func(p *Policy) { p.Hybrid = &Hybrid{Primary: Local, FallbackK8s: "a"} },
		"target.fallback_k8s":         func(p *Policy) { p.Hybrid = &Hybrid{Primary: GCP} },
		"limits.max_hourly_usd":       func(p *Policy) { p.Limits.MaxHourlyUSD = -1 },
		"limits.ttl":                  func(p *Policy) { p.Limits.TTL = -1 },
		"limits.regions[0]":           func(p *Policy) { p.Limits.Regions = []string{"\\"} },
		"limits.spot":                 func(p *Policy) { p.Limits.Spot = "" },
		"limits.max_price_age":        func(p *Policy) { p.Limits.MaxPriceAge = 0 },
		"failover.max_attempts":       func(p *Policy) { p.Failover.MaxAttempts = 0 },
		"failover.attempt_timeout":    func(p *Policy) { p.Failover.AttemptTimeout = 2 * time.Hour },
		"failover.total_timeout":      func(p *Policy) { p.Failover.TotalTimeout = -1 },
		"notify[0].name":              func(p *Policy) { p.Notify = []Notify{{Kind: "fax"}} },
		"notify[0].url_env":           func(p *Policy) { p.Notify = []Notify{{Kind: NotifySlack}} },
		"notify[0].smtp": func(p *Policy) {
			p.Notify = []Notify{{Kind: NotifyEmail, SMTP: "a\r\nb:25", From: "a@b.c", To: []string{"a@b.c"}}}
		},
		"access.ssh_from[0]": func(p *Policy) { p.Access.SSHFrom = []string{"0.0.0.0/0"} },
	} {
		p := Default()
		change(&p)
		var e *hclfile.Error
		if err := p.Validate(); !errors.As(err, &e) {
			t.Errorf("%s: want an *hclfile.Error, got %v", field, err)
			continue
		}
		if got := e.Problems(); len(got) != 1 || got[0].Field != field {
			t.Errorf("want one problem at %s, got %+v", field, got)
		}
	}
}

// Whatever the bytes are, there is a policy that is valid or an error with a
// problem in it; never a panic.
func FuzzParse(f *testing.F) {
	for _, folder := range []string{"invalid", "valid"} {
		entries, err := os.ReadDir(filepath.Join("testdata", folder))
		if err != nil {
			f.Fatal(err)
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".txt") {
				continue
			}
			seed, err := os.ReadFile(filepath.Join("testdata", folder, e.Name()))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(seed, strings.HasSuffix(e.Name(), ".json"))
		}
	}
	f.Fuzz(func(t *testing.T, src []byte, isJSON bool) {
		path := "policy.hcl"
		if isJSON {
			path = "policy.json"
		}
		p, err := parse(path, src, testOptions)
		if err == nil {
			if err := p.Validate(); err != nil {
				t.Fatalf("loaded, but not valid:\n%v", err)
			}
			return
		}
		var e *hclfile.Error
		if !errors.As(err, &e) || len(e.Problems()) == 0 || err.Error() == "" {
			t.Fatalf("%T: %v", err, err)
		}
	})
}
