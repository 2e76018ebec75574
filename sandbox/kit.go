package sandbox

import (
	"context"
	"math"
	"net"

	"skysail/catalog"
	"skysail/internal/reexec"
	"skysail/sandbox/api"
	"skysail/sandbox/fleet"
)

// kit is what the sandbox is built from. Tests have machines of their own.
type kit struct {
	helper  string // the reexec helper that is the daemon
	machine fleet.Machine
	sizes   func(provider string) ([]api.Size, error)
	dial    func(ctx context.Context, dir string, port int) (net.Conn, error)
	fleet   fleet.Options
}

func realKit() kit {
	return kit{helper: "sandbox-daemon", machine: machine{}, sizes: catalogSizes, dial: dialMachine}
}

func init() {
	reexec.Register("sandbox-daemon", func(args []string) int { return daemonMain(args, realKit()) })
}

// catalogSizes takes a provider's sizes from the offers, so that what the
// sandbox sells is what selection chooses from.
func catalogSizes(provider string) ([]api.Size, error) {
	sold, err := catalog.LoadDir("", provider)
	if err != nil {
		return nil, err
	}
	return sizesOf(sold.Offers, provider), nil
}

func sizesOf(offers []catalog.Offer, provider string) []api.Size {
	var out []api.Size
	at := map[string]int{}
	for _, o := range offers {
		if o.Provider != provider {
			continue
		}
		i, ok := at[o.Type]
		if !ok {
			i = len(out)
			at[o.Type] = i
			out = append(out, api.Size{
				Name: o.Type, VCPU: int(math.Ceil(o.VCPU)), MemoryMB: int(math.Round(o.MemoryGB * 1024)),
				DiskGB: int(math.Round(o.DiskGB)), PriceUSD: o.PriceUSD, Arch: o.Arch,
			})
			if o.SpotUSD != nil {
				out[i].SpotUSD = *o.SpotUSD
			}
			if g := o.GPU; g != nil {
				out[i].GPU = &api.GPU{Model: g.Model, Count: g.Count, MemoryGB: int(math.Round(g.MemoryGB))}
			}
		}
		out[i].Regions = append(out[i].Regions, o.Region)
		price(&out[i], &o)
		if len(o.Zones) > 0 {
			if out[i].Zones == nil {
				out[i].Zones = map[string][]string{}
			}
			out[i].Zones[o.Region] = o.Zones
		}
	}
	return out
}

// price notes what an offer costs where that is not what the size costs in
// its first region.
func price(z *api.Size, o *catalog.Offer) {
	p := api.Price{USD: o.PriceUSD}
	if o.SpotUSD != nil {
		p.SpotUSD = *o.SpotUSD
	}
	if p == z.Price(o.Region) {
		return
	}
	if z.Prices == nil {
		z.Prices = map[string]api.Price{}
	}
	z.Prices[o.Region] = p
}
