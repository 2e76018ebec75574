package world

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T, path string) *World {
	t.Helper()
	w, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func newWorld(t *testing.T) *World {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "world.json"))
}

func update(t *testing.T, w *World, change func(*State)) {
	t.Helper()
	if err := w.Update(func(st *State) error { change(st); return nil }); err != nil {
		t.Fatal(err)
	}
}

func TestAnUpdateIsOnDiskAndReloaded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sandbox", "world.json")
	w := open(t, path)
	update(t, w, func(st *State) {
		st.EnsureTag(DigitalOcean, "blue")
		st.Servers = append(st.Servers, &Server{Provider: Vultr, ID: "a", Seq: st.NextSeq(), UserData: "#cloud-config\n"})
	})
	if diff := cmp.Diff(w.State(), open(t, path).State()); diff != "" {
		t.Errorf("reloaded (-was +is):\n%s", diff)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o, want 600: the file has tokens and user data", info.Mode().Perm())
	}
}

func TestTokensAreFixedAndDiffer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "world.json")
	a := open(t, path).State().Tokens
	b := newWorld(t).State().Tokens
	for _, p := range Providers() {
		if a[p] == "" || a[p] == b[p] {
			t.Errorf("%s: tokens %q and %q of two worlds", p, a[p], b[p])
		}
		if again := open(t, path).State().Tokens[p]; again != a[p] {
			t.Errorf("%s: token changed from %q to %q", p, a[p], again)
		}
	}
	if !strings.HasPrefix(a[DigitalOcean], "dop_v1_") || len(a[DigitalOcean]) != 71 {
		t.Errorf("DigitalOcean token %q has not the form that doctl checks", a[DigitalOcean])
	}
}

func TestAFailedUpdateChangesNothing(t *testing.T) {
	w := newWorld(t)
	before := w.State()
	wrong := errors.New("wrong")
	err := w.Update(func(st *State) error {
		st.EnsureTag(DigitalOcean, "half")
		return wrong
	})
	if !errors.Is(err, wrong) {
		t.Errorf("err = %v", err)
	}
	if w.State() != before {
		t.Error("the state was replaced")
	}

	// A disk that takes no file.
	dir := filepath.Dir(w.path)
	w.path = filepath.Join(dir, "gone", "world.json")
	if err := w.Update(func(st *State) error { st.EnsureTag(DigitalOcean, "half"); return nil }); err == nil {
		t.Error("an update that cannot be written succeeded")
	}
	if w.State() != before {
		t.Error("the state was replaced though it is not on disk")
	}
}

func TestReadersKeepTheirState(t *testing.T) {
	w := newWorld(t)
	update(t, w, func(st *State) { st.EnsureTag(DigitalOcean, "a") })
	held := w.State()
	update(t, w, func(st *State) { st.Tags[0].Name = "b" })
	if held.Tags[0].Name != "a" || w.State().Tags[0].Name != "b" {
		t.Errorf("held %q, current %q", held.Tags[0].Name, w.State().Tags[0].Name)
	}
}

func TestUpdatesSideBySide(t *testing.T) {
	w := newWorld(t)
	first := w.State().Seq
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := w.Update(func(st *State) error { st.NextSeq(); return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := w.State().Seq - first; got != 20 {
		t.Errorf("%d of 20 updates counted", got)
	}
}

func TestChanged(t *testing.T) {
	w := newWorld(t)
	calls := 0
	w.OnChange(func() { calls++ })
	ch := w.Changed()
	update(t, w, func(*State) {})
	select {
	case <-ch:
		t.Error("an update without a change was announced")
	default:
	}
	update(t, w, func(st *State) { st.NextSeq() })
	select {
	case <-ch:
	default:
		t.Error("a change was not announced")
	}
	if calls != 1 {
		t.Errorf("hook called %d times, want 1", calls)
	}
}

func TestOpenSaysWhatToDo(t *testing.T) {
	for name, text := range map[string]string{
		"damaged":       "{",
		"other version": `{"version": 99}`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "world.json")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(path, nil)
			if err == nil || !strings.Contains(err.Error(), "sandbox down --purge") {
				t.Errorf("err = %v, want one that says how to start over", err)
			}
		})
	}
}

func TestAddressesAreUnique(t *testing.T) {
	var st State
	seen := map[string]bool{}
	for range 600 {
		ip, err := st.NextAddress()
		if err != nil {
			t.Fatal(err)
		}
		if seen[ip] {
			t.Fatalf("%s twice", ip)
		}
		seen[ip] = true
		st.Servers = append(st.Servers, &Server{Address: ip})
	}
	for _, ip := range []string{"127.77.0.1", "127.77.0.254", "127.77.1.1"} {
		if !seen[ip] {
			t.Errorf("%s was not used", ip)
		}
	}
	for ip := range seen {
		if strings.HasSuffix(ip, ".0") || strings.HasSuffix(ip, ".255") {
			t.Errorf("%s looks like a network or broadcast address", ip)
		}
	}

	// An address in use is passed over when the numbers come round.
	st.Address = 0
	if ip, _ := st.NextAddress(); seen[ip] {
		t.Errorf("%s is in use", ip)
	}
}

func TestRemovingTakesReferencesAlong(t *testing.T) {
	st := &State{
		Servers: []*Server{
			{Provider: DigitalOcean, ID: "1", Tags: []string{"Blue", "red"}},
			{Provider: Vultr, ID: "v", FirewallID: "g"},
		},
		Firewalls: []*Firewall{
			{Provider: DigitalOcean, ID: "f", ServerIDs: []string{"1"}, Tags: []string{"blue"}},
			{Provider: Vultr, ID: "g"},
		},
		Tags: []*Tag{{Provider: DigitalOcean, Name: "blue"}},
	}
	st.RemoveTag(DigitalOcean, "BLUE")
	if len(st.Tags) != 0 || len(st.Servers[0].Tags) != 1 || len(st.Firewalls[0].Tags) != 0 {
		t.Errorf("the tag is left: %v %v %v", st.Tags, st.Servers[0].Tags, st.Firewalls[0].Tags)
	}
	st.RemoveServer(DigitalOcean, "1")
	if len(st.Servers) != 1 || len(st.Firewalls[0].ServerIDs) != 0 {
		t.Error("the firewall names a server that is gone")
	}
	st.RemoveFirewall(Vultr, "g")
	if st.Servers[0].FirewallID != "" {
		t.Error("a server names a firewall that is gone")
	}
}

func TestInbound(t *testing.T) {
	ssh := Rule{Protocol: "tcp", From: 22, To: 22, Sources: []string{"203.0.113.0/24"}}
	web := Rule{Protocol: "tcp", From: 80, To: 80, SourceTags: []string{"lb"}, SourceServers: []string{"3"}}
	st := &State{
		Servers: []*Server{
			{Provider: DigitalOcean, ID: "1", Address: "127.77.0.1", Tags: []string{"Web"}},
			{Provider: DigitalOcean, ID: "2", Address: "127.77.0.2", Tags: []string{"LB"}},
			{Provider: DigitalOcean, ID: "3", Address: "127.77.0.3"},
			{Provider: Vultr, ID: "v", Address: "127.77.0.4", FirewallID: "g", Tags: []string{"web"}},
		},
		Firewalls: []*Firewall{
			{Provider: DigitalOcean, ID: "a", Tags: []string{"web"}, Inbound: []Rule{ssh}},
			{Provider: DigitalOcean, ID: "b", ServerIDs: []string{"1"}, Inbound: []Rule{web}},
			{Provider: Vultr, ID: "g"},
		},
	}
	want := []Opening{
		{Protocol: "tcp", From: 22, To: 22, Sources: []string{"203.0.113.0/24"}},
		{Protocol: "tcp", From: 80, To: 80, Sources: []string{"127.77.0.2/32", "127.77.0.3/32"}},
	}
	if diff := cmp.Diff(want, st.Inbound(st.Servers[0])); diff != "" {
		t.Errorf("two firewalls add up (-want +got):\n%s", diff)
	}
	if got := st.Inbound(st.Servers[1]); len(got) != 3 || got[0].To != 65535 {
		t.Errorf("a server without a firewall is open, got %v", got)
	}
	if got := st.Inbound(st.Servers[3]); len(got) != 0 {
		t.Errorf("a firewall without rules lets nothing in, got %v", got)
	}
}
