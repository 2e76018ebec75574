package vultr

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

// detail is what only this API knows of an instance.
type detail struct {
	OSID       int            `json:"os_id"`
	Hostname   string         `json:"hostname"`
	UserScheme string         `json:"user_scheme"`
	Backups    bool           `json:"backups"`
	Schedule   backupSchedule `json:"schedule"`
}

func detailOf(i *world.Server) detail {
	var d detail
	_ = json.Unmarshal(i.Detail, &d) // written by setDetail
	return d
}

func setDetail(i *world.Server, d detail) {
	i.Detail, _ = json.Marshal(d) // strings and numbers only: cannot fail
}

func errInstance() error { return notFound("instance not found") }

// errInstancePart is how the calls below an instance say that it is gone.
func errInstancePart() error { return notFound("Invalid instance-id.") }

// states are status, power_status and server_status.
func states(i *world.Server) (status, power, state string) {
	power = "running"
	if !i.Powered || i.Phase == world.Off || i.Phase == world.Failed {
		power = "stopped"
	}
	switch {
	case i.Phase == world.Failed:
		return "suspended", power, "locked"
	case i.Phase == world.Booting && !i.Booted:
		return "pending", power, "none"
	case i.Phase == world.Booting:
		return "active", power, "installingbooting"
	default:
		return "active", power, "ok"
	}
}

func view(i *world.Server) map[string]any {
	d := detailOf(i)
	o, _ := findSystem(d.OSID)
	status, power, state := states(i)
	ip, mask, gateway := "0.0.0.0", "", "0.0.0.0"
	if i.Booted {
		ip, mask, gateway = i.Address, "255.0.0.0", "127.0.0.1"
	}
	features := []string{}
	if d.Backups {
		features = append(features, "auto_backups")
	}
	return map[string]any{
		"id": i.ID, "os": o.name, "ram": i.MemoryMB, "disk": i.DiskGB, "main_ip": ip, "vcpu_count": i.VCPU,
		"region": i.Region, "plan": i.Size, "date_created": date(i.CreatedAt), "status": status,
		"allowed_bandwidth": 0, "netmask_v4": mask, "gateway_v4": gateway, "power_status": power,
		"server_status": state, "v6_network": "", "v6_main_ip": "", "v6_network_size": 0, "label": i.Name,
		"internal_ip": "", "kvm": "", "hostname": d.Hostname, "os_id": d.OSID, "app_id": 0, "image_id": "",
		"snapshot_id": "", "firewall_group_id": i.FirewallID, "features": features, "tags": list(i.Tags),
		"user_scheme": d.UserScheme, "vpc_only": false, "vpcs": []any{},
	}
}

func (s *server) listInstances(_ http.ResponseWriter, r *http.Request) (reply, error) {
	q := r.URL.Query()
	keep := func(i *world.Server) bool {
		for name, have := range map[string]string{
			"label": i.Name, "region": i.Region, "main_ip": i.Address,
			"firewall_group_id": i.FirewallID, "hostname": detailOf(i).Hostname,
		} {
			if want := q.Get(name); want != "" && want != have {
				return false
			}
		}
		tag := q.Get("tag")
		return tag == "" || i.HasTag(tag)
	}
	var out []item
	for _, i := range s.World.State().ServersOf(provider) {
		if keep(i) {
			out = append(out, item{i.Seq, view(i)})
		}
	}
	return page(r, "instances", out)
}

func (s *server) getInstance(_ http.ResponseWriter, r *http.Request) (reply, error) {
	i := s.World.State().Server(provider, r.PathValue("id"))
	if i == nil {
		return reply{}, errInstance()
	}
	return reply{http.StatusOK, map[string]any{"instance": view(i)}}, nil
}

func (s *server) deleteInstance(_ http.ResponseWriter, r *http.Request) (reply, error) {
	id := r.PathValue("id")
	err := s.World.Update(func(st *world.State) error {
		i := st.Server(provider, id)
		if i == nil {
			return errInstance()
		}
		i.Deleting = true
		return nil
	})
	if err != nil {
		return reply{}, err
	}
	s.AwaitSettled(r.Context(), provider, id)
	return reply{status: http.StatusNoContent}, nil
}

type updateRequest struct {
	Label           *string   `json:"label"`
	Tags            *[]string `json:"tags"`
	Plan            *string   `json:"plan"`
	UserData        *string   `json:"user_data"`
	FirewallGroupID *string   `json:"firewall_group_id"`
	Backups         *string   `json:"backups"`
	UserScheme      *string   `json:"user_scheme"`
	unsimulated
}

func (s *server) updateInstance(w http.ResponseWriter, r *http.Request) (reply, error) {
	var in updateRequest
	if _, err := decode(w, r, &in); err != nil {
		return reply{}, err
	}
	if err := in.refuse(); err != nil {
		return reply{}, err
	}
	sizes, err := s.Sizes()
	if err != nil {
		return reply{}, err
	}
	var i *world.Server
	err = s.World.Update(func(st *world.State) error {
		if i = st.Server(provider, r.PathValue("id")); i == nil {
			return errInstance()
		}
		return in.apply(st, i, sizes)
	})
	if err != nil {
		return reply{}, err
	}
	return reply{http.StatusAccepted, map[string]any{"instance": view(i)}}, nil
}

// apply changes what the request names; null and left out are the same.
func (in *updateRequest) apply(st *world.State, i *world.Server, sizes []api.Size) error {
	if in.Label != nil {
		i.Name = *in.Label
	}
	if in.Tags != nil {
		i.Tags = sorted(*in.Tags)
	}
	if in.UserData != nil {
		text, err := base64.StdEncoding.DecodeString(*in.UserData)
		if err != nil {
			return badRequest("Invalid user_data")
		}
		i.UserData = string(text)
	}
	if in.FirewallGroupID != nil {
		if *in.FirewallGroupID != "" && st.Firewall(provider, *in.FirewallGroupID) == nil {
			return badRequest("Invalid firewall group ID")
		}
		i.FirewallID = *in.FirewallGroupID
	}
	d := detailOf(i)
	if in.Backups != nil {
		d.Backups = *in.Backups == "enabled"
	}
	if in.UserScheme != nil {
		d.UserScheme = *in.UserScheme
	}
	setDetail(i, d)
	if in.Plan != nil && *in.Plan != i.Size {
		return resize(i, *in.Plan, sizes)
	}
	return nil
}

// resize changes the plan, which restarts the instance.
func resize(i *world.Server, plan string, sizes []api.Size) error {
	z := api.FindSize(sizes, plan)
	switch {
	case z == nil:
		return errPlan()
	case !z.In(i.Region):
		return errCapacity()
	}
	i.Size, i.VCPU, i.MemoryMB, i.DiskGB = z.Name, z.VCPU, z.MemoryMB, z.DiskGB
	i.PriceUSD, i.GPU = z.PriceUSD, z.GPU != nil
	if i.Powered && i.Booted {
		i.Reboot, i.Phase = true, world.Booting
	}
	return nil
}

// sorted returns the tags as Vultr lists them: sorted, each once.
func sorted(tags []string) []string {
	out := slices.Clone(list(tags))
	slices.Sort(out)
	return slices.Compact(out)
}

// A powerChange is what halt, start and reboot do to an instance.
type powerChange func(*world.Server)

func halt(i *world.Server) { i.Powered, i.Reboot = false, false }

func start(i *world.Server) {
	// What runs already is restarted.
	i.Reboot = i.Powered && i.Phase == world.Running
	i.Powered, i.Phase = true, world.Booting
}

func reboot(i *world.Server) { start(i) }

func (s *server) power(change powerChange) handler {
	return func(_ http.ResponseWriter, r *http.Request) (reply, error) {
		return s.changePower(r, change, []string{r.PathValue("id")})
	}
}

func (s *server) powerMany(change powerChange) handler {
	return func(w http.ResponseWriter, r *http.Request) (reply, error) {
		var in struct {
			IDs []string `json:"instance_ids"`
		}
		if _, err := decode(w, r, &in); err != nil {
			return reply{}, err
		}
		return s.changePower(r, change, in.IDs)
	}
}

func (s *server) changePower(r *http.Request, change powerChange, ids []string) (reply, error) {
	err := s.World.Update(func(st *world.State) error {
		for _, id := range ids {
			i := st.Server(provider, id)
			if i == nil || i.Deleting {
				return errInstancePart()
			}
			change(i)
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

// hostname makes a host name of a label.
func hostname(label string) string {
	if label == "" || strings.ContainsAny(label, " _/") {
		return "vultr.guest"
	}
	return label
}
