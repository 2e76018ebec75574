package test

import (
	"testing"

	"skysail/deploy"
	"skysail/policies"
	"skysail/store"
)

// TestRecoverUpdate kills the supervisor of an update at the points that
// decide: afterwards the name has one deployment, which runs, and nothing else
// exists.
func TestRecoverUpdate(t *testing.T) {
	for name, c := range map[string]struct {
		at       string
		replace  bool
		did      deploy.Recovered
		revision int
	}{
		"in place, nothing begun":     {at: "phase:updating", did: deploy.RecoveredUndone, revision: 1},
		"in place, applied":           {at: "step:update:acted", did: deploy.RecoveredResumed, revision: 2},
		"the next one is half made":   {at: "step:apply:acted", replace: true, did: deploy.RecoveredUndone, revision: 1},
		"the next one is healthy":     {at: "step:switch:begun", replace: true, did: deploy.RecoveredUndone, revision: 1},
		"the next one has taken over": {at: "step:switch:ended", replace: true, did: deploy.RecoveredDestroyed, revision: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			d := b.deployer(true, only(policies.Vultr))
			svc := hello(t)
			if _, err := d.Deploy(t.Context(), svc); err != nil {
				t.Fatal(err)
			}
			to := withPort(svc, 9999)
			if c.replace {
				to = withEnv(svc, "hello")
			}
			b.dieAt(c.at)
			_, err := d.Update(t.Context(), svc.Name, deploy.UpdateRequest{Service: to})
			b.died(err)
			r, err := d.Recover(t.Context(), svc.Name)
			if err != nil {
				t.Fatal(err)
			}
			if r.Did != c.did {
				t.Errorf("it did %+v", r)
			}
			list, err := d.List(t.Context(), false)
			if err != nil || len(list) != 1 || list[0].Phase != store.Running || list[0].Revision != c.revision || list[0].Role != store.RoleCurrent {
				t.Errorf("recorded: %+v, %v", list, err)
			}
			if n := len(b.machines()); n != 1 {
				t.Errorf("%d machines", n)
			}
			checkNoDrift(t, d, list[0])
			b.serves(d, svc.Name)
			b.nothingLeft()
		})
	}
}
