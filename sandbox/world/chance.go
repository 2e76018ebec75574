package world

import (
	"fmt"
	"math/rand/v2"
)

// Chance lets a fault strike a part of the attempts only. The same seed gives
// the same sequence of hits and misses, across restarts too.
type Chance struct {
	// Rate is the probability of a hit, above 0 and up to 1; 0 hits always.
	Rate float64 `json:"rate,omitempty"`
	Seed uint64  `json:"seed,omitempty"`
	// Seen is how many attempts were decided.
	Seen uint64 `json:"seen,omitempty"`
}

func (c Chance) validate() error {
	switch {
	case c.Rate < 0 || c.Rate > 1:
		return fmt.Errorf("the rate is %v; it is the part of the creates that fail, above 0 and up to 1", c.Rate)
	case c.Rate == 0 && c.Seed != 0:
		return fmt.Errorf("a seed is for a fault with a rate")
	}
	return nil
}

// draw decides about the next attempt.
func (c *Chance) draw() bool {
	if c.Rate == 0 {
		return true
	}
	c.Seen++
	return rand.New(rand.NewPCG(c.Seed, c.Seen)).Float64() < c.Rate //nolint:gosec // dice, no secret
}
