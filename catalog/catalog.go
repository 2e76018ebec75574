package catalog

import (
	"embed"
	"encoding/json"
	"fmt"
	"sort"
)

//go:embed data/*.json
var data embed.FS

// file is the form of data/<provider>.json.
type file struct {
	Version  int    `json:"version"`
	Provider string `json:"provider"`
	Sources  []struct {
		ID   string `json:"id"`
		URL  string `json:"url"`
		AsOf string `json:"as_of"`
	} `json:"sources"`
	Offers []struct {
		Offer
		Regions []string `json:"regions"`
	} `json:"offers"`
}

// Load returns the embedded snapshot, one offer for each type and region,
// ordered by provider, type and region.
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
	sort.SliceStable(out, func(i, j int) bool {
		a, b := &out[i], &out[j]
		if a.Provider != b.Provider {
			return a.Provider < b.Provider
		}
		if a.Type != b.Type {
			return a.Type < b.Type
		}
		return a.Region < b.Region
	})
	return out, nil
}

func parse(raw []byte) ([]Offer, error) {
	var f file
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, err
	}
	type source struct{ url, asOf string }
	sources := make(map[string]source, len(f.Sources))
	for _, s := range f.Sources {
		sources[s.ID] = source{s.URL, s.AsOf}
	}
	var out []Offer
	for _, row := range f.Offers {
		src, ok := sources[row.Source]
		if !ok {
			return nil, fmt.Errorf("offer %s: its source %q is not listed", row.Type, row.Source)
		}
		for _, region := range row.Regions {
			o := row.Offer
			o.Provider, o.Region, o.Source, o.AsOf = f.Provider, region, src.url, src.asOf
			out = append(out, o)
		}
	}
	return out, nil
}
