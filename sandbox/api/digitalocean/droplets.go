package digitalocean

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

// detail is what only this API knows of a droplet.
type detail struct {
	Image    string   `json:"image"`
	Features []string `json:"features"`
}

func detailOf(d *world.Server) detail {
	var v detail
	_ = json.Unmarshal(d.Detail, &v) // written by setDetail
	return v
}

func setDetail(d *world.Server, v detail) {
	d.Detail, _ = json.Marshal(v) // strings only: cannot fail
}

// status is the droplet's state in DigitalOcean's words.
func status(d *world.Server) string {
	switch {
	case d.Phase == world.Running, d.Reboot:
		return "active"
	case d.Phase == world.Booting && !d.Booted:
		return "new"
	default:
		return "off"
	}
}

// locked says whether an event is going on, so that nothing else may be done.
func locked(d *world.Server) bool { return !d.Settled() }

// view shows a droplet. sizes may be nil: then it has no list of the size's
// regions.
func view(d *world.Server, sizes []api.Size) map[string]any {
	det := detailOf(d)
	v4 := []map[string]any{}
	if d.Booted {
		v4 = append(v4, map[string]any{
			"ip_address": d.Address, "netmask": "255.0.0.0", "gateway": "127.0.0.1", "type": "public",
		})
	}
	size := api.FindSize(sizes, d.Size)
	if size == nil {
		size = &api.Size{
			Name: d.Size, VCPU: d.VCPU, MemoryMB: d.MemoryMB, DiskGB: d.DiskGB,
			PriceUSD: d.PriceUSD, Regions: []string{},
		}
	}
	var img any
	if i, ok := findImage(det.Image); ok {
		img = i.view(api.Regions(sizes))
	}
	return map[string]any{
		"id": numeric(d.ID), "name": d.Name, "memory": d.MemoryMB, "vcpus": d.VCPU, "disk": d.DiskGB,
		"disk_info": diskView(d.DiskGB), "locked": locked(d), "status": status(d), "kernel": nil,
		"created_at": d.CreatedAt.UTC().Format(time.RFC3339), "features": list(det.Features),
		"backup_ids": []int{}, "next_backup_window": nil, "snapshot_ids": []int{},
		"image": img, "volume_ids": []string{}, "size": sizeView(size), "size_slug": d.Size,
		"networks": map[string]any{"v4": v4, "v6": []map[string]any{}},
		"region":   regionView(d.Region, sizes), "tags": list(d.Tags),
	}
}

// list keeps a nil slice from becoming null.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func without(tags []string, tag string) []string {
	out := []string{}
	for _, t := range tags {
		if !strings.EqualFold(t, tag) {
			out = append(out, t)
		}
	}
	return out
}

func (s *server) listDroplets(_ http.ResponseWriter, r *http.Request) (reply, error) {
	sizes, err := s.Sizes()
	if err != nil {
		return reply{}, err
	}
	q := r.URL.Query()
	tag, name := q.Get("tag_name"), q.Get("name")
	gpus := q.Get("type") == "gpus"
	out := []map[string]any{}
	st := s.World.State()
	for _, d := range st.ServersOf(provider) {
		// Without a tag the list has either the GPU droplets or the others.
		if tag == "" && d.GPU != gpus {
			continue
		}
		if (tag != "" && !d.HasTag(tag)) || (name != "" && !strings.EqualFold(name, d.Name)) {
			continue
		}
		v := view(d, sizes)
		v["volume_ids"] = volumesOf(st, d.ID)
		out = append(out, v)
	}
	return page(r, "droplets", out)
}

func (s *server) getDroplet(_ http.ResponseWriter, r *http.Request) (reply, error) {
	sizes, err := s.Sizes()
	if err != nil {
		return reply{}, err
	}
	st := s.World.State()
	d := st.Server(provider, r.PathValue("id"))
	if d == nil {
		return reply{}, errNotFound()
	}
	v := view(d, sizes)
	v["volume_ids"] = volumesOf(st, d.ID)
	return reply{http.StatusOK, map[string]any{"droplet": v}}, nil
}

func (s *server) deleteDroplet(_ http.ResponseWriter, r *http.Request) (reply, error) {
	id := r.PathValue("id")
	err := s.World.Update(func(st *world.State) error {
		d := st.Server(provider, id)
		switch {
		case d == nil:
			return errNotFound()
		case d.Deleting:
			return nil
		case locked(d):
			return errPending()
		}
		s.startDelete(st, d)
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	s.AwaitSettled(r.Context(), provider, id)
	return reply{status: http.StatusNoContent}, nil
}

func (s *server) startDelete(st *world.State, d *world.Server) {
	st.StartAction(d, "destroy", s.World.Now())
	d.Deleting = true
}

func (s *server) deleteDropletsByTag(_ http.ResponseWriter, r *http.Request) (reply, error) {
	tag := r.URL.Query().Get("tag_name")
	if tag == "" {
		return reply{}, unprocessable("tag_name is required")
	}
	var ids []string
	err := s.World.Update(func(st *world.State) error {
		for _, d := range st.ServersOf(provider) {
			if d.HasTag(tag) {
				s.startDelete(st, d)
				ids = append(ids, d.ID)
			}
		}
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	for _, id := range ids {
		s.AwaitSettled(r.Context(), provider, id)
	}
	return reply{status: http.StatusNoContent}, nil
}

func (s *server) dropletFirewalls(_ http.ResponseWriter, r *http.Request) (reply, error) {
	st := s.World.State()
	d := st.Server(provider, r.PathValue("id"))
	if d == nil {
		return reply{}, errNotFound()
	}
	out := []map[string]any{}
	for _, f := range st.FirewallsOf(provider) {
		if f.Guards(d) {
			out = append(out, firewallView(f))
		}
	}
	return page(r, "firewalls", out)
}

func errPending() error {
	return unprocessable("Droplet already has a pending event.")
}

// hostname is what a droplet may be called.
var hostname = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,253}[a-zA-Z0-9])?$`) })
