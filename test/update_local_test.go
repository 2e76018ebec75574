package test

import (
	"maps"
	"strings"
	"testing"

	"skysail/deploy"
	"skysail/internal/failure"
	"skysail/spec"
	"skysail/store"
)

func withArgs(svc *spec.Service, args ...string) *spec.Service {
	s := *svc
	native := *svc.Source.Native
	native.Args = append(append([]string{}, native.Args...), args...)
	s.Source.Native = &native
	return &s
}

// TestUpdateLocal replaces a service on this machine in place: by one that
// works, by one that does not start, and for other values of its secrets.
func TestUpdateLocal(t *testing.T) {
	b := newBench(t)
	secret := map[string]string{"API_KEY": "first"}
	with := func() *deploy.Deployer {
		return b.deployer(false, nil, func(o *deploy.Options) { o.Env = maps.Clone(secret) })
	}
	d := with()
	svc := hello(t)
	svc.Ports[0].Number = 18272 // 8080 is the conformance suite's
	svc.Source.Native.Args = []string{"--listen", ":18272"}
	svc.Secrets = []string{"API_KEY"}
	dep, err := d.Deploy(t.Context(), svc)
	if err != nil {
		t.Fatal(err)
	}
	good := withArgs(svc, "--heartbeat", "1s")
	res, err := d.Update(t.Context(), svc.Name, deploy.UpdateRequest{Service: good})
	if err != nil || !res.InPlace || res.Deployment.ID != dep.ID || res.Deployment.Revision != 2 {
		t.Fatalf("%+v, %v", res, err)
	}
	checkStatus(t, d, res.Deployment)

	_, err = d.Update(t.Context(), svc.Name, deploy.UpdateRequest{Service: withArgs(svc, "--no-such-flag")})
	if failure.CodeOf(err) != failure.Failed || !strings.Contains(err.Error(), "Revision 2") || !strings.Contains(err.Error(), "undone") {
		t.Errorf("one that does not start: %v", err)
	}
	st, err := d.Status(t.Context(), svc.Name)
	if err != nil || st.Revision != 2 || st.Phase != store.Running || st.Live[0].Healthy != deploy.Yes {
		t.Errorf("after one that does not start: %+v, %v", st, err)
	}

	same, err := d.Update(t.Context(), svc.Name, deploy.UpdateRequest{Service: good})
	if err != nil || same.Changed {
		t.Errorf("nothing to do: %+v, %v", same, err)
	}
	secret["API_KEY"] = "second"
	d = with()
	res, err = d.Update(t.Context(), svc.Name, deploy.UpdateRequest{Service: good})
	if err != nil || !res.Changed || len(res.Changes) != 0 || res.Deployment.Revision != 4 {
		t.Errorf("another value of a secret: %+v, %v", res, err)
	}
	checkStatus(t, d, res.Deployment)
	if _, err := d.Destroy(t.Context(), svc.Name); err != nil {
		t.Fatal(err)
	}
	if up(dep.Instances[0].HealthURL) {
		t.Error("it still answers")
	}
}
