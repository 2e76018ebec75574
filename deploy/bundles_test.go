package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skysail/catalog"
	"skysail/deploy/review"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/selector"
)

func offered(provider, region, kind string) selector.Candidate {
	return selector.Candidate{Offer: &catalog.Offer{Provider: provider, Region: region, Type: kind, AsOf: "2026-09-01"}, PriceUSD: 1, TotalUSD: 1}
}

func TestChosen(t *testing.T) {
	all := []selector.Candidate{
		offered("vultr", "ewr", "a"), offered("vultr", "ewr", "b"), offered("vultr", "ams", "a"), offered("vultr", "lax", "a"),
		offered("digitalocean", "nyc1", "s"), offered("aws", "us-east-1", "t"),
	}
	f := policies.Default().Failover
	f.MaxAttempts = 4
	for n, want := range map[int]string{
		1: "vultr/ewr/a",
		// Another region first, and the last places for other providers.
		-1: "vultr/ewr/a vultr/ams/a digitalocean/nyc1/s aws/us-east-1/t",
		3:  "vultr/ewr/a digitalocean/nyc1/s aws/us-east-1/t",
		// What such a run passes over comes after it.
		0:  "vultr/ewr/a vultr/ams/a vultr/lax/a digitalocean/nyc1/s aws/us-east-1/t vultr/ewr/b",
		99: "vultr/ewr/a vultr/ams/a vultr/lax/a digitalocean/nyc1/s aws/us-east-1/t vultr/ewr/b",
	} {
		list, err := chosen(all, policies.Policy{Failover: f}, n)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range list {
			got = append(got, c.Offer.Provider+"/"+c.Offer.Region+"/"+c.Offer.Type)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%d: %v, wanted %s", n, got, want)
		}
	}
	var many []selector.Candidate
	for i := range maxBundles + 1 {
		many = append(many, offered("vultr", fmt.Sprint(i), "a"))
	}
	if _, err := chosen(many, policies.Policy{Failover: f}, 0); failure.CodeOf(err) != failure.Input || !strings.Contains(err.Error(), "--candidates") {
		t.Errorf("more than anybody reviews: %v", err)
	}
}

func TestFolderName(t *testing.T) {
	c := offered("gcp", "us-central1", "n2-Highmem 2/../x")
	c.Spot = true
	if got := folderName(7, &c); got != "07-gcp-us-central1-n2-highmem-2-..-x-spot" {
		t.Error(got)
	}
}

func TestRecent(t *testing.T) {
	planned := time.Date(2026, 9, 20, 10, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		now  time.Time
		most float64
		want string
	}{
		"now":                   {planned, 0, ""},
		"a day":                 {planned.Add(day), 5, ""},
		"more":                  {planned.Add(day + time.Second), 0, "--max-age"},
		"clocks a little apart": {planned.Add(-time.Minute), 0, ""},
		"from the future":       {planned.Add(-time.Hour), 0, "clocks"},
		"old prices, no cap":    {planned.Add(20 * time.Hour), 0, ""},
		"old prices, a cap":     {planned.Add(20 * time.Hour), -1, "max_price_age"},
	} {
		m := &review.Manifest{CreatedAt: planned, Policy: policies.Default()}
		m.Candidates = []review.Entry{{N: 1, Candidate: offered("vultr", "ewr", "a")}}
		m.Policy.Limits.MaxHourlyUSD = c.most
		if c.most < 0 {
			m.Policy.Limits.MaxHourlyUSD, m.Policy.Limits.MaxPriceAge = 5, day
		}
		err := recent(m, day, c.now)
		if c.want == "" && err != nil || c.want != "" && (failure.CodeOf(err) != failure.Input || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNewFolder holds what a plan may replace.
func TestNewFolder(t *testing.T) {
	manifest := func(name string) string {
		return fmt.Sprintf(`{"version": 1, "name": %q, "files": {"candidates/01-a/plan.json": "x"}}`, name)
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"empty":            {nil, ""},
		"an earlier plan":  {map[string]string{"manifest.json": manifest("echo"), "candidates/01-a/plan.json": "", "used.json": "{}", "candidates/01-a/bundle/.terraform/x": ""}, ""},
		"a killed plan":    {map[string]string{".skysail-plan-123/stage/manifest.json": "", "private/x": ""}, ""},
		"another service":  {map[string]string{"manifest.json": manifest("other")}, "no plan of"},
		"somebody's files": {map[string]string{"main.tf": ""}, "main.tf"},
		"somebody's notes": {map[string]string{"manifest.json": manifest("echo"), "candidates/notes.txt": ""}, "candidates/notes.txt"},
		"no manifest":      {map[string]string{"PLAN.md": ""}, "no plan of"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range c.files {
				if err := writeFile(filepath.Join(dir, file), []byte(text)); err != nil {
					t.Fatal(err)
				}
			}
			f, err := newFolder(dir, "echo")
			if c.want != "" {
				if failure.CodeOf(err) != failure.Input || !strings.Contains(err.Error(), c.want) {
					t.Errorf("it says %v", err)
				}
			} else if err != nil {
				t.Fatal(err)
			} else {
				f.drop()
			}
			for file := range c.files {
				if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
					t.Errorf("before anything is planned %s is gone", file)
				}
			}
		})
	}
	out := filepath.Join(t.TempDir(), "new")
	f, err := newFolder(out, "echo")
	if err != nil {
		t.Fatal(err)
	}
	f.drop()
	if _, err := os.Stat(out); !os.IsNotExist(err) {
		t.Errorf("a plan that failed leaves its folder: %v", err)
	}
}
