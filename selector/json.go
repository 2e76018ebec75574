package selector

import (
	"encoding/json"

	"skysail/catalog"
)

// told is what a candidate says of itself, as it was when it was written.
type told struct {
	Price   Price    `json:"price"`
	AsOf    string   `json:"as_of"`
	Reasons []string `json:"reasons"`
}

// candidateJSON is a candidate in files and between processes.
type candidateJSON struct {
	Offer    *catalog.Offer `json:"offer"`
	PriceUSD float64        `json:"price_usd_hour"`
	TotalUSD float64        `json:"total_usd_hour"`
	Spot     bool           `json:"spot,omitempty"`
	told
}

// MarshalJSON writes the candidate with its price and its reasons, which a
// selection else works out when it is asked for them.
func (c Candidate) MarshalJSON() ([]byte, error) {
	return json.Marshal(candidateJSON{
		Offer: c.Offer, PriceUSD: c.PriceUSD, TotalUSD: c.TotalUSD, Spot: c.Spot,
		told: told{Price: c.Price(), AsOf: c.AsOf(), Reasons: c.Reasons()},
	})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (c *Candidate) UnmarshalJSON(b []byte) error {
	var j candidateJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*c = Candidate{Offer: j.Offer, PriceUSD: j.PriceUSD, TotalUSD: j.TotalUSD, Spot: j.Spot, by: &ordering{told: &j.told}}
	return nil
}
