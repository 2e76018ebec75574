package vultr

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"slices"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

// unsimulated are the wishes of a request for which a simulated machine has
// nothing.
type unsimulated struct {
	EnableIPv6        *bool    `json:"enable_ipv6"`
	DisablePublicIPv4 *bool    `json:"disable_public_ipv4"`
	EnableVPC         *bool    `json:"enable_vpc"`
	VPCOnly           *bool    `json:"vpc_only"`
	DDOSProtection    *bool    `json:"ddos_protection"`
	AttachVPC         []string `json:"attach_vpc"`
	AttachVPC2        []string `json:"attach_vpc2"`
	ISOID             string   `json:"iso_id"`
	AppID             int      `json:"app_id"`
	ImageID           string   `json:"image_id"`
	SnapshotID        string   `json:"snapshot_id"`
	ScriptID          string   `json:"script_id"`
	IPXEChainURL      string   `json:"ipxe_chain_url"`
	ReservedIPv4      string   `json:"reserved_ipv4"`
	BlockDevices      []any    `json:"block_devices"`
}

// refuse says which wish the sandbox cannot fulfil, rather than leaving it
// out.
func (u unsimulated) refuse() error {
	on := func(b *bool) bool { return b != nil && *b }
	for _, w := range []struct {
		wanted bool
		what   string
	}{
		{on(u.EnableIPv6), "IPv6 addresses"},
		{on(u.DisablePublicIPv4), "instances without a public IPv4 address"},
		{on(u.EnableVPC) || on(u.VPCOnly) || len(u.AttachVPC)+len(u.AttachVPC2) > 0, "VPC networks"},
		{on(u.DDOSProtection), "DDoS protection"},
		{u.ISOID != "", "ISO images"},
		{u.AppID != 0 || u.ImageID != "", "applications"},
		{u.SnapshotID != "", "snapshots"},
		{u.ScriptID != "" || u.IPXEChainURL != "", "startup scripts"},
		{u.ReservedIPv4 != "", "reserved IP addresses"},
		{len(u.BlockDevices) > 0, "block storage"},
	} {
		if w.wanted {
			return badRequest("the skysail sandbox has no %s", w.what)
		}
	}
	return nil
}

type createRequest struct {
	Region          string   `json:"region"`
	Plan            string   `json:"plan"`
	OSID            int      `json:"os_id"`
	Label           string   `json:"label"`
	Hostname        string   `json:"hostname"`
	Tags            []string `json:"tags"`
	UserData        string   `json:"user_data"`
	SSHKeys         []string `json:"sshkey_id"`
	FirewallGroupID string   `json:"firewall_group_id"`
	Backups         string   `json:"backups"`
	UserScheme      string   `json:"user_scheme"`
	unsimulated

	size     *api.Size
	userData string // decoded
}

func errPlan() error { return badRequest("Invalid plan chosen.") }

func (s *server) createInstance(w http.ResponseWriter, r *http.Request) (reply, error) {
	var in createRequest
	raw, err := decode(w, r, &in)
	if err != nil {
		return reply{}, err
	}
	sizes, err := s.Sizes()
	if err != nil {
		return reply{}, err
	}
	if err := in.check(sizes); err != nil {
		return reply{}, err
	}
	made, err := s.CreateServers(r.Context(),
		world.Create{Provider: provider, Region: in.Region, Request: api.Fingerprint(r, raw)},
		in.checkAccount,
		func(st *world.State) ([]*world.Server, error) {
			i, err := s.add(st, &in)
			return []*world.Server{i}, err
		})
	if err != nil {
		return reply{}, err
	}
	v := view(made[0])
	v["default_password"] = password() // told once, never again
	return reply{http.StatusAccepted, map[string]any{"instance": v}}, nil
}

// check compares the request with what there is to choose from.
func (in *createRequest) check(sizes []api.Size) error {
	if in.Region == "" || in.Plan == "" {
		return badRequest("Bad request.")
	}
	if !slices.Contains(api.Regions(sizes), in.Region) {
		return errRegion()
	}
	if in.size = api.FindSize(sizes, in.Plan); in.size == nil {
		return errPlan()
	}
	if err := in.refuse(); err != nil {
		return err
	}
	if !in.size.In(in.Region) {
		return errCapacity()
	}
	if _, ok := findSystem(in.OSID); !ok {
		return badRequest("Invalid os_id")
	}
	text, err := base64.StdEncoding.DecodeString(in.UserData)
	if err != nil {
		return badRequest("Invalid user_data")
	}
	in.userData = string(text)
	return nil
}

// checkAccount compares the request with what the account has.
func (in *createRequest) checkAccount(st *world.State) error {
	if len(st.ServersOf(provider)) >= api.ServerLimit {
		return badRequest("Server add failed: You have reached the maximum number of active instances for this account.")
	}
	for _, id := range in.SSHKeys {
		if st.AccountKey(provider, id) == nil {
			return badRequest("Invalid ssh key ID")
		}
	}
	if in.FirewallGroupID != "" && st.Firewall(provider, in.FirewallGroupID) == nil {
		return badRequest("Invalid firewall group ID")
	}
	return nil
}

func (s *server) add(st *world.State, in *createRequest) (*world.Server, error) {
	address, err := st.NextAddress()
	if err != nil {
		return nil, err
	}
	i := &world.Server{
		Provider: provider, ID: world.NewUUID(), Seq: st.NextSeq(), Name: in.Label, Region: in.Region,
		Size: in.size.Name, VCPU: in.size.VCPU, MemoryMB: in.size.MemoryMB, DiskGB: in.size.DiskGB,
		GPU: in.size.GPU != nil, PriceUSD: in.size.PriceUSD, Tags: sorted(in.Tags), Address: address,
		UserData: in.userData, KeyIDs: in.SSHKeys, FirewallID: in.FirewallGroupID,
		CreatedAt: s.World.Now(), Powered: true, Phase: world.Booting,
	}
	d := detail{OSID: in.OSID, Hostname: in.Hostname, UserScheme: in.UserScheme, Backups: in.Backups == "enabled"}
	if d.Hostname == "" {
		d.Hostname = hostname(in.Label)
	}
	if d.UserScheme == "" {
		d.UserScheme = "root"
	}
	setDetail(i, d)
	st.Servers = append(st.Servers, i)
	return i, nil
}

// password makes an initial root password. No simulated machine takes it:
// they take keys only.
func password() string {
	return rand.Text()[:16]
}
