package catalog

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

//go:embed data/*.json
var data embed.FS

// Snapshot is what providers sell, and what they take beside.
type Snapshot struct {
	// Offers has one offer for each type and region, in the order of Compare.
	Offers []Offer
	// Rates are by provider. A provider without any is not in it.
	Rates map[string]Rates
	// Files says where each provider's offers are from, by provider.
	Files []Info
}

// Info describes the file that a provider's offers are from.
type Info struct {
	Provider string `json:"provider"`
	// Path is the refreshed file; empty is the one in this program.
	Path    string `json:"path,omitempty"`
	Offers  int    `json:"offers"`
	Types   int    `json:"types"`
	Regions int    `json:"regions"`
	// Oldest and Newest are the days of the oldest and the newest price.
	Oldest string `json:"oldest"`
	Newest string `json:"newest"`
}

// FileError is a refreshed file that can not be used.
type FileError struct {
	Path     string
	Provider string
	Err      error
}

func (e *FileError) Error() string {
	return fmt.Sprintf("catalog file %s can not be used: %v\n`skysail catalog refresh %s` writes it anew; without the file the prices in this program are used",
		e.Path, e.Err, e.Provider)
}

func (e *FileError) Unwrap() error { return e.Err }

// Load returns the offers in this program.
func Load() (*Snapshot, error) { return LoadDir("") }

// LoadDir returns the offers in this program, each provider's replaced as a
// whole by <dir>/<provider>.json where there is one that is not older. A
// file that is not whole is a *FileError: prices are not guessed. Rates that
// a file leaves out are those in this program. An empty dir has no files.
// Naming providers loads those only; nobody sells anything under another name.
func LoadDir(dir string, providers ...string) (*Snapshot, error) {
	all, err := Providers()
	if err != nil {
		return nil, err
	}
	if len(providers) > 0 {
		all = slices.DeleteFunc(all, func(p string) bool { return !slices.Contains(providers, p) })
	}
	files := make([]*contents, len(all))
	var group errgroup.Group // reading is most of what `skysail offers` does
	for i, p := range all {
		group.Go(func() (err error) {
			files[i], err = load(dir, p)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	out := &Snapshot{Rates: make(map[string]Rates, len(all))}
	for i, p := range all {
		c := files[i]
		out.Offers = append(out.Offers, c.offers...)
		out.Files = append(out.Files, c.info)
		if c.rates != nil {
			out.Rates[p] = *c.rates
		}
	}
	return out, nil
}

// Providers lists the providers that this program has offers of, by name.
func Providers() ([]string, error) {
	entries, err := data.ReadDir("data")
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	out := make([]string, 0, len(entries))
	for _, e := range entries {
		out = append(out, strings.TrimSuffix(e.Name(), ".json"))
	}
	slices.Sort(out)
	return out, nil
}

// contents is one provider's file, read.
type contents struct {
	offers []Offer
	rates  *Rates
	info   Info
}

func load(dir, provider string) (*contents, error) {
	raw, err := data.ReadFile("data/" + provider + ".json")
	if err != nil {
		return nil, fmt.Errorf("catalog: %w", err)
	}
	own, err := parse(raw, nil)
	if err != nil {
		return nil, fmt.Errorf("catalog: %s.json: %w", provider, err)
	}
	if dir == "" {
		return own, nil
	}
	kept, err := refreshed(dir, provider, own.rates)
	if err != nil {
		return nil, err
	}
	if kept == nil || kept.info.Newest < own.info.Newest {
		return own, nil
	}
	return kept, nil
}

// refreshed reads a provider's file in dir; nil when there is none.
func refreshed(dir, provider string, rates *Rates) (*contents, error) {
	path := Path(dir, provider)
	raw, err := os.ReadFile(path) //nolint:gosec // the caller's own folder
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // there being none is an answer
	}
	var c *contents
	if err == nil {
		c, err = parse(raw, rates)
	}
	if err == nil && c.info.Provider != provider {
		err = fmt.Errorf("it is of provider %q", c.info.Provider)
	}
	if err != nil {
		return nil, &FileError{Path: path, Provider: provider, Err: err}
	}
	c.info.Path = path
	return c, nil
}

// Path is where a provider's refreshed file is in dir.
func Path(dir, provider string) string { return filepath.Join(dir, provider+".json") }
