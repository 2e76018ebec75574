package test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"skysail/deploy"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/sandbox"
	"skysail/spec"
	"skysail/store"
)

// withPort is a service with one more public port, withEnv one with another
// environment.
func withPort(svc *spec.Service, number int) *spec.Service {
	s := *svc
	s.Ports = append(slices.Clone(s.Ports), spec.Port{Name: "extra", Number: number, Public: true})
	return &s
}

func withEnv(svc *spec.Service, value string) *spec.Service {
	s := *svc
	s.Env = map[string]string{"GREETING": value}
	return &s
}

// machines are the simulated instances that exist.
func (b *bench) machines() (ids []string) {
	for _, r := range b.resources() {
		if r.Address != "" {
			ids = append(ids, r.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// fieldsIn are the paths of field changes.
func fieldsIn(changes []deploy.FieldChange) (out []string) {
	for _, c := range changes {
		out = append(out, c.Field)
	}
	return out
}

// TestUpdateInPlace opens a port in the firewall: the instances stay, and so
// do their host keys.
func TestUpdateInPlace(t *testing.T) {
	for _, provider := range []string{policies.AWS, policies.DigitalOcean, policies.GCP, policies.Vultr} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			var asked []deploy.Preview
			d := b.deployer(true, only(provider), func(o *deploy.Options) {
				o.Approve = func(_ context.Context, p deploy.Preview) (bool, error) {
					asked = append(asked, p)
					return true, nil
				}
			})
			svc := hello(t)
			dep, err := d.Deploy(t.Context(), svc)
			if err != nil {
				t.Fatal(err)
			}
			checkNoDrift(t, d, dep)
			before := b.machines()
			res, err := d.Update(t.Context(), svc.Name, deploy.UpdateRequest{Service: withPort(svc, 9999)})
			if err != nil {
				t.Fatal(err)
			}
			got := res.Deployment
			if !res.Changed || !res.InPlace || got.ID != dep.ID || got.Revision != 2 || got.Phase != store.Running {
				t.Errorf("result %+v", res)
			}
			if !slices.Equal(before, b.machines()) {
				t.Errorf("machines %v became %v", before, b.machines())
			}
			if got.Instances[0].HostKey != dep.Instances[0].HostKey || got.Instances[0].NextHostKey != "" {
				t.Errorf("host key %q became %q", dep.Instances[0].HostKey, got.Instances[0].HostKey)
			}
			if p := asked[len(asked)-1]; p.Update == nil || !p.Update.InPlace || p.Update.From != 1 || len(p.Changes) == 0 {
				t.Errorf("asked about %+v", p)
			}
			again, err := d.Update(t.Context(), svc.Name, deploy.UpdateRequest{Service: withPort(svc, 9999)})
			if err != nil || again.Changed || again.Deployment.Revision != 2 {
				t.Errorf("the same again: %+v, %v", again, err)
			}
			checkNoDrift(t, d, got)
			checkStatus(t, d, got)
			if _, err := d.Destroy(t.Context(), svc.Name); err != nil {
				t.Fatal(err)
			}
			if left := b.resources(); len(left) != 0 {
				t.Errorf("left behind: %+v", left)
			}
		})
	}
}

func checkNoDrift(t *testing.T, d *deploy.Deployer, dep deploy.Deployment) {
	t.Helper()
	drift, err := d.Drift(t.Context(), dep.Name)
	if err != nil || drift.Drifted {
		t.Errorf("drift of what nobody touched: %+v, %v", drift, err)
	}
}

// TestUpdateReplaces changes what only a new instance can have: the old one
// answers until the new one is healthy, and afterwards only that is there.
func TestUpdateReplaces(t *testing.T) {
	b := newBench(t)
	var old deploy.Deployment
	var both atomic.Bool
	d := b.deployer(true, only(policies.DigitalOcean, policies.Vultr), func(o *deploy.Options) {
		o.Progress = func(ev deploy.Event) {
			t.Logf("%s %s: %s", ev.Kind, ev.Provider, ev.Text)
			if ev.Kind != deploy.EventReady || old.ID == "" {
				return
			}
			both.Store(true)
			if n := len(b.machines()); n != 2 {
				t.Errorf("%d machines when the new one is ready", n)
			}
			b.wantAnswer(old.Instances[0], "8080")
		}
	})
	svc := hello(t)
	first, err := d.Deploy(t.Context(), svc)
	if err != nil {
		t.Fatal(err)
	}
	old = first
	res, err := d.Update(t.Context(), svc.Name, deploy.UpdateRequest{Service: withEnv(svc, "hello")})
	if err != nil {
		t.Fatal(err)
	}
	got := res.Deployment
	if !both.Load() || !res.Changed || res.InPlace || got.ID == old.ID || got.Revision != 2 || got.Role != store.RoleCurrent {
		t.Errorf("result %+v", res)
	}
	if len(res.Proofs) != 1 || len(res.Proofs[0].Left) != 0 || len(res.Proofs[0].Destroyed) == 0 {
		t.Errorf("proofs of the old one: %+v", res.Proofs)
	}
	for _, r := range b.resources() {
		if strings.Contains(r.Name, old.ID) || slices.Contains(r.Tags, "skysail-deployment:"+old.ID) {
			t.Errorf("left of the old one: %+v", r)
		}
	}
	checkStatus(t, d, got)
	old = got
	b.rollBack(d, svc, got)
}

// rollBack goes back to the first revision and reads the history of it all.
func (b *bench) rollBack(d *deploy.Deployer, svc *spec.Service, from deploy.Deployment) {
	b.t.Helper()
	t := b.t
	ctx := context.WithoutCancel(t.Context())
	if _, err := d.Rollback(ctx, svc.Name, 7); failure.CodeOf(err) != failure.Input {
		t.Errorf("rollback to a revision that is not there: %v", err)
	}
	res, err := d.Rollback(ctx, svc.Name, 0)
	if err != nil {
		t.Fatal(err)
	}
	if res.Deployment.Revision != 3 || res.Deployment.ID == from.ID || len(b.machines()) != 1 {
		t.Errorf("rolled back: %+v", res.Deployment)
	}
	h, err := d.History(ctx, svc.Name)
	if err != nil || len(h) != 3 {
		t.Fatalf("history: %+v, %v", h, err)
	}
	for i, want := range []struct {
		by     store.MadeBy
		phase  store.Phase
		fields []string
	}{
		{store.ByDeploy, store.Destroyed, nil},
		{store.ByUpdate, store.Destroyed, []string{"service.env.GREETING"}},
		{store.ByRollback, store.Running, []string{"service.env.GREETING"}},
	} {
		r := h[i]
		if r.N != i+1 || r.By != want.by || r.Phase != want.phase || r.Outcome != store.OutcomeDone || r.PriceUSD <= 0 ||
			!slices.Equal(fieldsIn(r.Changes), want.fields) || r.Current != (i == 2) {
			t.Errorf("revision %+v", r)
		}
	}
	if _, err := d.Destroy(ctx, svc.Name); err != nil {
		t.Fatal(err)
	}
	if left := b.resources(); len(left) != 0 {
		t.Errorf("left behind: %+v", left)
	}
}

// wantAnswer wants the service of an instance to answer its health check.
func (b *bench) wantAnswer(i store.Instance, port string) {
	b.t.Helper()
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DialContext: b.sandbox().Dial, DisableKeepAlives: true}}
	resp, err := client.Get("http://" + i.Address + ":" + port + "/healthz")
	if err != nil {
		b.t.Errorf("%s does not answer: %v", i.Name, err)
		return
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b.t.Errorf("%s answers %s", i.Name, resp.Status)
	}
}

// TestUpdateThatFails leaves what runs untouched, and nothing beside it.
func TestUpdateThatFails(t *testing.T) {
	b := newBench(t)
	d := b.deployer(true, only(policies.DigitalOcean, policies.Vultr), func(o *deploy.Options) { o.ReadyTimeout = 8 * time.Second })
	svc := hello(t)
	dep, err := d.Deploy(t.Context(), svc)
	if err != nil {
		t.Fatal(err)
	}
	before := b.resources()
	unchanged := func(what string, err error, code failure.Code) {
		t.Helper()
		if failure.CodeOf(err) != code || !strings.Contains(err.Error(), "Revision 1") {
			t.Errorf("%s: %s: %v", what, failure.CodeOf(err), err)
		}
		st, serr := d.Status(t.Context(), svc.Name)
		if serr != nil || st.ID != dep.ID || st.Phase != store.Running || len(st.Beside) != 0 || st.Live[0].Healthy != deploy.Yes {
			t.Errorf("%s: status %+v, %v", what, st, serr)
		}
		if after := b.resources(); !sameResources(before, after) {
			t.Errorf("%s: there was %+v, there is %+v", what, before, after)
		}
	}
	for _, p := range []string{policies.DigitalOcean, policies.Vultr} {
		if err := b.sandbox().Fault(t.Context(), sandbox.Fault{Provider: p, Kind: "capacity"}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = d.Update(t.Context(), svc.Name, deploy.UpdateRequest{Service: withEnv(svc, "no room")})
	unchanged("no room", err, failure.Exhausted)
	if err := b.sandbox().ClearFaults(t.Context(), ""); err != nil {
		t.Fatal(err)
	}

	ill := *svc
	native := *svc.Source.Native
	native.Args = []string{"--listen", ":8099"}
	ill.Source.Native = &native
	_, err = d.Update(t.Context(), svc.Name, deploy.UpdateRequest{Service: &ill})
	unchanged("never healthy", err, failure.Exhausted)

	// In place: the health check of a port on which nothing listens.
	sick := withPort(svc, 9999)
	sick.Health = &spec.Health{HTTP: &spec.HTTPHealth{Port: "extra", Path: "/"}}
	_, err = d.Update(t.Context(), svc.Name, deploy.UpdateRequest{Service: sick})
	unchanged("undone in place", err, failure.Failed)

	h, err := d.History(t.Context(), svc.Name)
	if err != nil || len(h) != 4 {
		t.Fatalf("history: %+v, %v", h, err)
	}
	for _, r := range h[1:] {
		if r.Outcome != store.OutcomeFailed || r.Note == "" || r.Current {
			t.Errorf("%+v", r)
		}
	}
	if !h[0].Current {
		t.Errorf("%+v", h[0])
	}
	if _, err := d.Destroy(t.Context(), svc.Name); err != nil {
		t.Fatal(err)
	}
	if left := b.resources(); len(left) != 0 {
		t.Errorf("left behind: %+v", left)
	}
}

func sameResources(a, b []sandbox.Resource) bool {
	ids := func(rs []sandbox.Resource) (out []string) {
		for _, r := range rs {
			out = append(out, r.Kind+" "+r.ID)
		}
		slices.Sort(out)
		return out
	}
	return slices.Equal(ids(a), ids(b))
}

// TestDrift deletes a firewall behind the deployment's back, and makes
// something with its tag.
func TestDrift(t *testing.T) {
	b := newBench(t)
	d := b.deployer(true, only(policies.DigitalOcean))
	svc := hello(t)
	dep, err := d.Deploy(t.Context(), svc)
	if err != nil {
		t.Fatal(err)
	}
	checkNoDrift(t, d, dep)
	env := b.sandbox().Env()
	for _, r := range b.resources() {
		if r.Kind == "firewall" {
			call(t, env, http.MethodDelete, "/v2/firewalls/"+r.ID, "")
		}
	}
	call(t, env, http.MethodPost, "/v2/volumes", `{"name":"skysail-`+dep.ID+`-stray","region":"nyc1","size_gigabytes":1,"tags":["skysail-deployment:`+dep.ID+`"]}`)
	drift, err := d.Drift(t.Context(), svc.Name)
	if err != nil {
		t.Fatal(err)
	}
	if !drift.Drifted || len(drift.Changed) == 0 || len(drift.Strange) != 1 {
		t.Fatalf("%+v", drift)
	}
	if !slices.ContainsFunc(drift.Changed, func(i deploy.DriftItem) bool { return i.Type == "digitalocean_firewall" && i.Action == "delete" }) {
		t.Errorf("%+v", drift.Changed)
	}
	// The next update mends it, in place.
	res, err := d.Update(t.Context(), svc.Name, deploy.UpdateRequest{Service: svc})
	if err != nil || !res.InPlace {
		t.Errorf("%+v, %v", res, err)
	}
	if _, err := d.Destroy(t.Context(), svc.Name); err != nil {
		t.Fatal(err)
	}
	if left := b.resources(); len(left) != 0 {
		t.Errorf("left behind: %+v", left)
	}
}

// call asks the simulated DigitalOcean.
func call(t *testing.T, env map[string]string, method, path, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, env["DIGITALOCEAN_API_URL"]+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+env["DIGITALOCEAN_TOKEN"])
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %s", method, path, resp.Status)
	}
}
