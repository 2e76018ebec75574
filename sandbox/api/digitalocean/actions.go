package digitalocean

import (
	"net/http"
	"slices"
	"time"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

func actionView(a *world.Action) map[string]any {
	v := map[string]any{
		"id": numeric(a.ID), "status": "completed", "type": a.Type,
		"started_at": a.StartedAt.UTC().Format(time.RFC3339), "completed_at": nil,
		"resource_id": numeric(a.ServerID), "resource_type": "droplet", "region_slug": a.Region,
		"region": map[string]any{"slug": a.Region, "name": regionNames[a.Region]},
	}
	if a.CompletedAt.IsZero() {
		v["status"] = "in-progress"
	} else {
		v["completed_at"] = a.CompletedAt.UTC().Format(time.RFC3339)
	}
	return v
}

// actions lists actions, newest first; an empty droplet means all.
func (s *server) actions(r *http.Request, droplet string) (reply, error) {
	out := []map[string]any{}
	for _, a := range s.World.State().Actions {
		if a.Provider == provider && (droplet == "" || a.ServerID == droplet) {
			out = append(out, actionView(a))
		}
	}
	slices.Reverse(out)
	return page(r, "actions", out)
}

func (s *server) listActions(_ http.ResponseWriter, r *http.Request) (reply, error) {
	return s.actions(r, "")
}

func (s *server) listDropletActions(_ http.ResponseWriter, r *http.Request) (reply, error) {
	id := r.PathValue("id")
	if s.World.State().Server(provider, id) == nil {
		return reply{}, errNotFound()
	}
	return s.actions(r, id)
}

func (s *server) getAction(_ http.ResponseWriter, r *http.Request) (reply, error) {
	a := s.World.State().Action(provider, r.PathValue("action"))
	if a == nil {
		return reply{}, errNotFound()
	}
	return reply{http.StatusOK, map[string]any{"action": actionView(a)}}, nil
}

func (s *server) getDropletAction(w http.ResponseWriter, r *http.Request) (reply, error) {
	if a := s.World.State().Action(provider, r.PathValue("action")); a == nil || a.ServerID != r.PathValue("id") {
		return reply{}, errNotFound()
	}
	return s.getAction(w, r)
}

type actionRequest struct {
	Type string `json:"type"`
	Name string `json:"name"`
	Size string `json:"size"`
}

func (s *server) createAction(w http.ResponseWriter, r *http.Request) (reply, error) {
	var in actionRequest
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	sizes, err := s.Sizes()
	if err != nil {
		return reply{}, err
	}
	var made *world.Action
	err = s.World.Update(func(st *world.State) error {
		d := st.Server(provider, r.PathValue("id"))
		if d == nil {
			return errNotFound()
		}
		made, err = s.act(st, d, in, sizes)
		return err
	})
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusCreated, map[string]any{"action": actionView(made)}}, nil
}

func (s *server) createActionsByTag(w http.ResponseWriter, r *http.Request) (reply, error) {
	var in actionRequest
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	tag := r.URL.Query().Get("tag_name")
	if tag == "" {
		return reply{}, unprocessable("tag_name is required")
	}
	sizes, err := s.Sizes()
	if err != nil {
		return reply{}, err
	}
	var made []*world.Action
	err = s.World.Update(func(st *world.State) error {
		for _, d := range st.ServersOf(provider) {
			if !d.HasTag(tag) {
				continue
			}
			a, err := s.act(st, d, in, sizes)
			if err != nil {
				return err
			}
			made = append(made, a)
		}
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	out := []map[string]any{}
	for _, a := range made {
		out = append(out, actionView(a))
	}
	return reply{http.StatusCreated, map[string]any{"actions": out}}, nil
}

// act begins an action on a droplet. One that concerns no machine is complete
// at once.
func (s *server) act(st *world.State, d *world.Server, in actionRequest, sizes []api.Size) (*world.Action, error) {
	if locked(d) {
		return nil, errPending()
	}
	machine := true
	switch in.Type {
	case "power_off", "shutdown":
		if !d.Powered {
			return nil, unprocessable("Droplet is already powered off.")
		}
		d.Powered = false
	case "power_on":
		if d.Powered && d.Phase != world.Failed {
			return nil, unprocessable("Droplet is already powered on.")
		}
		d.Powered, d.Phase = true, world.Booting
	case "reboot", "power_cycle":
		if !d.Powered {
			return nil, unprocessable("Droplet is currently off. Please power it on to run this event.")
		}
		d.Reboot, d.Phase = true, world.Booting
	case "rename":
		if !hostname().MatchString(in.Name) {
			return nil, unprocessable("Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)")
		}
		d.Name, machine = in.Name, false
	case "resize":
		if err := resize(d, in.Size, sizes); err != nil {
			return nil, err
		}
		machine = false
	case "enable_backups", "disable_backups":
		det := detailOf(d)
		det.Features = without(det.Features, "backups")
		if in.Type == "enable_backups" {
			det.Features = append(det.Features, "backups")
		}
		setDetail(d, det)
		machine = false
	default:
		return nil, unprocessable("the skysail sandbox does not simulate the action %q", in.Type)
	}
	a := st.StartAction(d, in.Type, s.World.Now())
	if !machine {
		st.CompleteActions(d, s.World.Now())
	}
	return a, nil
}

func resize(d *world.Server, name string, sizes []api.Size) error {
	size := api.FindSize(sizes, name)
	switch {
	case size == nil:
		return unprocessable("You specified an invalid size for Droplet creation.")
	case d.Powered:
		return unprocessable("Droplet must be off to resize.")
	case !size.In(d.Region):
		return errCapacity()
	}
	d.Size, d.VCPU, d.MemoryMB, d.DiskGB = size.Name, size.VCPU, size.MemoryMB, size.DiskGB
	d.PriceUSD, d.GPU = size.PriceUSD, size.GPU != nil
	return nil
}
