package catalog

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// sold is a file of vultr as a refresh would write it.
func sold(day string) *File {
	return &File{
		Version: 1, Provider: "vultr",
		Sources: []Source{{ID: "api", URL: "https://api.vultr.com/v2/plans", AsOf: day}},
		Offers: []Row{{
			Offer:   Offer{Type: "vc2-1c-1gb", Arch: "amd64", VCPU: 1, MemoryGB: 1, DiskGB: 25, PriceUSD: 0.009, Source: "api"},
			Regions: []string{"ewr", "ams"},
		}},
	}
}

func info(t *testing.T, s *Snapshot, provider string) Info {
	t.Helper()
	i := slices.IndexFunc(s.Files, func(f Info) bool { return f.Provider == provider })
	if i < 0 {
		t.Fatalf("no %s in %+v", provider, s.Files)
	}
	return s.Files[i]
}

func TestRefreshedFileReplacesTheProviderAsAWhole(t *testing.T) {
	dir := t.TempDir() + "/catalog"
	if err := Save(dir, sold("2099-01-02")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, Path(dir, "vultr"): 0o600} {
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, st.Mode(), err)
		}
	}
	own, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	got, err := LoadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	vultr := Info{Provider: "vultr", Path: Path(dir, "vultr"), Offers: 2, Types: 1, Regions: 2, Oldest: "2099-01-02", Newest: "2099-01-02"}
	if f := info(t, got, "vultr"); f != vultr {
		t.Errorf("vultr: %+v", f)
	}
	if a, b := info(t, own, "gcp"), info(t, got, "gcp"); a != b {
		t.Errorf("gcp was %+v and is %+v", a, b)
	}
	if got.Rates["vultr"] != own.Rates["vultr"] {
		t.Errorf("a file without rates changed them: %+v", got.Rates["vultr"])
	}
	if len(got.Offers) != len(own.Offers)-info(t, own, "vultr").Offers+2 ||
		!slices.IsSortedFunc(got.Offers, func(a, b Offer) int { return Compare(&a, &b) }) {
		t.Errorf("%d offers, or not in order", len(got.Offers))
	}
}

func TestNamedProvidersOnly(t *testing.T) {
	got, err := LoadDir("", "vultr", "nobody")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Files) != 1 || got.Files[0].Provider != "vultr" || len(got.Offers) != got.Files[0].Offers || len(got.Rates) != 1 {
		t.Errorf("%d offers of %+v", len(got.Offers), got.Files)
	}
}

func TestOlderFileDoesNotReplaceNewerPrices(t *testing.T) {
	dir := t.TempDir()
	if err := Save(dir, sold("2020-01-02")); err != nil {
		t.Fatal(err)
	}
	got, err := LoadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if f := info(t, got, "vultr"); f.Path != "" || f.Offers < 40 {
		t.Errorf("vultr: %+v", f)
	}
}

func TestBrokenFileIsAnErrorThatNamesFileAndRemedy(t *testing.T) {
	for name, text := range map[string]string{
		"cut short":      `{"version": 1, "provider": "vul`,
		"empty":          "",
		"of another":     `{"version": 1, "provider": "gcp", "sources": [{"id": "a", "url": "https://x.example", "as_of": "2026-01-02"}], "offers": [{"type": "a", "arch": "amd64", "vcpu": 1, "memory_gib": 1, "disk_gib": 9, "price_usd_hour": 1, "source": "a", "regions": ["r"]}]}`,
		"without offers": `{"version": 1, "provider": "vultr"}`,
		"later version":  `{"version": 2, "provider": "vultr"}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(Path(dir, "vultr"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := LoadDir(dir)
			var broken *FileError
			if !errors.As(err, &broken) || broken.Path != Path(dir, "vultr") || broken.Provider != "vultr" ||
				!strings.Contains(err.Error(), Path(dir, "vultr")) || !strings.Contains(err.Error(), "skysail catalog refresh vultr") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSaveRefusesWhatLoadWouldRefuse(t *testing.T) {
	dir := t.TempDir()
	if err := Save(dir, sold("2026-02-03")); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(Path(dir, "vultr"))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*File){
		"no price":   func(f *File) { f.Offers[0].PriceUSD = 0 },
		"no offers":  func(f *File) { f.Offers = nil },
		"no day":     func(f *File) { f.Sources[0].AsOf = "" },
		"no such":    func(f *File) { f.Provider = "nobody" },
		"no version": func(f *File) { f.Version = 0 },
	} {
		f := sold("2026-03-04")
		change(f)
		if err := Save(dir, f); err == nil {
			t.Errorf("%s: saved", name)
		}
	}
	after, err := os.ReadFile(Path(dir, "vultr"))
	if err != nil || string(after) != string(before) {
		t.Errorf("the old file is not as it was: %v", err)
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := Load(); err != nil {
			b.Fatal(err)
		}
	}
}
