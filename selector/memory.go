package selector

import (
	"fmt"
	"math"
	"time"

	"skysail/catalog"
)

// The kinds of shortage that are remembered.
const (
	// ShortCapacity is a stockout: of one type in one region.
	ShortCapacity = "capacity"
	// ShortQuota is a limit of the account in one region, whatever the type.
	ShortQuota = "quota"
)

// Shortage is a refusal that an earlier attempt met. It puts what it was met
// by behind others and never takes it away: nobody but the provider knows
// whether it is over.
type Shortage struct {
	Provider, Region, Type string
	// Spot says which of the two kinds of capacity was asked for; they are
	// apart at every provider, and so are their quotas.
	Spot bool
	Kind string // ShortCapacity or ShortQuota
	At   time.Time
}

// LongestMemory is how long any number of shortages can count.
const LongestMemory = 7 * 24 * time.Hour

const (
	// A shortage counts half after each half-life. Stockouts come and go;
	// a quota stays until somebody asks for more.
	capacityHalfLife = 30 * time.Minute
	quotaHalfLife    = 12 * time.Hour
	// forgotten is the sum below which shortages do not count: one is
	// forgotten after two half-lives, two at once after three.
	forgotten = 0.25
	// fresh is the sum from which a shortage puts a candidate after all
	// providers of a list: one is fresh for a half-life.
	fresh = 0.5
)

func (s *Shortage) weight(now time.Time) float64 {
	age, half := max(now.Sub(s.At), 0), quotaHalfLife
	if s.Kind == ShortCapacity {
		half = capacityHalfLife
	}
	if age > LongestMemory {
		return 0
	}
	return math.Exp2(-float64(age) / float64(half))
}

// recall answers what is remembered of an offer.
type recall struct {
	now time.Time
	at  map[string]map[string][]Shortage // by provider and region
	// What is remembered of one provider, since many offers in a row are its.
	provider string
	regions  map[string][]Shortage
}

func newRecall(memory []Shortage, now time.Time) *recall {
	if len(memory) == 0 {
		return nil
	}
	r := &recall{now: now, at: map[string]map[string][]Shortage{}}
	for _, s := range memory {
		if s.weight(now) > 0 && (s.Kind == ShortCapacity || s.Kind == ShortQuota) {
			if r.at[s.Provider] == nil {
				r.at[s.Provider] = map[string][]Shortage{}
			}
			r.at[s.Provider][s.Region] = append(r.at[s.Provider][s.Region], s)
		}
	}
	return r
}

func (r *recall) of(o *catalog.Offer) []Shortage {
	if o.Provider != r.provider {
		r.provider, r.regions = o.Provider, r.at[o.Provider]
	}
	return r.regions[o.Region]
}

// concerns says whether the shortage is one of the offer, at its place.
func (s *Shortage) concerns(o *catalog.Offer, spot bool) bool {
	return s.Spot == spot && (s.Kind == ShortQuota || s.Type == o.Type)
}

// weight is how much the shortages of an offer count now, 0 for not at all.
func (r *recall) weight(o *catalog.Offer, spot bool) float32 {
	if r == nil {
		return 0
	}
	sum := 0.0
	all := r.of(o)
	for i := range all {
		if s := &all[i]; s.concerns(o, spot) {
			sum += s.weight(r.now)
		}
	}
	if sum < forgotten {
		return 0
	}
	return float32(sum)
}

// text says what is remembered last.
func (r *recall) text(o *catalog.Offer, spot bool) string {
	var last Shortage
	for _, s := range r.of(o) {
		if s.concerns(o, spot) && (s.At.After(last.At) || s.At.Equal(last.At) && s.Kind == ShortCapacity) {
			last = s
		}
	}
	what := "out of capacity here"
	if last.Kind == ShortQuota {
		what = "no quota left in this region"
	}
	return fmt.Sprintf("%s %s ago", what, age(r.now.Sub(last.At)))
}

// age is a duration as people say it.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(int(d.Seconds()), 0))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours())/24)
}
