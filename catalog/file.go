package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/google/renameio/v2"
)

// fileVersion is that of the form that this program reads and writes.
const fileVersion = 1

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

// Expand returns one offer for each type and region of the file, in the order
// of Compare, with the source's address and date in place of its ID. It
// refuses what LoadDir would; rates may be left out where the provider's are
// in this program.
func Expand(f *File) ([]Offer, error) {
	own, err := load("", f.Provider)
	if err != nil {
		return nil, fmt.Errorf("catalog: provider %q is not known: %w", f.Provider, err)
	}
	c, err := f.read(own.rates)
	if err != nil {
		return nil, fmt.Errorf("catalog: %s: %w", f.Provider, err)
	}
	return c.offers, nil
}

// Save writes the file into dir, whole or not at all, for its owner only. What
// Expand refuses is not written.
func Save(dir string, f *File) error {
	if _, err := Expand(f); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	if err := renameio.WriteFile(Path(dir, f.Provider), append(raw, '\n'), 0o600, renameio.WithStaticPermissions(0o600)); err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	return nil
}

// parse reads a file. rates are those to use when it has none.
func parse(raw []byte, rates *Rates) (*contents, error) {
	var f File
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, err
	}
	return f.read(rates)
}

func (f *File) read(rates *Rates) (*contents, error) {
	if f.Version != fileVersion {
		return nil, fmt.Errorf("the file has version %d, this skysail reads version %d", f.Version, fileVersion)
	}
	if f.Rates != nil {
		rates = f.Rates
	}
	if rates != nil {
		if err := rates.check(f.Provider); err != nil {
			return nil, err
		}
	}
	sources := make(map[string]*Source, len(f.Sources))
	for i := range f.Sources {
		s := &f.Sources[i]
		if _, err := time.Parse(time.DateOnly, s.AsOf); err != nil || s.URL == "" {
			return nil, fmt.Errorf("source %s: as_of %q, url %q: both are needed", s.ID, s.AsOf, s.URL)
		}
		sources[s.ID] = s
	}
	c := &contents{rates: rates, info: Info{Provider: f.Provider}}
	for i := range f.Offers {
		row := &f.Offers[i]
		src, ok := sources[row.Source]
		if !ok {
			return nil, fmt.Errorf("offer %s: its source %q is not listed", row.Type, row.Source)
		}
		if err := row.check(len(row.Regions), rates); err != nil {
			return nil, fmt.Errorf("offer %s: %w", row.Type, err)
		}
		for _, region := range row.Regions {
			o := row.Offer
			o.Provider, o.Region, o.Source, o.AsOf = f.Provider, region, src.URL, src.AsOf
			c.offers = append(c.offers, o)
		}
	}
	if len(c.offers) == 0 {
		return nil, errors.New("it has no offers")
	}
	slices.SortFunc(c.offers, func(a, b Offer) int { return Compare(&a, &b) })
	return c, c.describe()
}

// describe counts what the sorted offers have, and refuses one that is there
// twice.
func (c *contents) describe() error {
	types, regions := map[string]bool{}, map[string]bool{}
	c.info.Offers = len(c.offers)
	for i := range c.offers {
		o := &c.offers[i]
		if i > 0 && o.Type == c.offers[i-1].Type && o.Region == c.offers[i-1].Region {
			return fmt.Errorf("offer %s: it is there twice for region %s", o.Type, o.Region)
		}
		types[o.Type], regions[o.Region] = true, true
		if c.info.Oldest == "" || o.AsOf < c.info.Oldest {
			c.info.Oldest = o.AsOf
		}
		c.info.Newest = max(c.info.Newest, o.AsOf)
	}
	c.info.Types, c.info.Regions = len(types), len(regions)
	return nil
}

// check refuses an offer that is not whole: one without a price would be the
// cheapest of all.
func (o *Offer) check(regions int, rates *Rates) error {
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
	case o.DiskGB < 0 || o.DiskGB == 0 && (rates == nil || rates.DiskUSD <= 0):
		return fmt.Errorf("it has %v GiB of disk, and there is no rate for a disk beside it", o.DiskGB)
	case regions == 0:
		return errors.New("it has no region")
	}
	return nil
}

func (r *Rates) check(provider string) error {
	_, err := time.Parse(time.DateOnly, r.AsOf)
	switch {
	case r.Provider != provider:
		return fmt.Errorf("its rates are of provider %q", r.Provider)
	case err != nil || r.Source == "":
		return fmt.Errorf("rates: as_of %q, source %q: both are needed", r.AsOf, r.Source)
	case r.DiskUSD < 0 || r.AddressUSD < 0:
		return fmt.Errorf("rates: a disk of %v and an address of %v", r.DiskUSD, r.AddressUSD)
	}
	return nil
}
