package aws

import (
	"context"
	"slices"

	"skysail/sandbox/world"
)

// A spot instance has a request, which is made and ends with it.

func spotView(i *world.Server, m *market, state string) x {
	code := map[string]string{"active": "fulfilled", "cancelled": "request-canceled-and-instance-running", "closed": "instance-terminated-by-user"}[state]
	return x{
		"spotInstanceRequestId", m.Request, "instanceId", i.ID, "state", state, "status",
		x{"code", code},
		"type", m.Type,
		"instanceInterruptionBehavior", m.Interruption, "spotPrice", m.MaxPrice, "launchedAvailabilityZone", i.Zone,
		"productDescription", "Linux/UNIX", "createTime", date(i.CreatedAt), "tagSet",
		xs{},
	}
}

func errSpotRequest(id string) error {
	return badRequest("InvalidSpotInstanceRequestID.NotFound", "The spot instance request ID '%s' does not exist", id)
}

func (s *server) describeSpotRequests(_ context.Context, c *call) (x, error) {
	ids, f, out, found := c.params.list("SpotInstanceRequestId"), c.params.filters(), xs{}, map[string]bool{}
	st := s.World.State()
	all := st.ServersOf(provider)
	for _, g := range s.graves.list(st, c.region, s.World.Now()) {
		all = append(all, g.server)
	}
	for _, i := range all {
		m := detailOf(i).Market
		if m == nil || i.Region != c.region {
			continue
		}
		state := "active"
		switch {
		case st.Server(provider, i.ID) == nil || i.Deleting:
			state = "closed"
		case m.Cancelled:
			state = "cancelled"
		}
		found[m.Request] = true
		keep, err := f.match(withTags(map[string][]string{
			"spot-instance-request-id": {m.Request}, "instance-id": {i.ID}, "state": {state}, "type": {m.Type},
		}, nil))
		if err != nil {
			return nil, err
		}
		if keep && (len(ids) == 0 || slices.Contains(ids, m.Request)) {
			out = append(out, spotView(i, m, state))
		}
	}
	for _, id := range ids {
		if !found[id] {
			return nil, errSpotRequest(id)
		}
	}
	return x{"spotInstanceRequestSet", out}, nil
}

// cancelSpotRequests leaves the instances running, as in AWS.
func (s *server) cancelSpotRequests(_ context.Context, c *call) (x, error) {
	out := xs{}
	err := s.World.Update(func(st *world.State) error {
		for _, id := range c.params.list("SpotInstanceRequestId") {
			all := st.ServersOf(provider)
			n := slices.IndexFunc(all, func(i *world.Server) bool {
				m := detailOf(i).Market
				return i.Region == c.region && m != nil && m.Request == id
			})
			if n < 0 {
				return errSpotRequest(id)
			}
			d := detailOf(all[n])
			d.Market.Cancelled = true
			setDetail(all[n], d)
			out = append(out, x{"spotInstanceRequestId", id, "state", "cancelled"})
		}
		return nil
	})
	return x{"spotInstanceRequestSet", out}, err
}
