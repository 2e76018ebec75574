package digitalocean

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

// maxUserData is DigitalOcean's limit.
const maxUserData = 64 << 10

type createRequest struct {
	Name             string          `json:"name"`
	Names            []string        `json:"names"`
	Region           string          `json:"region"`
	Size             string          `json:"size"`
	Image            json.RawMessage `json:"image"`
	SSHKeys          []any           `json:"ssh_keys"`
	Backups          bool            `json:"backups"`
	IPv6             bool            `json:"ipv6"`
	Monitoring       bool            `json:"monitoring"`
	UserData         string          `json:"user_data"`
	Volumes          []any           `json:"volumes"`
	Tags             []string        `json:"tags"`
	VPCUUID          string          `json:"vpc_uuid"`
	WithDropletAgent *bool           `json:"with_droplet_agent"`
	PublicNetworking *bool           `json:"public_networking"`
}

// plan is a create request that was found good.
type plan struct {
	createRequest
	names  []string
	size   *api.Size
	image  image
	region string
}

func (s *server) createDroplets(w http.ResponseWriter, r *http.Request) (reply, error) {
	var in createRequest
	raw, err := decode(w, r, &in)
	if err != nil {
		return reply{}, err
	}
	sizes, err := s.Sizes()
	if err != nil {
		return reply{}, err
	}
	p, err := in.plan(sizes)
	if err != nil {
		return reply{}, err
	}
	var actions []*world.Action
	made, err := s.CreateServers(r.Context(),
		world.Create{Provider: provider, Region: p.region, Request: api.Fingerprint(r, raw)},
		func(st *world.State) error {
			if len(st.ServersOf(provider))+len(p.names) > api.ServerLimit {
				return errQuota()
			}
			_, err := p.keys(st)
			return err
		},
		func(st *world.State) ([]*world.Server, error) {
			var out []*world.Server
			for _, name := range p.names {
				d, err := s.add(st, p, name)
				if err != nil {
					return nil, err
				}
				out = append(out, d)
				actions = append(actions, st.StartAction(d, "create", s.World.Now()))
			}
			return out, nil
		})
	if err != nil {
		return reply{}, err
	}
	links := []map[string]any{}
	for _, a := range actions {
		links = append(links, map[string]any{"id": numeric(a.ID), "rel": "create", "href": baseURL(r) + "/v2/actions/" + a.ID})
	}
	body := map[string]any{"links": map[string]any{"actions": links}}
	if len(in.Names) > 0 {
		all := []map[string]any{}
		for _, d := range made {
			all = append(all, view(d, sizes))
		}
		body["droplets"] = all
	} else {
		body["droplet"] = view(made[0], sizes)
	}
	return reply{http.StatusAccepted, body}, nil
}

// plan checks a request against what there is to choose from.
func (in createRequest) plan(sizes []api.Size) (plan, error) {
	p := plan{createRequest: in, names: in.Names, region: strings.ToLower(in.Region)}
	if len(p.names) == 0 {
		p.names = []string{in.Name}
	}
	for _, n := range p.names {
		if !hostname().MatchString(n) {
			return plan{}, unprocessable("Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)")
		}
	}
	if p.size = api.FindSize(sizes, in.Size); p.size == nil {
		return plan{}, unprocessable("You specified an invalid size for Droplet creation.")
	}
	var ok bool
	if p.image, ok = findImage(strings.Trim(string(in.Image), `"`)); !ok {
		return plan{}, unprocessable("You specified an invalid image for Droplet creation.")
	}
	if p.region == "" && len(p.size.Regions) > 0 {
		p.region = p.size.Regions[0] // the cloud chooses
	}
	if !known(p.region, sizes) {
		return plan{}, unprocessable("You specified an invalid region for Droplet creation.")
	}
	if !p.size.In(p.region) {
		return plan{}, errCapacity()
	}
	if len(in.UserData) > maxUserData {
		return plan{}, unprocessable("User data is too large. It is limited to 64 KiB.")
	}
	if err := checkTags(in.Tags); err != nil {
		return plan{}, err
	}
	return p, in.unsimulated()
}

// unsimulated refuses what the request asks for and a simulated machine does
// not have, rather than leaving it out.
func (in createRequest) unsimulated() error {
	switch {
	case len(in.Volumes) > 0:
		return unprocessable("the skysail sandbox attaches volumes to droplets that are there only")
	case in.IPv6:
		return unprocessable("the skysail sandbox has no IPv6 addresses")
	case in.VPCUUID != "":
		return unprocessable("the skysail sandbox has no VPC networks")
	case in.PublicNetworking != nil && !*in.PublicNetworking:
		return unprocessable("the skysail sandbox has no droplets without public networking")
	}
	return nil
}

func known(region string, sizes []api.Size) bool {
	for _, r := range api.Regions(sizes) {
		if r == region {
			return true
		}
	}
	return false
}

// keys finds the IDs of the SSH keys that the request names.
func (p *plan) keys(st *world.State) ([]string, error) {
	var ids, bad []string
	for _, ref := range p.SSHKeys {
		var want string
		switch v := ref.(type) {
		case string:
			want = v
		case float64:
			want = strconv.FormatInt(int64(v), 10)
		}
		if k := findKey(st, want); k != nil {
			ids = append(ids, k.ID)
		} else {
			bad = append(bad, want)
		}
	}
	if len(bad) > 0 {
		return nil, unprocessable("%s are invalid key identifiers for Droplet creation.", strings.Join(bad, ", "))
	}
	return ids, nil
}

func (s *server) add(st *world.State, p plan, name string) (*world.Server, error) {
	keys, err := p.keys(st)
	if err != nil {
		return nil, err
	}
	address, err := st.NextAddress()
	if err != nil {
		return nil, err
	}
	tags := []string{}
	for _, t := range p.Tags {
		tags = append(tags, st.EnsureTag(provider, t).Name)
	}
	id, seq := st.NextNumericID()
	d := &world.Server{
		Provider: provider, ID: id, Seq: seq, Name: name, Region: p.region, Size: p.size.Name,
		VCPU: p.size.VCPU, MemoryMB: p.size.MemoryMB, DiskGB: p.size.DiskGB, GPU: p.size.GPU != nil,
		PriceUSD: p.size.PriceUSD, Tags: tags, Address: address, UserData: p.UserData, KeyIDs: keys,
		CreatedAt: s.World.Now(), Powered: true, Phase: world.Booting,
	}
	var features []string
	for _, f := range []struct {
		on   bool
		name string
	}{
		{p.Backups, "backups"},
		{p.Monitoring, "monitoring"},
		{p.WithDropletAgent == nil || *p.WithDropletAgent, "droplet_agent"},
	} {
		if f.on {
			features = append(features, f.name)
		}
	}
	setDetail(d, detail{Image: p.image.slug, Features: features})
	st.Servers = append(st.Servers, d)
	return d, nil
}
