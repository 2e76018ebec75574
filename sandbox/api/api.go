// Package api holds what the simulated provider APIs have in common: what
// they are given, how they read requests, and how ordered faults strike a
// create.
package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"skysail/sandbox/world"
)

// Size is a type of server that a provider offers.
type Size struct {
	Name     string
	VCPU     int
	MemoryMB int
	DiskGB   int
	PriceUSD float64 // an hour
	// Regions are where it is sold; Zones holds, by region, the zones that
	// have it, for providers with zones.
	Regions []string
	Zones   map[string][]string
	Arch    string // GOARCH name
	SpotUSD float64
	// Prices holds, by region, the prices where they are not PriceUSD and
	// SpotUSD.
	Prices map[string]Price
	GPU    *GPU
}

// Price is US dollars an hour; a spot price of 0 is none.
type Price struct{ USD, SpotUSD float64 }

// Price is what the size costs in a region.
func (s *Size) Price(region string) Price {
	if p, ok := s.Prices[region]; ok {
		return p
	}
	return Price{USD: s.PriceUSD, SpotUSD: s.SpotUSD}
}

// GPU is what a size has of accelerators.
type GPU struct {
	Model    string
	Count    int
	MemoryGB int // of one
}

// Sizes lists what a provider offers.
type Sizes func() ([]Size, error)

// Fleet is what an API asks of the machines.
type Fleet interface {
	// Settled waits until a server is as its owner wants it, or gone.
	Settled(ctx context.Context, provider, id string) error
	// Usage returns what a server's machine was seen to use, oldest first;
	// nothing for a machine that was not seen yet.
	Usage(provider, id string) []Usage
}

// Usage is what a simulated machine had used up at a moment: readings of its
// real processes. Sums never go down while the machine runs.
type Usage struct {
	At time.Time
	// CPUSeconds is processor time of all processes, summed.
	CPUSeconds float64
	// MemoryBytes is what its processes hold now.
	MemoryBytes uint64
	// ReceivedBytes and SentBytes crossed its network interface, summed.
	ReceivedBytes, SentBytes uint64
	// DiskBytes is what its files hold, as of the last minute.
	DiskBytes uint64
	// Load, Load5 and Load15 are the load averages over 1, 5 and 15 minutes as
	// the machine itself says them.
	Load, Load5, Load15 float64
}

// Config is what a simulated API works on.
type Config struct {
	World *world.World
	Fleet Fleet
	Sizes Sizes
	// DiskUSD and AddressUSD are what a GiB of disk and a public address cost
	// an hour, where the provider sells them apart.
	DiskUSD, AddressUSD float64
	Log                 *slog.Logger // nil is none
}

// Logger returns the log, which may be none.
func (c Config) Logger() *slog.Logger {
	if c.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Log
}

// ServerLimit is how many servers an account of the sandbox may have: each is
// a set of real processes on somebody's laptop.
const ServerLimit = 100

// MaxBody bounds a request; the largest part of one is user data.
const MaxBody = 8 << 20

// settleTimeout bounds how long a call waits for a machine to stop. The call
// is answered then too, and the server stays listed until it is gone.
const settleTimeout = 15 * time.Second

// Authorized says whether the request carries the token.
func Authorized(r *http.Request, token string) bool {
	got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && subtle.ConstantTimeCompare([]byte(strings.TrimSpace(got)), []byte(token)) == 1
}

// Body reads a request's body and decodes it; an empty body leaves v as it is.
func Body(w http.ResponseWriter, r *http.Request, v any) ([]byte, error) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		return nil, fmt.Errorf("reading the request: %w", err)
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return raw, nil
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return nil, fmt.Errorf("decoding the request: %w", err)
	}
	return raw, nil
}

// Fingerprint identifies a request, so that repeats of it are recognised.
func Fingerprint(r *http.Request, body []byte) string {
	h := sha256.New()
	h.Write([]byte(r.Method + " " + r.URL.Path + "\n"))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// ErrHalfMade says that the servers were made, but that the answer must be
// that of a provider that broke down meanwhile.
var ErrHalfMade = errors.New("made, but the answer is lost")

// ErrHung says that the servers were made and that the client waited for an
// answer until it gave up.
var ErrHung = errors.New("the client gave up waiting")

// Refused says that a fault refused a create, in the words of the order if it
// had any.
type Refused struct {
	Kind  string
	Words *world.Words
}

func (e *Refused) Error() string { return "refused by a fault: " + e.Kind }

// CreateServers makes servers unless a fault is due. check says whether the
// request is one that the provider would take at all: a request that it would
// not take uses no fault up. build adds the servers to the state.
func (c Config) CreateServers(ctx context.Context, create world.Create, check func(*world.State) error, build func(*world.State) ([]*world.Server, error)) ([]*world.Server, error) {
	var made []*world.Server
	var kind string
	var words *world.Words
	var delay time.Duration
	err := c.World.Update(func(st *world.State) error {
		if err := check(st); err != nil {
			return err
		}
		now := c.World.Now()
		fault, attempt := st.StrikeCreate(create, now)
		if fault != nil {
			kind, words, delay = fault.Kind, fault.Words, fault.Delay
		}
		if world.Refuses(kind) {
			return nil // committed: the fault is used up
		}
		var err error
		if made, err = build(st); err != nil {
			return err
		}
		for _, s := range made {
			if kind == world.Slow {
				s.HoldUntil = now.Add(world.SlowBoot)
			}
			if attempt != nil {
				attempt.Servers = append(attempt.Servers, s.ID)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if kind != "" {
		c.Logger().Info("a fault strikes", "provider", create.Provider, "kind", kind, "region", create.Region, "servers", len(made))
	}
	if world.Refuses(kind) {
		if delay > 0 {
			late := time.NewTimer(delay)
			defer late.Stop()
			select {
			case <-ctx.Done():
				return nil, ErrHung
			case <-late.C:
			}
		}
		return nil, &Refused{Kind: kind, Words: words}
	}
	switch kind {
	case world.HalfMade:
		return nil, ErrHalfMade
	case world.Hang:
		<-ctx.Done()
		return nil, ErrHung
	}
	return made, nil
}

// AuthFault says whether a call is to be refused because of an auth fault.
func (c Config) AuthFault(provider string) (bool, error) {
	if !c.World.State().AuthFault(provider) {
		return false, nil
	}
	var struck bool
	err := c.World.Update(func(st *world.State) error {
		struck = st.StrikeAuth(provider, c.World.Now())
		return nil
	})
	return struck, err
}

// AwaitSettled waits a while for a server's machine to be as its owner wants
// it, so that an answer is about what is, where that is soon.
func (c Config) AwaitSettled(ctx context.Context, provider, id string) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	if err := c.Fleet.Settled(ctx, provider, id); err != nil {
		c.Logger().Warn("a server has not settled", "provider", provider, "id", id, "err", err)
	}
}

// FindSize returns the size with that name, or nil.
func FindSize(sizes []Size, name string) *Size {
	for i := range sizes {
		if strings.EqualFold(sizes[i].Name, name) {
			return &sizes[i]
		}
	}
	return nil
}

// In says whether the size is offered in the region.
func (s *Size) In(region string) bool {
	for _, r := range s.Regions {
		if strings.EqualFold(r, region) {
			return true
		}
	}
	return false
}

// Regions lists the regions of all sizes, each once, in the order they
// appear.
func Regions(sizes []Size) []string {
	seen := map[string]bool{}
	var out []string
	for _, s := range sizes {
		for _, r := range s.Regions {
			if !seen[r] {
				seen[r] = true
				out = append(out, r)
			}
		}
	}
	return out
}
