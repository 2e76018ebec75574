package digitalocean

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"skysail/sandbox/api"
)

func (s *server) account(http.ResponseWriter, *http.Request) (reply, error) {
	return reply{http.StatusOK, map[string]any{"account": map[string]any{
		"droplet_limit":     api.ServerLimit,
		"floating_ip_limit": 0,
		"reserved_ip_limit": 0,
		"volume_limit":      volumeLimit,
		"name":              "skysail sandbox",
		"email":             "sandbox@skysail.internal",
		"uuid":              "00000000000000000000000000000000",
		"email_verified":    true,
		"status":            "active",
		"status_message":    "",
		"team":              map[string]string{"uuid": "00000000000000000000000000000000", "name": "skysail sandbox"},
	}}}, nil
}

func (s *server) listSizes(_ http.ResponseWriter, r *http.Request) (reply, error) {
	sizes, err := s.Sizes()
	if err != nil {
		return reply{}, err
	}
	out := make([]map[string]any, 0, len(sizes))
	for i := range sizes {
		out = append(out, sizeView(&sizes[i]))
	}
	return page(r, "sizes", out)
}

// billedHours is how many hours of a month a droplet is billed for at most.
const billedHours = 672

func sizeView(z *api.Size) map[string]any {
	v := map[string]any{
		"slug":          z.Name,
		"memory":        z.MemoryMB,
		"vcpus":         z.VCPU,
		"disk":          z.DiskGB,
		"price_hourly":  z.PriceUSD,
		"price_monthly": math.Round(z.PriceUSD*billedHours*100) / 100,
		"regions":       z.Regions,
		"available":     len(z.Regions) > 0,
		"description":   sizeClass(z),
		"disk_info":     diskView(z.DiskGB),
	}
	if g := z.GPU; g != nil {
		v["gpu_info"] = map[string]any{
			"count": g.Count,
			"model": gpuMaker(g.Model) + "_" + strings.ToLower(g.Model),
			"vram":  map[string]any{"amount": g.Count * g.MemoryGB, "unit": "gib"},
		}
	}
	return v
}

// gpuMaker is who makes a GPU: AMD's are the MI series.
func gpuMaker(model string) string {
	if strings.HasPrefix(model, "MI") {
		return "amd"
	}
	return "nvidia"
}

func diskView(gb int) []map[string]any {
	return []map[string]any{{"type": "local", "size": map[string]any{"amount": gb, "unit": "gib"}}}
}

func sizeClass(z *api.Size) string {
	if z.GPU != nil {
		return fmt.Sprintf("%s GPU - %dX", z.GPU.Model, z.GPU.Count)
	}
	switch class, _, _ := strings.Cut(z.Name, "-"); class {
	case "s":
		return "Basic"
	case "c":
		return "CPU-Optimized"
	case "g":
		return "General Purpose"
	case "m":
		return "Memory-Optimized"
	default:
		return class
	}
}

// regionNames are what DigitalOcean calls its regions.
var regionNames = map[string]string{
	"ams3": "Amsterdam 3", "atl1": "Atlanta 1", "blr1": "Bangalore 1", "fra1": "Frankfurt 1",
	"lon1": "London 1", "nyc1": "New York 1", "nyc2": "New York 2", "nyc3": "New York 3",
	"sfo2": "San Francisco 2", "sfo3": "San Francisco 3", "sgp1": "Singapore 1",
	"syd1": "Sydney 1", "tor1": "Toronto 1",
}

func (s *server) listRegions(_ http.ResponseWriter, r *http.Request) (reply, error) {
	sizes, err := s.Sizes()
	if err != nil {
		return reply{}, err
	}
	out := []map[string]any{}
	for _, slug := range api.Regions(sizes) {
		out = append(out, regionView(slug, sizes))
	}
	return page(r, "regions", out)
}

func regionView(slug string, sizes []api.Size) map[string]any {
	name := regionNames[slug]
	if name == "" {
		name = slug
	}
	in := []string{}
	for i := range sizes {
		if sizes[i].In(slug) {
			in = append(in, sizes[i].Name)
		}
	}
	return map[string]any{
		"slug": slug, "name": name, "sizes": in, "available": len(in) > 0,
		"features": []string{"metadata"},
	}
}

// image is a system that a droplet can be made of. A simulated machine has
// the host's own system whatever the image: the sandbox runs processes, not
// kernels.
type image struct {
	id                 int64
	slug, name, distro string
}

var images = []image{
	{1001, "ubuntu-22-04-x64", "22.04 (LTS) x64", "Ubuntu"},
	{1002, "ubuntu-24-04-x64", "24.04 (LTS) x64", "Ubuntu"},
	{1003, "debian-12-x64", "12 x64", "Debian"},
	{1004, "debian-13-x64", "13 x64", "Debian"},
	{1005, "gpu-h100x1-base", "NVIDIA AI/ML Ready", "Ubuntu"},
	{1006, "gpu-h100x8-base", "NVIDIA AI/ML Ready with NVLink", "Ubuntu"},
	{1007, "gpu-amd-base", "AMD AI/ML Ready", "Ubuntu"},
}

// findImage looks an image up by slug or ID.
func findImage(ref string) (image, bool) {
	for _, i := range images {
		if i.slug == ref || strconv.FormatInt(i.id, 10) == ref {
			return i, true
		}
	}
	return image{}, false
}

func (i image) view(regions []string) map[string]any {
	return map[string]any{
		"id": i.id, "name": i.name, "type": "base", "distribution": i.distro, "slug": i.slug,
		"public": true, "regions": regions, "min_disk_size": 7, "tags": []string{},
		"status": "available", "error_message": "",
	}
}

func (s *server) listImages(_ http.ResponseWriter, r *http.Request) (reply, error) {
	sizes, err := s.Sizes()
	if err != nil {
		return reply{}, err
	}
	out := []map[string]any{}
	q := r.URL.Query()
	if q.Get("private") != "true" && q.Get("type") != "application" && q.Get("tag_name") == "" {
		for _, i := range images {
			out = append(out, i.view(api.Regions(sizes)))
		}
	}
	return page(r, "images", out)
}

func (s *server) getImage(_ http.ResponseWriter, r *http.Request) (reply, error) {
	i, ok := findImage(r.PathValue("id"))
	if !ok {
		return reply{}, errNotFound()
	}
	sizes, err := s.Sizes()
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusOK, map[string]any{"image": i.view(api.Regions(sizes))}}, nil
}
