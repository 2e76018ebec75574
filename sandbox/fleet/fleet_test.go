package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/sandbox/world"
)

// machines is a Machine whose instances are entries of a map.
type machines struct {
	mu      sync.Mutex
	on      map[string]bool
	starts  map[string]int
	startup func(dir string) error
	halting func(dir string) error
}

func newMachines() *machines {
	return &machines{on: map[string]bool{}, starts: map[string]int{}}
}

func (m *machines) Start(_ context.Context, dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.on[dir] {
		return errors.New("it runs already")
	}
	m.starts[filepath.Base(dir)]++
	if m.startup != nil {
		if err := m.startup(dir); err != nil {
			return err
		}
	}
	m.on[dir] = true
	return nil
}

func (m *machines) Stop(_ context.Context, dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.halting != nil {
		if err := m.halting(dir); err != nil {
			return err
		}
	}
	delete(m.on, dir)
	return nil
}

func (m *machines) Running(dir string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.on[dir], nil
}

func (m *machines) set(dir string, on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.on[dir] = on
}

func (m *machines) started(key string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.starts[key]
}

type bench struct {
	*testing.T
	world *world.World
	m     *machines
	fleet *Fleet
	end   func()
}

func newBench(t *testing.T, opts Options) *bench {
	t.Helper()
	w, err := world.Open(filepath.Join(t.TempDir(), "world.json"), nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, world: w, m: newMachines()}
	if opts.BootTime == 0 {
		opts.BootTime = time.Millisecond
	}
	if opts.Watch == 0 {
		opts.Watch = 10 * time.Millisecond
	}
	b.fleet = New(w, b.m, filepath.Join(t.TempDir(), "instances"), opts)
	return b
}

// run follows the world until the test ends or end is called.
func (b *bench) run() {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.fleet.Run(ctx) }()
	b.end = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	b.Cleanup(b.end)
}

func (b *bench) update(change func(*world.State)) {
	b.Helper()
	if err := b.world.Update(func(st *world.State) error { change(st); return nil }); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) add(id string) {
	b.Helper()
	b.update(func(st *world.State) {
		st.Servers = append(st.Servers, &world.Server{
			Provider: world.Vultr, ID: id, Name: "host-" + id, Region: "ewr", Address: "127.77.0.9", VCPU: 2, MemoryMB: 2048,
			UserData: "#cloud-config\n", CreatedAt: b.world.Now(), Powered: true, Phase: world.Booting,
		})
	})
}

func (b *bench) server(id string) *world.Server { return b.world.State().Server(world.Vultr, id) }

func (b *bench) change(id string, change func(*world.Server)) {
	b.Helper()
	b.update(func(st *world.State) { change(st.Server(world.Vultr, id)) })
}

func (b *bench) settle(id string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
	defer cancel()
	if err := b.fleet.Settled(ctx, world.Vultr, id); err != nil {
		b.Fatalf("server %s has not settled: %+v", id, b.server(id))
	}
}

func (b *bench) wait(what string, ok func() bool) {
	b.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			b.Fatalf("never: %s", what)
		}
	}
}

func (b *bench) dir(id string) string { return filepath.Join(b.fleet.dir, "vultr-"+id) }

func TestAServerLives(t *testing.T) {
	b := newBench(t, Options{})
	b.run()
	b.add("a")
	b.settle("a")
	s := b.server("a")
	if s.Phase != world.Running || !s.Booted || !b.m.on[b.dir("a")] {
		t.Fatalf("after create: %+v", s)
	}
	var got map[string]any
	raw, err := os.ReadFile(filepath.Join(b.dir("a"), "config.json"))
	if err == nil {
		err = json.Unmarshal(raw, &got)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"provider": "vultr", "id": "a", "name": "host-a", "address": "127.77.0.9", "region": "ewr",
		"vcpu": 2.0, "memory_mb": 2048.0, "user_data": "#cloud-config\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("config.json (-want +got):\n%s", diff)
	}

	b.change("a", func(s *world.Server) { s.Powered = false })
	b.settle("a")
	if s := b.server("a"); s.Phase != world.Off || b.m.on[b.dir("a")] {
		t.Errorf("after power off: %+v", s)
	}

	b.change("a", func(s *world.Server) { s.Powered, s.Phase = true, world.Booting })
	b.settle("a")
	b.change("a", func(s *world.Server) { s.Reboot, s.Phase = true, world.Booting })
	b.settle("a")
	if n := b.m.started("vultr-a"); n != 3 || !b.m.on[b.dir("a")] {
		t.Errorf("started %d times, want 3: create, power on, reboot", n)
	}

	b.change("a", func(s *world.Server) { s.Deleting = true })
	b.settle("a")
	if b.server("a") != nil || b.m.on[b.dir("a")] {
		t.Error("a deleted server is there")
	}
	if _, err := os.Stat(b.dir("a")); !os.IsNotExist(err) {
		t.Errorf("its folder: %v", err)
	}
}

func TestABootTakesItsTime(t *testing.T) {
	b := newBench(t, Options{BootTime: 200 * time.Millisecond})
	b.run()
	began := time.Now()
	b.add("quick")
	b.update(func(st *world.State) {
		st.Servers = append(st.Servers, &world.Server{
			Provider: world.Vultr, ID: "slow", CreatedAt: time.Now(), HoldUntil: time.Now().Add(500 * time.Millisecond),
			Powered: true, Phase: world.Booting,
		})
	})
	b.settle("quick")
	if took := time.Since(began); took < 200*time.Millisecond || took > 450*time.Millisecond {
		t.Errorf("booted after %s, want 200 ms", took)
	}
	if b.server("slow").Phase != world.Booting {
		t.Error("a held server booted with the other")
	}
	b.settle("slow")
	if took := time.Since(began); took < 500*time.Millisecond {
		t.Errorf("a held server booted after %s", took)
	}
}

func TestAServerIsDeletedWhileItIsHeld(t *testing.T) {
	b := newBench(t, Options{BootTime: time.Hour})
	b.run()
	b.add("a")
	time.Sleep(20 * time.Millisecond) // its worker waits for the boot now
	b.change("a", func(s *world.Server) { s.Deleting = true })
	b.settle("a")
	if b.m.started("vultr-a") != 0 {
		t.Error("it was started")
	}
}

func TestABootThatFails(t *testing.T) {
	b := newBench(t, Options{})
	b.m.startup = func(string) error { return errors.New("no shell on this machine") }
	b.run()
	b.add("a")
	b.settle("a")
	if s := b.server("a"); s.Phase != world.Failed || s.Problem != "no shell on this machine" {
		t.Errorf("server: %+v", s)
	}
	b.change("a", func(s *world.Server) { s.Deleting = true })
	b.settle("a")
	if b.server("a") != nil {
		t.Error("a failed server cannot be deleted")
	}
}

// TestAMachineThatDoesNotStopStays keeps what may still run on the list.
func TestAMachineThatDoesNotStopStays(t *testing.T) {
	b := newBench(t, Options{})
	b.run()
	b.add("a")
	b.settle("a")
	stuck := make(chan struct{})
	b.m.mu.Lock()
	b.m.halting = func(string) error {
		select {
		case <-stuck:
			return nil
		default:
			return errors.New("a process does not end")
		}
	}
	b.m.mu.Unlock()
	b.change("a", func(s *world.Server) { s.Deleting = true })
	time.Sleep(50 * time.Millisecond)
	if b.server("a") == nil {
		t.Error("a server whose machine runs was forgotten")
	}
	close(stuck)
	b.settle("a")
	if b.server("a") != nil {
		t.Error("the stop was not tried again")
	}
}

func TestAMachineThatDiesIsNoticed(t *testing.T) {
	b := newBench(t, Options{})
	b.run()
	b.add("a")
	b.settle("a")
	b.m.set(b.dir("a"), false)
	b.wait("the server is off", func() bool { return b.server("a").Phase == world.Off })
	if b.server("a").Powered {
		t.Error("it would be started again by itself; clouds do not do that")
	}
}

func TestMachinesOutliveTheDaemon(t *testing.T) {
	b := newBench(t, Options{})
	b.run()
	for _, id := range []string{"lives", "died", "removed", "booting"} {
		b.add(id)
	}
	for _, id := range []string{"lives", "died", "removed", "booting"} {
		b.settle(id)
	}
	b.end()
	if !b.m.on[b.dir("lives")] {
		t.Fatal("machines stopped with the daemon")
	}
	b.m.set(b.dir("died"), false)
	b.update(func(st *world.State) {
		st.RemoveServer(world.Vultr, "removed")
		// The daemon died between the boot and the note of it.
		s := st.Server(world.Vultr, "booting")
		s.Phase, s.Booted = world.Booting, false
	})

	b.run()
	b.wait("what died runs again", func() bool { on, _ := b.m.Running(b.dir("died")); return on })
	b.settle("booting")
	b.wait("the orphan is gone", func() bool {
		_, err := os.Stat(b.dir("removed"))
		return os.IsNotExist(err)
	})
	for id, want := range map[string]int{"lives": 1, "died": 2, "booting": 1} {
		if n := b.m.started("vultr-" + id); n != want {
			t.Errorf("%s was started %d times, want %d", id, n, want)
		}
		if !b.m.on[b.dir(id)] {
			t.Errorf("%s does not run", id)
		}
	}
	if b.m.on[b.dir("removed")] {
		t.Error("a machine without a server runs")
	}
}

func TestStopAllKeepsWhatWasWanted(t *testing.T) {
	b := newBench(t, Options{})
	b.run()
	b.add("a")
	b.settle("a")
	b.end()
	if err := b.fleet.StopAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b.m.on[b.dir("a")] {
		t.Fatal("it runs")
	}
	b.run()
	b.wait("it runs again", func() bool { on, _ := b.m.Running(b.dir("a")); return on })
}

func TestStopAllTellsOfEachThatRuns(t *testing.T) {
	b := newBench(t, Options{})
	b.run()
	b.add("a")
	b.add("b")
	b.settle("a")
	b.settle("b")
	b.end()
	b.m.halting = func(string) error { return errors.New("stuck") }
	err := b.fleet.StopAll(t.Context())
	for _, want := range []string{"vultr-a still runs: stuck", "vultr-b still runs: stuck"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("err = %v, want %q in it", err, want)
		}
	}
	if err := StopAll(t.Context(), b.m, filepath.Join(b.fleet.dir, "never")); err != nil {
		t.Errorf("no machines at all: %v", err)
	}
}

// TestFirewallsAreInForceAtOnce reads the file right after the update, as a
// connection would.
func TestFirewallsAreInForceAtOnce(t *testing.T) {
	b := newBench(t, Options{})
	b.run()
	b.add("a")
	b.settle("a")
	ports := func() []int {
		var got struct {
			Inbound []world.Opening `json:"inbound"`
		}
		raw, err := os.ReadFile(filepath.Join(b.dir("a"), "firewall.json"))
		if err == nil {
			err = json.Unmarshal(raw, &got)
		}
		if err != nil {
			t.Fatal(err)
		}
		out := []int{}
		for _, o := range got.Inbound {
			out = append(out, o.To)
		}
		return out
	}
	if diff := cmp.Diff([]int{65535, 65535, 0}, ports()); diff != "" {
		t.Errorf("without a firewall (-want +got):\n%s", diff)
	}
	b.update(func(st *world.State) {
		st.Firewalls = append(st.Firewalls, &world.Firewall{
			Provider: world.Vultr, ID: "g", Inbound: []world.Rule{{Protocol: "tcp", From: 22, To: 22, Sources: []string{"0.0.0.0/0"}}},
		})
		st.Server(world.Vultr, "a").FirewallID = "g"
	})
	if diff := cmp.Diff([]int{22}, ports()); diff != "" {
		t.Errorf("with one (-want +got):\n%s", diff)
	}
	b.update(func(st *world.State) { st.Firewall(world.Vultr, "g").Inbound = nil })
	if diff := cmp.Diff([]int{}, ports()); diff != "" {
		t.Errorf("without rules (-want +got):\n%s", diff)
	}
}
