package test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"skysail/deploy"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/sandbox"
	"skysail/spec"
	"skysail/store"
	"skysail/test/postgres"
	"skysail/test/statehttp"
)

// stateStore is a backend on a server that runs: its policy block, what gives
// access to it, and what is in it.
type stateStore struct {
	backend *policies.Backend
	env     map[string]string
	// states are by name, canary is a credential.
	states func() map[string]string
	canary string
	http   *statehttp.Server
}

func stateStores(t *testing.T) map[string]stateStore {
	t.Helper()
	pg, web := postgres.Start(t), statehttp.Start(t)
	return map[string]stateStore{
		"pg": {
			backend: &policies.Backend{Type: "pg", Config: map[string]any{"conn_str": pg.ConnStr}},
			env:     map[string]string{"PGPASSWORD": pg.Password},
			canary:  pg.Password,
			states: func() map[string]string {
				out := map[string]string{}
				for _, schema := range strings.Fields(pg.Query(t, "select schema_name from information_schema.schemata where schema_name like 'skysail%'")) {
					out[schema] = pg.Query(t, "select data from "+schema+".states")
				}
				return out
			},
		},
		"http": {
			backend: &policies.Backend{Type: "http", Config: map[string]any{"address": web.URL + "/states"}},
			env:     map[string]string{"TF_HTTP_USERNAME": statehttp.User, "TF_HTTP_PASSWORD": statehttp.Password},
			canary:  statehttp.Password,
			states:  web.States,
			http:    web,
		},
	}
}

// machine is a home that keeps its states in a store.
func machine(t *testing.T, s stateStore) (*bench, *deploy.Deployer) {
	t.Helper()
	b := newBench(t)
	policy := only(policies.Vultr, policies.DigitalOcean)
	policy.Backend = s.backend
	env := map[string]string{"PATH": os.Getenv("PATH"), "HOME": os.Getenv("HOME")}
	for k, v := range s.env {
		env[k] = v
	}
	return b, b.deployer(true, policy, func(o *deploy.Options) { o.Env = env })
}

// onPort is the example service on a port of its own.
func onPort(t *testing.T, port int) *spec.Service {
	t.Helper()
	svc := hello(t)
	svc.Ports[0].Number = port
	svc.Source.Native.Args = []string{"--listen", ":" + strconv.Itoa(port)}
	return svc
}

// TestRemoteState takes a service through its life with the state in real
// stores: a failed attempt, another cloud, destroy. Nothing is left, and the
// store's password is in no file.
func TestRemoteState(t *testing.T) {
	port := 18260
	for name, s := range stateStores(t) {
		port++
		t.Run(name, func(t *testing.T) {
			b, d := machine(t, s)
			if err := b.sandbox().Fault(t.Context(), sandbox.Fault{Provider: policies.Vultr, Kind: "capacity"}); err != nil {
				t.Fatal(err)
			}
			dep, err := d.Deploy(t.Context(), onPort(t, port))
			if err != nil {
				t.Fatal(err)
			}
			if dep.Provider != policies.DigitalOcean {
				t.Errorf("it runs on %s", dep.Provider)
			}
			in := s.states()
			if len(in) < 3 {
				t.Errorf("states: %v", keysOf(in))
			}
			for name, state := range in {
				if holds := strings.Contains(state, `"mode":"managed"`) || strings.Contains(state, `"mode": "managed"`); holds != (strings.Contains(name, "owner") || strings.HasSuffix(name, "a2")) {
					t.Errorf("state %s holds resources: %v", name, holds)
				}
			}
			private(t, b.home, s.canary)
			view, err := d.Status(t.Context(), dep.Name)
			if err != nil || view.Phase != store.Running {
				t.Errorf("status: %+v, %v", view, err)
			}
			if _, err := d.Destroy(t.Context(), dep.Name); err != nil {
				t.Fatal(err)
			}
			empty(t, s, b)
			private(t, b.home, s.canary)
		})
	}
}

// TestTwoMachines lets two homes deploy one name at once: exactly one runs it,
// the other is told who.
func TestTwoMachines(t *testing.T) {
	port := 18262
	for name, s := range stateStores(t) {
		port++
		t.Run(name, func(t *testing.T) {
			svc := onPort(t, port)
			var benches [2]*bench
			var deployers [2]*deploy.Deployer
			var errs [2]error
			for i := range benches {
				benches[i], deployers[i] = machine(t, s)
				benches[i].sandbox()
			}
			var wg sync.WaitGroup
			for i := range deployers {
				wg.Go(func() { _, errs[i] = deployers[i].Deploy(t.Context(), svc) })
			}
			wg.Wait()
			winner := 0
			if errs[0] != nil {
				winner = 1
			}
			loser := 1 - winner
			if errs[winner] != nil {
				t.Fatalf("nobody runs it: %v; %v", errs[0], errs[1])
			}
			busyWith(t, errs[loser], deployers[winner], svc.Name)
			if left := benches[loser].resources(); len(left) > 0 {
				t.Errorf("the loser made %+v", left)
			}
			// Not for a while either.
			_, err := deployers[loser].Deploy(t.Context(), svc)
			busyWith(t, err, deployers[winner], svc.Name)
			if _, err := deployers[loser].Status(t.Context(), svc.Name); err == nil {
				t.Error("the loser has a deployment")
			}
			if v, err := deployers[winner].Status(t.Context(), svc.Name); err != nil || v.Phase != store.Running {
				t.Errorf("the winner's: %+v, %v", v, err)
			}
			if _, err := deployers[winner].Destroy(t.Context(), svc.Name); err != nil {
				t.Fatal(err)
			}
			empty(t, s, benches[:]...)
			// Now the other can.
			if _, err := deployers[loser].Deploy(t.Context(), svc); err != nil {
				t.Fatal(err)
			}
			if _, err := deployers[loser].Destroy(t.Context(), svc.Name); err != nil {
				t.Fatal(err)
			}
			empty(t, s, benches[:]...)
		})
	}
}

// TestKilledHolder kills the supervisor in the middle of an apply. Its lock of
// the state stays where the backend has such locks: the other machine is told
// who holds the name and touches nothing, the own one breaks it and cleans up.
func TestKilledHolder(t *testing.T) {
	port := 18264
	for name, s := range stateStores(t) {
		port++
		t.Run(name, func(t *testing.T) {
			b, d := machine(t, s)
			other, elsewhere := machine(t, s)
			svc := onPort(t, port)
			if err := b.sandbox().Fault(t.Context(), sandbox.Fault{Provider: policies.Vultr, Kind: "hang"}); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() {
				_, err := d.Deploy(t.Context(), svc)
				ended <- err
			}()
			for deadline := time.Now().Add(30 * time.Second); len(b.resources()) < 3; time.Sleep(50 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("the apply does not begin")
				}
			}
			kill(t, filepath.Join(b.home, "locks", svc.Name))
			var f *failure.Error
			if err := <-ended; !errors.As(err, &f) || f.Code != failure.LeftBehind {
				t.Fatalf("after the kill: %v", err)
			}
			if s.http != nil && len(s.http.Locks()) != 1 {
				t.Errorf("locks: %v", s.http.Locks())
			}
			_, err := elsewhere.Deploy(t.Context(), svc)
			busyWith(t, err, d, svc.Name)
			if s.http != nil && s.http.Forced() != 0 {
				t.Error("the other machine broke the lock")
			}
			if err := b.sandbox().ClearFaults(t.Context(), policies.Vultr); err != nil {
				t.Fatal(err)
			}
			if _, err := d.Destroy(t.Context(), svc.Name); err != nil {
				t.Fatal(err)
			}
			if s.http != nil && s.http.Forced() != 1 {
				t.Errorf("%d locks were broken", s.http.Forced())
			}
			empty(t, s, b, other)
		})
	}
}

// kill ends the process that a lock file names, without a chance to clean up.
func kill(t *testing.T, lock string) {
	t.Helper()
	raw, err := os.ReadFile(lock)
	if err != nil {
		t.Fatal(err)
	}
	var o deploy.Owner
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	if err := o.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func busyWith(t *testing.T, err error, owner *deploy.Deployer, name string) {
	t.Helper()
	var f *failure.Error
	if !errors.As(err, &f) || f.Code != failure.Busy {
		t.Fatalf("want busy, got %v", err)
	}
	v, verr := owner.Status(context.WithoutCancel(t.Context()), name)
	if verr != nil {
		t.Fatal(verr)
	}
	host, _ := os.Hostname()
	for _, want := range []string{v.ID, "@" + host, "since " + time.Now().Format("2006-01-02")} {
		if !strings.Contains(f.Cause, want) {
			t.Errorf("it does not say %q: %s", want, f.Cause)
		}
	}
}

// empty wants no resource in any state and nothing in any cloud.
func empty(t *testing.T, s stateStore, benches ...*bench) {
	t.Helper()
	for name, state := range s.states() {
		if strings.Contains(state, "managed") {
			t.Errorf("state %s holds something: %s", name, state)
		}
	}
	if s.http != nil {
		if l := s.http.Locks(); len(l) > 0 {
			t.Errorf("locks: %v", l)
		}
	}
	for _, b := range benches {
		if left := b.resources(); len(left) > 0 {
			t.Errorf("left behind: %+v", left)
		}
	}
}

// private wants files and folders for their owner only, and a canary in none.
func private(t *testing.T, home, canary string) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(home, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && path == filepath.Join(home, "sandbox") {
			return filepath.SkipDir
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if path != home && info.Mode().Perm()&0o077 != 0 && (e.IsDir() || e.Type().IsRegular()) && !strings.HasPrefix(path, filepath.Join(home, "providers")) {
			t.Errorf("%s is open to others: %v", path, info.Mode())
		}
		if !e.Type().IsRegular() {
			return nil
		}
		seen++
		b, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(b), canary) {
			t.Errorf("%s holds the state store's password", path)
		}
		return err
	})
	if err != nil || seen < 5 {
		t.Errorf("looked at %d files: %v", seen, err)
	}
}

func keysOf(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return out
}
