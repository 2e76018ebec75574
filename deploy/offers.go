package deploy

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"skysail/catalog"
	"skysail/internal/failure"
)

// OffersQuery says which offers are wanted and where their prices are from.
type OffersQuery struct {
	// Home is the folder of everything skysail keeps; empty is DefaultHome.
	Home string
	// Sandbox lists what the simulated clouds sell.
	Sandbox bool
	Filter  catalog.Filter
	// Order is one of catalog.Orders; empty is catalog.ByPrice.
	Order string
}

// Offers lists offers of the catalog in the order asked for. It reads files
// only. No offer is no error.
func Offers(q OffersQuery) ([]catalog.Offer, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	sold, err := loadCatalog(q.Home, q.Sandbox, q.Filter.Providers...)
	if err != nil {
		return nil, err
	}
	out := q.Filter.Apply(sold.Offers)
	q.Filter.Sort(out, q.Order)
	return out, nil
}

func (q *OffersQuery) check() error {
	if err := q.Filter.Check(); err != nil {
		return failure.New(failure.Input, err.Error(), "",
			"`*` stands for any characters, `?` for one: --region 'us-*'. Numbers are from 0. `skysail offers --help` has examples.")
	}
	if err := checkSellers(q.Filter.Providers); err != nil {
		return err
	}
	if q.Order != "" && !slices.Contains(catalog.Orders(), q.Order) {
		return failure.New(failure.Input, fmt.Sprintf("there is no order %q", q.Order), "",
			"The orders are "+strings.Join(catalog.Orders(), ", ")+".")
	}
	return nil
}

// checkSellers refuses names that no catalog file is of.
func checkSellers(names []string) error {
	known, err := catalog.Providers()
	if err != nil {
		return err
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			return failure.New(failure.Input, fmt.Sprintf("%q is no provider that sells instances", n), "",
				"The providers are "+strings.Join(known, ", ")+".")
		}
	}
	return nil
}

// Catalog describes the files that the prices are from.
func Catalog(home string, sandbox bool) ([]catalog.Info, error) {
	sold, err := loadCatalog(home, sandbox)
	if err != nil {
		return nil, err
	}
	return sold.Files, nil
}

// catalogDir is where refreshed files are. What simulated clouds answer is
// kept apart from what real ones do.
func catalogDir(home string, sandbox bool) string {
	if home == "" {
		home = DefaultHome()
	}
	if sandbox {
		return filepath.Join(home, "sandbox", "catalog")
	}
	return filepath.Join(home, "catalog")
}

func loadCatalog(home string, sandbox bool, providers ...string) (*catalog.Snapshot, error) {
	sold, err := catalog.LoadDir(catalogDir(home, sandbox), providers...)
	var broken *catalog.FileError
	if errors.As(err, &broken) {
		remedy := "skysail catalog refresh " + broken.Provider
		if sandbox {
			remedy += " --sandbox"
		}
		return nil, failure.Wrap(broken.Err, failure.Failed, "catalog file "+broken.Path,
			"Prices are not guessed; nothing was changed.",
			fmt.Sprintf("`%s` writes it anew. Without the file the prices in this program are used.", remedy))
	}
	return sold, err
}
