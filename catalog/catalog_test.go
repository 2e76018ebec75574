package catalog

import (
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestLoadedOffersAreComplete(t *testing.T) {
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, o := range c.Offers {
		id := strings.Join([]string{o.Provider, o.Region, o.Type}, " ")
		if seen[id] {
			t.Errorf("%s: twice", id)
		}
		seen[id] = true
		if o.Provider == "" || o.Region == "" || o.Type == "" || strings.TrimSpace(id) != id {
			t.Errorf("%q: a name is missing", id)
		}
		if o.Arch != "amd64" && o.Arch != "arm64" {
			t.Errorf("%s: arch %q", id, o.Arch)
		}
		if o.VCPU <= 0 || o.MemoryGB <= 0 || o.DiskGB < 0 || o.DiskGB == 0 && c.Rates[o.Provider].DiskUSD <= 0 {
			t.Errorf("%s: %v vCPU, %v GiB memory, %v GiB disk", id, o.VCPU, o.MemoryGB, o.DiskGB)
		}
		if o.PriceUSD <= 0 || o.PriceUSD > 1000 {
			t.Errorf("%s: $%v an hour", id, o.PriceUSD)
		}
		if o.SpotUSD != nil && (*o.SpotUSD <= 0 || *o.SpotUSD >= o.PriceUSD) {
			t.Errorf("%s: spot $%v, on demand $%v", id, *o.SpotUSD, o.PriceUSD)
		}
		if g := o.GPU; g != nil && (g.Model == "" || g.Count < 1 || g.MemoryGB <= 0) {
			t.Errorf("%s: GPU %+v", id, *g)
		}
		for _, z := range o.Zones {
			if !strings.HasPrefix(z, o.Region) || z == o.Region {
				t.Errorf("%s: zone %q is not one of its region", id, z)
			}
		}
		if o.Provider == "gcp" && len(o.Zones) == 0 {
			t.Errorf("%s: no zones", id)
		}
		checkSource(t, id, o.Source, o.AsOf)
	}
	if !slices.IsSortedFunc(c.Offers, func(a, b Offer) int { return Compare(&a, &b) }) {
		t.Error("not in the catalog's order")
	}
	for _, p := range []string{"aws", "gcp", "digitalocean", "vultr"} {
		r, ok := c.Rates[p]
		if !ok || r.DiskUSD <= 0 || r.DiskUSD > 0.001 || r.AddressUSD < 0 || r.AddressUSD > 0.01 {
			t.Errorf("%s: rates %+v", p, r)
		}
		checkSource(t, p+" rates", r.Source, r.AsOf)
		i := slices.IndexFunc(c.Files, func(f Info) bool { return f.Provider == p })
		if i < 0 {
			t.Errorf("%s: no file", p)
			continue
		}
		if f := c.Files[i]; f.Offers < 40 || f.Types < 40 || f.Regions < 3 || f.Path != "" {
			t.Errorf("%s: %+v", p, f)
		}
		for what, want := range map[string]func(*Offer) bool{
			"small":     func(o *Offer) bool { return o.VCPU <= 2 && o.MemoryGB <= 4 },
			"much CPU":  func(o *Offer) bool { return o.VCPU > 8 },
			"much RAM":  func(o *Offer) bool { return o.MemoryGB > 32 },
			"with GPUs": func(o *Offer) bool { return o.GPU != nil },
		} {
			if !slices.ContainsFunc(c.Offers, func(o Offer) bool { return o.Provider == p && want(&o) }) {
				t.Errorf("%s sells nothing %s", p, what)
			}
		}
	}
	for _, p := range []string{"aws", "gcp"} {
		if !slices.ContainsFunc(c.Offers, func(o Offer) bool { return o.Provider == p && o.Arch == "arm64" && o.SpotUSD != nil }) {
			t.Errorf("%s has no arm64 with a spot price", p)
		}
	}
}

func checkSource(t *testing.T, what, source, asOf string) {
	t.Helper()
	if u, err := url.Parse(source); err != nil || u.Scheme != "https" || u.Host == "" {
		t.Errorf("%s: source %q", what, source)
	}
	if day, err := time.Parse(time.DateOnly, asOf); err != nil || day.Before(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%s: as of %q", what, asOf)
	}
}

// GPUs of a machine type are in its price: an a2 for the price of its host
// would be a third of what it costs.
func TestGPUsAreInThePrice(t *testing.T) {
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	least := map[string]float64{"L4": 0.5, "T4": 0.3, "A10G": 0.6, "A100": 2, "H100": 2.9}
	for _, o := range c.Offers {
		if o.GPU == nil || least[o.GPU.Model] == 0 {
			continue
		}
		if one := o.PriceUSD / float64(o.GPU.Count); one < least[o.GPU.Model] {
			t.Errorf("%s %s in %s: $%v an hour for %d %s", o.Provider, o.Type, o.Region, o.PriceUSD, o.GPU.Count, o.GPU.Model)
		}
	}
}

func TestParse(t *testing.T) {
	good := `{"version": 1, "provider": "x",
		"sources": [{"id": "s1", "url": "https://example.com/prices", "as_of": "2026-01-02"}],
		"offers": [{"type": "a", "arch": "amd64", "vcpu": 1, "memory_gib": 2, "disk_gib": 25, "price_usd_hour": 0.01,
			"spot_usd_hour": null, "regions": ["r1", "r2"], "source": "s1"}]}`
	read, err := parse([]byte(good), nil)
	if err != nil {
		t.Fatal(err)
	}
	offers := read.offers
	want := Offer{
		Provider: "x", Region: "r2", Type: "a", Arch: "amd64", VCPU: 1, MemoryGB: 2, DiskGB: 25,
		PriceUSD: 0.01, Source: "https://example.com/prices", AsOf: "2026-01-02",
	}
	if len(offers) != 2 || !reflect.DeepEqual(offers[1], want) {
		t.Errorf("got %+v", offers)
	}
	for name, tt := range map[string]struct{ old, new, want string }{
		"no JSON":          {good, `{"version": 1,`, "unexpected end of JSON"},
		"unknown source":   {`"source": "s1"`, `"source": "s9"`, `offer a: its source "s9" is not listed`},
		"misspelt field":   {`"arch"`, `"architecture"`, "offer a: it has no type or no architecture"},
		"no memory":        {`"memory_gib"`, `"memory"`, "offer a: it has 1 vCPU and 0 GiB"},
		"free spot":        {`"spot_usd_hour": null`, `"spot_usd_hour": 0`, "offer a: its spot price is 0"},
		"GPU of no model":  {`"arch"`, `"gpu": {"count": 1}, "arch"`, "offer a: its GPU has no model"},
		"no address":       {`"https://example.com/prices"`, `""`, `source s1: as_of "2026-01-02", url ""`},
		"other version":    {`"version": 1`, `"version": 2`, "version 2"},
		"no region":        {`["r1", "r2"]`, `[]`, "offer a: it has no region"},
		"price of nothing": {`"price_usd_hour": 0.01`, `"price_usd_hour": 0`, "offer a: its price is 0"},
		"wrong type":       {`"vcpu": 1`, `"vcpu": "1"`, "cannot unmarshal string"},
		"no disk, no rate": {`"disk_gib": 25`, `"disk_gib": 0`, "offer a: it has 0 GiB of disk, and there is no rate"},
		"twice":            {`["r1", "r2"]`, `["r1", "r1"]`, "offer a: it is there twice for region r1"},
		"others' rates":    {`"offers"`, `"rates": {"provider": "y"}, "offers"`, `its rates are of provider "y"`},
		"rates of no day":  {`"offers"`, `"rates": {"provider": "x", "source": "s"}, "offers"`, `rates: as_of ""`},
		"bad date":         {`"2026-01-02"`, `"2. 1. 2026"`, `source s1: as_of "2. 1. 2026"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse([]byte(strings.Replace(good, tt.old, tt.new, 1)), nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
}

// TestCompareSeesEveryField walks the struct, so that a field added later is
// not forgotten in Compare.
func TestCompareSeesEveryField(t *testing.T) {
	spot := 0.5
	base := Offer{SpotUSD: &spot, GPU: &GPU{}}
	check := func(name string, change func(*Offer)) {
		a, b := base, base
		gpu, usd := *base.GPU, *base.SpotUSD
		b.GPU, b.SpotUSD = &gpu, &usd
		change(&b)
		if x, y := Compare(&a, &b), Compare(&b, &a); x == 0 || x != -y {
			t.Errorf("%s: %d one way, %d the other", name, x, y)
		}
	}
	bump := func(v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			v.SetString("x")
		case reflect.Float64:
			v.SetFloat(1)
		case reflect.Int:
			v.SetInt(1)
		case reflect.Slice:
			v.Set(reflect.Append(v, reflect.ValueOf("x")))
		default:
			t.Fatalf("no test for a field of kind %s", v.Kind())
		}
	}
	for f := range reflect.TypeFor[Offer]().Fields() {
		switch {
		case f.Type == reflect.TypeFor[*GPU]():
			for g := range f.Type.Elem().Fields() {
				check("GPU."+g.Name, func(o *Offer) { bump(reflect.ValueOf(o.GPU).Elem().FieldByName(g.Name)) })
			}
			check("no GPU", func(o *Offer) { o.GPU = nil })
		case f.Type.Kind() == reflect.Pointer:
			check(f.Name, func(o *Offer) { bump(reflect.ValueOf(o).Elem().FieldByName(f.Name).Elem()) })
			check("no "+f.Name, func(o *Offer) { reflect.ValueOf(o).Elem().FieldByName(f.Name).SetZero() })
		default:
			check(f.Name, func(o *Offer) { bump(reflect.ValueOf(o).Elem().FieldByName(f.Name)) })
		}
	}
	same := base
	gpu, usd := *base.GPU, *base.SpotUSD
	same.GPU, same.SpotUSD = &gpu, &usd
	if c := Compare(&base, &same); c != 0 {
		t.Errorf("the same offer: %d", c)
	}
}
