package catalog

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

//go:embed data/*.json
var data embed.FS

// File is what one provider sells, in the form of data/<provider>.json.
type File struct {
	Version  int      `json:"version"`
	Provider string   `json:"provider"`
	Sources  []Source `json:"sources"`
	Rates    *Rates   `json:"rates,omitempty"`
	Offers   []Row    `json:"offers"`
}

// Source is a public page or API that prices are from.
type Source struct {
	ID   string `json:"id"`
	URL  string `json:"url"`
	AsOf string `json:"as_of"` // YYYY-MM-DD
	Note string `json:"note,omitempty"`
}

// Row is an offer in several regions at one price. Source is a Source's ID.
type Row struct {
	Offer
	Regions []string `json:"regions"`
}

// Load returns the embedded snapshot, one offer for each type and region,
// in the order of Compare.
func Load() ([]Offer, error) {
	entries, err := data.ReadDir("data")
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	var out []Offer
	for _, e := range entries {
		raw, err := data.ReadFile("data/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("catalog: %w", err)
		}
		offers, err := parse(raw)
		if err != nil {
			return nil, fmt.Errorf("catalog: %s: %w", e.Name(), err)
		}
		out = append(out, offers...)
	}
	slices.SortFunc(out, func(a, b Offer) int { return Compare(&a, &b) })
	return out, nil
}

func parse(raw []byte) ([]Offer, error) {
	var f File
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, err
	}
	if f.Version != 1 {
		return nil, fmt.Errorf("the file has version %d, this skysail reads version 1", f.Version)
	}
	type source struct{ url, asOf string }
	sources := make(map[string]source, len(f.Sources))
	for _, s := range f.Sources {
		if _, err := time.Parse(time.DateOnly, s.AsOf); err != nil || s.URL == "" {
			return nil, fmt.Errorf("source %s: as_of %q, url %q: both are needed", s.ID, s.AsOf, s.URL)
		}
		sources[s.ID] = source{s.URL, s.AsOf}
	}
	var out []Offer
	for _, row := range f.Offers {
		src, ok := sources[row.Source]
		if !ok {
			return nil, fmt.Errorf("offer %s: its source %q is not listed", row.Type, row.Source)
		}
		if err := row.check(len(row.Regions)); err != nil {
			return nil, fmt.Errorf("offer %s: %w", row.Type, err)
		}
		for _, region := range row.Regions {
			o := row.Offer
			o.Provider, o.Region, o.Source, o.AsOf = f.Provider, region, src.url, src.asOf
			out = append(out, o)
		}
	}
	return out, nil
}

// check refuses an offer that is not whole: one without a price would be the
// cheapest of all.
func (o *Offer) check(regions int) error {
	switch {
	case o.Type == "" || o.Arch == "":
		return errors.New("it has no type or no architecture")
	case o.VCPU <= 0 || o.MemoryGB <= 0:
		return fmt.Errorf("it has %v vCPU and %v GiB of memory", o.VCPU, o.MemoryGB)
	case o.PriceUSD <= 0:
		return fmt.Errorf("its price is %v", o.PriceUSD)
	case o.SpotUSD != nil && *o.SpotUSD <= 0:
		return fmt.Errorf("its spot price is %v", *o.SpotUSD)
	case o.GPU != nil && (o.GPU.Model == "" || o.GPU.Count < 1):
		return errors.New("its GPU has no model or no count")
	case regions == 0:
		return errors.New("it has no region")
	}
	return nil
}
