package vultr

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"skysail/sandbox/api"
)

func (s *server) account(http.ResponseWriter, *http.Request) (reply, error) {
	return reply{http.StatusOK, map[string]any{"account": map[string]any{
		"name": "skysail sandbox", "email": "sandbox@skysail.internal",
		"acls":    []string{"provisioning", "subscriptions", "subscriptions_view", "firewall", "upgrade"},
		"balance": 0, "pending_charges": 0, "last_payment_date": "", "last_payment_amount": 0,
	}}}, nil
}

// monthHours is what Vultr's hourly price is a monthly price divided by.
const monthHours = 730

// planType is the family of a plan: the first part of its ID.
func planType(name string) string {
	kind, _, _ := strings.Cut(name, "-")
	return kind
}

func planView(z *api.Size) map[string]any {
	v := map[string]any{
		"id": z.Name, "vcpu_count": z.VCPU, "ram": z.MemoryMB, "disk": z.DiskGB, "disk_count": 1,
		"type": planType(z.Name), "locations": list(z.Regions),
		"hourly_cost": z.PriceUSD, "monthly_cost": math.Round(z.PriceUSD * monthHours),
		"deploy_ondemand": true, "gpu_brand": "none",
	}
	if g := z.GPU; g != nil {
		v["gpu_brand"], v["gpu_type"] = gpuBrand(g.Model), gpuBrand(g.Model)+"_"+g.Model
		// The count is a text: slices of a GPU have "1/8".
		v["gpu_vram_gb"], v["gpu_count"] = g.Count*g.MemoryGB, strconv.Itoa(g.Count)
	}
	return v
}

// gpuBrand is who makes a GPU: AMD's are the MI series.
func gpuBrand(model string) string {
	if strings.HasPrefix(model, "MI") {
		return "AMD"
	}
	return "NVIDIA"
}

// list keeps a nil slice from becoming null.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

var planTypes = []string{
	"all", "vbm", "vdc", "vhp", "vhf", "vc2", "voc", "vcg", "vdg", "vdm", "vx1", "voc-g", "voc-s", "voc-c", "voc-m",
}

// ofType returns the sizes of a plan type; an empty type means all.
func ofType(sizes []api.Size, kind string) ([]api.Size, error) {
	if kind == "" {
		kind = "all"
	}
	if !slices.Contains(planTypes, kind) {
		return nil, badRequest("Please provide a valid type: %s", strings.Join(planTypes, ", "))
	}
	var out []api.Size
	for _, z := range sizes {
		if kind == "all" || planType(z.Name) == kind || strings.HasPrefix(z.Name, kind+"-") {
			out = append(out, z)
		}
	}
	return out, nil
}

func (s *server) listPlans(_ http.ResponseWriter, r *http.Request) (reply, error) {
	sizes, err := s.Sizes()
	if err != nil {
		return reply{}, err
	}
	if sizes, err = ofType(sizes, r.URL.Query().Get("type")); err != nil {
		return reply{}, err
	}
	var out []item
	for i := range sizes {
		out = append(out, item{int64(i), planView(&sizes[i])})
	}
	return page(r, "plans", out)
}

// system is an operating system that an instance can be made of. A simulated
// machine has the host's own system whatever this is: the sandbox runs
// processes, not kernels.
type system struct {
	id           int
	name, family string
}

var systems = []system{
	{1743, "Ubuntu 22.04 LTS x64", "ubuntu"},
	{2136, "Debian 12 x64 (bookworm)", "debian"},
	{2284, "Ubuntu 24.04 LTS x64", "ubuntu"},
	{2625, "Debian 13 x64 (trixie)", "debian"},
	{2760, "Ubuntu 26.04 LTS x64", "ubuntu"},
}

func findSystem(id int) (system, bool) {
	i := slices.IndexFunc(systems, func(o system) bool { return o.id == id })
	if i < 0 {
		return system{}, false
	}
	return systems[i], true
}

func (s *server) listSystems(_ http.ResponseWriter, r *http.Request) (reply, error) {
	var out []item
	for _, o := range systems {
		out = append(out, item{int64(o.id), map[string]any{"id": o.id, "name": o.name, "arch": "x64", "family": o.family}})
	}
	return page(r, "os", out)
}

// listApplications is empty: a simulated machine has nothing preinstalled.
func (s *server) listApplications(_ http.ResponseWriter, r *http.Request) (reply, error) {
	return page(r, "applications", nil)
}

// place is where a region is.
type place struct{ city, country, continent string }

var places = map[string]place{
	"ams": {"Amsterdam", "NL", "Europe"}, "atl": {"Atlanta", "US", "North America"},
	"blr": {"Bangalore", "IN", "Asia"}, "bom": {"Mumbai", "IN", "Asia"},
	"cdg": {"Paris", "FR", "Europe"}, "del": {"Delhi NCR", "IN", "Asia"},
	"dfw": {"Dallas", "US", "North America"}, "ewr": {"New Jersey", "US", "North America"},
	"fra": {"Frankfurt", "DE", "Europe"}, "hnl": {"Honolulu", "US", "North America"},
	"icn": {"Seoul", "KR", "Asia"}, "itm": {"Osaka", "JP", "Asia"},
	"jnb": {"Johannesburg", "ZA", "Africa"}, "lax": {"Los Angeles", "US", "North America"},
	"lhr": {"London", "GB", "Europe"}, "mad": {"Madrid", "ES", "Europe"},
	"man": {"Manchester", "GB", "Europe"}, "mel": {"Melbourne", "AU", "Australia"},
	"mex": {"Mexico City", "MX", "North America"}, "mia": {"Miami", "US", "North America"},
	"mxp": {"Milan", "IT", "Europe"}, "nrt": {"Tokyo", "JP", "Asia"},
	"ord": {"Chicago", "US", "North America"}, "sao": {"São Paulo", "BR", "South America"},
	"scl": {"Santiago", "CL", "South America"}, "sea": {"Seattle", "US", "North America"},
	"sgp": {"Singapore", "SG", "Asia"}, "sjc": {"Silicon Valley", "US", "North America"},
	"sto": {"Stockholm", "SE", "Europe"}, "syd": {"Sydney", "AU", "Australia"},
	"tlv": {"Tel Aviv", "IL", "Asia"}, "waw": {"Warsaw", "PL", "Europe"},
	"yto": {"Toronto", "CA", "North America"},
}

func (s *server) listRegions(_ http.ResponseWriter, r *http.Request) (reply, error) {
	sizes, err := s.Sizes()
	if err != nil {
		return reply{}, err
	}
	ids := api.Regions(sizes)
	slices.Sort(ids)
	var out []item
	for i, id := range ids {
		p := places[id]
		out = append(out, item{int64(i), map[string]any{
			"id": id, "city": p.city, "country": p.country, "continent": p.continent, "options": []string{},
		}})
	}
	return page(r, "regions", out)
}

func (s *server) availability(_ http.ResponseWriter, r *http.Request) (reply, error) {
	sizes, err := s.Sizes()
	if err != nil {
		return reply{}, err
	}
	region := r.PathValue("id")
	if !slices.Contains(api.Regions(sizes), region) {
		return reply{}, errRegion()
	}
	if sizes, err = ofType(sizes, r.URL.Query().Get("type")); err != nil {
		return reply{}, err
	}
	plans := []string{}
	for i := range sizes {
		if sizes[i].In(region) {
			plans = append(plans, sizes[i].Name)
		}
	}
	return reply{http.StatusOK, map[string]any{"available_plans": plans, "available_vpc_only_plans": []string{}}}, nil
}

func errRegion() error { return badRequest("Invalid region.") }
