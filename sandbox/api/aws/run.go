package aws

import (
	"context"
	"errors"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

// maxUserData is what AWS takes, counted before base64.
const maxUserData = 16 << 10

// runRequest is a RunInstances call, checked.
type runRequest struct {
	region, zone string
	size         *api.Size
	image        image
	imageID      string
	count        int
	key          string
	groups       []string
	spot         bool
	userData     string // decoded and unpacked
	volumes      []volumeRequest
	detail       detail
}

func (s *server) runInstances(ctx context.Context, c *call) (x, error) {
	in, err := s.readRun(c)
	if err != nil {
		return nil, err
	}
	made, err := s.CreateServers(ctx,
		world.Create{Provider: provider, Region: c.region, Request: api.Fingerprint(c.Request, c.body)},
		in.checkAccount,
		func(st *world.State) ([]*world.Server, error) { return s.add(st, in) })
	var fault *api.Refused
	if errors.As(err, &fault) {
		return nil, refusal(fault, in)
	}
	if err != nil {
		return nil, err
	}
	items, st := xs{}, s.World.State()
	for _, i := range made {
		items = append(items, s.instanceView(st, i))
	}
	return x{"reservationId", detailOf(made[0]).Reservation, "ownerId", Account, "groupSet", xs{}, "instancesSet", items}, nil
}

// checkAccount compares the call with what the account has.
func (in *runRequest) checkAccount(st *world.State) error {
	if len(st.ServersOf(provider))+in.count > api.ServerLimit {
		return badRequest("InstanceLimitExceeded", "Your quota allows for %d more running instance(s). You requested at least %d", api.ServerLimit-len(st.ServersOf(provider)), in.count)
	}
	if err := in.checkQuota(st); err != nil {
		return err
	}
	if in.key != "" && findKey(st, in.region, in.key) == nil {
		return badRequest("InvalidKeyPair.NotFound", "The key pair '%s' does not exist", in.key)
	}
	for _, id := range in.groups {
		if _, err := findGroup(st, in.region, id); err != nil {
			return err
		}
	}
	return nil
}

// add makes the instances, or returns those that the same token made before.
func (s *server) add(st *world.State, in *runRequest) ([]*world.Server, error) {
	var made []*world.Server
	for _, i := range st.ServersOf(provider) {
		d := detailOf(i)
		if in.detail.Token == "" || i.Region != in.region || d.Token != in.detail.Token {
			continue
		}
		if d.Request != in.detail.Request {
			return nil, badRequest("IdempotentParameterMismatch", "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
		}
		made = append(made, i)
	}
	if len(made) > 0 {
		return made, nil
	}
	in.detail.Reservation = newID("r")
	for n := range in.count {
		i, err := s.addOne(st, in, n)
		if err != nil {
			return nil, err
		}
		made = append(made, i)
	}
	return made, nil
}

func (s *server) addOne(st *world.State, in *runRequest, n int) (*world.Server, error) {
	address, err := st.NextAddress()
	if err != nil {
		return nil, err
	}
	i := &world.Server{
		Provider: provider, ID: newID("i"), Seq: st.NextSeq(), Region: in.region, Zone: in.zone, Size: in.size.Name, Spot: in.spot,
		VCPU: in.size.VCPU, MemoryMB: in.size.MemoryMB, DiskGB: in.volumes[0].detail.SizeGB, GPU: in.size.GPU != nil,
		PriceUSD: in.size.Price(in.region).USD, Address: address, UserData: in.userData,
		CreatedAt: s.World.Now(), Powered: true, Phase: world.Booting,
	}
	if in.spot {
		i.PriceUSD = in.size.Price(in.region).SpotUSD
	}
	if k := findKey(st, in.region, in.key); k != nil {
		i.KeyIDs = []string{k.ID}
	}
	d := in.detail
	d.Index = n
	setDetail(i, d)
	st.Servers = append(st.Servers, i)
	s.addVolumes(st, i, in.volumes)
	return i, setGroups(st, i, in.region, in.groups)
}
