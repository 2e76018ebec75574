package aws

import (
	"context"

	"skysail/sandbox/world"
)

// changeInstances changes the instances that a call names and answers each
// one's state before and after, as the calls that end, stop and start do.
// change returns the state that the instance is on the way to.
func (s *server) changeInstances(c *call, change func(*world.State, *world.Server) (string, error)) (x, error) {
	ids := c.params.list("InstanceId")
	if len(ids) == 0 {
		return nil, missing("InstanceIds")
	}
	out := xs{}
	err := s.World.Update(func(st *world.State) error {
		buried := map[string]bool{}
		for _, g := range s.graves.list(st, c.region, s.World.Now()) {
			buried[g.server.ID] = true
		}
		for _, id := range ids {
			if buried[id] {
				out = append(out, x{"instanceId", id, "currentState", stateView("terminated"), "previousState", stateView("terminated")})
				continue
			}
			i, err := findInstance(st, c.region, id)
			if err != nil {
				return err
			}
			before := stateOf(i)
			after, err := change(st, i)
			if err != nil {
				return err
			}
			out = append(out, x{"instanceId", id, "currentState", stateView(after), "previousState", stateView(before)})
		}
		return nil
	})
	return x{"instancesSet", out}, err
}

// terminateInstances answers at once, as AWS does; the machines end after.
func (s *server) terminateInstances(_ context.Context, c *call) (x, error) {
	return s.changeInstances(c, func(_ *world.State, i *world.Server) (string, error) {
		if detailOf(i).NoTerminate {
			return "", badRequest("OperationNotPermitted", "The instance '%s' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.", i.ID)
		}
		i.Deleting = true
		s.graves.bury(i, "Client.UserInitiatedShutdown", s.World.Now())
		return "shutting-down", nil
	})
}

func (s *server) stopInstances(_ context.Context, c *call) (x, error) {
	return s.changeInstances(c, func(_ *world.State, i *world.Server) (string, error) {
		d := detailOf(i)
		switch {
		case i.Deleting:
			return "", errState(i, "running")
		case d.NoStop:
			return "", badRequest("OperationNotPermitted", "The instance '%s' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.", i.ID)
		case d.Market != nil && d.Market.Type == "one-time":
			return "", badRequest("UnsupportedOperation", "You can't stop the Spot Instance '%s' because it is associated with a one-time Spot Instance request. You can only stop Spot Instances associated with persistent Spot Instance requests.", i.ID)
		}
		d.Stopped = true
		setDetail(i, d)
		i.Powered, i.Reboot = false, false
		return stateOf(i), nil
	})
}

func (s *server) startInstances(_ context.Context, c *call) (x, error) {
	return s.changeInstances(c, func(_ *world.State, i *world.Server) (string, error) {
		if i.Powered && i.Phase != world.Failed {
			return stateOf(i), nil
		}
		if i.Deleting || (i.Phase != world.Off && i.Phase != world.Failed) {
			return "", errState(i, "stopped")
		}
		d := detailOf(i)
		d.Stopped = false
		setDetail(i, d)
		i.Powered, i.Phase = true, world.Booting
		return "pending", nil
	})
}

func (s *server) rebootInstances(_ context.Context, c *call) (x, error) {
	_, err := s.changeInstances(c, func(_ *world.State, i *world.Server) (string, error) {
		if stateOf(i) != "running" {
			return "", errState(i, "running")
		}
		i.Reboot, i.Phase = true, world.Booting
		return stateOf(i), nil
	})
	return x{"return", true}, err
}
