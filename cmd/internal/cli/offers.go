package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"skysail/catalog"
	"skysail/deploy"
	"skysail/internal/failure"
)

// shownOffers is how many lines the table has unless --limit says otherwise.
const shownOffers = 40

func newOffers(a *app) *cobra.Command {
	var q deploy.OffersQuery
	var limit int
	cmd := &cobra.Command{
		Use:   "offers",
		Short: "List what the clouds sell and what it costs",
		Long: `Lists instance types by region, with the price of one an hour and the day that
the price is of. It reads the catalog only: ` + "`skysail catalog refresh`" + ` brings it up
to date. Disks that a price does not include (DISK 0) and public addresses come
on top; ` + "`skysail select`" + ` counts them in.

Nothing that matches is an empty list and exit status 0.`,
		Example: `  skysail offers --gpu L4 --max-price 1 --region 'us-*'
  skysail offers --min-cpu 8 --min-memory 32 --arch arm64 --sort memory
  skysail offers --provider aws,gcp --spot --limit 10 -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 0 {
				return failure.New(failure.Input, fmt.Sprintf("--limit %d", limit), "", "0 lists all.")
			}
			offers, err := deploy.Offers(q)
			if err != nil {
				return err
			}
			if a.output == "json" {
				return a.printOffersJSON(offers, limit)
			}
			if !cmd.Flags().Changed("limit") {
				limit = shownOffers
			}
			a.printOffers(offers, limit)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&q.Filter.Providers, "provider", nil, "only of these providers")
	f.StringSliceVar(&q.Filter.Regions, "region", nil, "only in regions that one of these globs matches")
	f.StringVar(&q.Filter.Type, "type", "", "only types that this glob matches")
	f.StringVar(&q.Filter.Arch, "arch", "", "only of this architecture: amd64 or arm64")
	f.StringVar(&q.Filter.GPU, "gpu", "", "only with this GPU model: L4, A100, H100, …")
	f.IntVar(&q.Filter.MinGPUs, "min-gpus", 0, "at least so many GPUs")
	f.Float64Var(&q.Filter.GPUMemoryGB, "gpu-memory", 0, "at least so many GiB in each GPU")
	f.Float64Var(&q.Filter.MinCPU, "min-cpu", 0, "at least so many vCPU")
	f.Float64Var(&q.Filter.MinMemoryGB, "min-memory", 0, "at least so many GiB of memory")
	f.BoolVar(&q.Filter.Spot, "spot", false, "only with a spot price, which --max-price and --sort then go by")
	f.Float64Var(&q.Filter.MaxUSD, "max-price", 0, "at most so many US dollars an hour")
	f.StringVar(&q.Order, "sort", catalog.ByPrice, "the least first: "+strings.Join(catalog.Orders(), ", "))
	f.IntVar(&limit, "limit", 0, fmt.Sprintf("at most so many; 0 is all (default %d in the table, all with -o json)", shownOffers))
	f.BoolVar(&q.Sandbox, "sandbox", false, "what the simulated clouds sell")
	return cmd
}

type gpuJSON struct {
	Model     string  `json:"model"`
	Count     int     `json:"count"`
	MemoryGiB float64 `json:"memory_gib"`
}

type offerJSON struct {
	Provider  string   `json:"provider"`
	Region    string   `json:"region"`
	Type      string   `json:"type"`
	Arch      string   `json:"arch"`
	VCPU      float64  `json:"vcpu"`
	MemoryGiB float64  `json:"memory_gib"`
	DiskGiB   float64  `json:"disk_gib"`
	GPU       *gpuJSON `json:"gpu"`
	PriceUSD  float64  `json:"price_usd_hour"`
	SpotUSD   *float64 `json:"spot_usd_hour"`
	Source    string   `json:"source"`
	AsOf      string   `json:"as_of"`
}

func (a *app) printOffersJSON(offers []catalog.Offer, limit int) error {
	if limit > 0 && len(offers) > limit {
		offers = offers[:limit]
	}
	out := make([]offerJSON, 0, len(offers))
	for i := range offers {
		o := &offers[i]
		j := offerJSON{
			Provider: o.Provider, Region: o.Region, Type: o.Type, Arch: o.Arch, VCPU: o.VCPU, MemoryGiB: o.MemoryGB,
			DiskGiB: o.DiskGB, PriceUSD: o.PriceUSD, SpotUSD: o.SpotUSD, Source: o.Source, AsOf: o.AsOf,
		}
		if g := o.GPU; g != nil {
			j.GPU = &gpuJSON{Model: g.Model, Count: g.Count, MemoryGiB: g.MemoryGB}
		}
		out = append(out, j)
	}
	return a.printJSON(map[string]any{"offers": out})
}

func (a *app) printOffers(offers []catalog.Offer, limit int) {
	if len(offers) == 0 {
		a.printf("Nothing in the catalog matches. `skysail catalog show` says what is in it and how old it is.\n")
		return
	}
	now := time.Now()
	var rows [][]string
	for i := range offers {
		if limit > 0 && i == limit {
			break
		}
		o := &offers[i]
		gpu, spot := "-", "-"
		if g := o.GPU; g != nil {
			gpu = fmt.Sprintf("%d× %s %g GiB", g.Count, g.Model, g.MemoryGB)
		}
		if o.SpotUSD != nil {
			spot = dollars(*o.SpotUSD)
		}
		rows = append(rows, []string{
			o.Provider, o.Region, o.Type, o.Arch, fmt.Sprintf("%g", o.VCPU), fmt.Sprintf("%g", o.MemoryGB),
			fmt.Sprintf("%g", o.DiskGB), gpu, dollars(o.PriceUSD), spot, asOf(o.AsOf, now),
		})
	}
	table(a.io.Out, []string{"PROVIDER", "REGION", "TYPE", "ARCH", "VCPU", "GIB", "DISK", "GPU", "$/H", "SPOT $/H", "AS OF"}, rows)
	if more := len(offers) - len(rows); more > 0 {
		a.printf("… and %d more; --limit 0 lists all\n", more)
	}
}

// dollars writes a price of one instance an hour: cents and two figures more,
// never in powers of ten.
func dollars(f float64) string { return strconv.FormatFloat(f, 'f', 4, 64) }

// asOf is a day and how long ago it was.
func asOf(day string, now time.Time) string {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	switch days := int(now.Sub(at).Hours() / 24); {
	case now.Before(at):
		return day
	case days < 1:
		return day + " (today)"
	case days == 1:
		return day + " (1 day)"
	default:
		return fmt.Sprintf("%s (%d days)", day, days)
	}
}
