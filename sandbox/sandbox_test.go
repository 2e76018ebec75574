//nolint:bodyclose // govultr has read and closed the bodies of the responses it returns
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/digitalocean/godo"
	"github.com/vultr/govultr/v3"

	"skysail/clouds"
	"skysail/internal/reexec"
	"skysail/sandbox/fleet"
	"skysail/sandbox/world"
)

func init() {
	reexec.Register("sandbox-test-daemon", func(args []string) int { return daemonMain(args, testKit()) })
	// A command of its own that needs the sandbox; it prints the daemon's ID.
	reexec.Register("sandbox-test-start", func(args []string) int {
		c, err := start(context.Background(), args[0], testKit())
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Println(c.status.PID)
		return 0
	})
}

func TestMain(m *testing.M) {
	reexec.Main()
	os.Exit(m.Run())
}

// files is a fleet.Machine whose instances are files: they outlive a daemon
// as real ones do.
type files struct{}

func (files) Start(_ context.Context, dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, "boots"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString("x")
	return errors.Join(err, f.Close(), os.WriteFile(filepath.Join(dir, "on"), nil, 0o600))
}

func (files) Stop(_ context.Context, dir string) error {
	if err := os.Remove(filepath.Join(dir, "on")); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

func (files) Running(dir string) (bool, error) {
	_, err := os.Stat(filepath.Join(dir, "on"))
	return err == nil, nil
}

func testKit() kit {
	return kit{
		helper: "sandbox-test-daemon", machine: files{}, sizes: catalogSizes, rates: catalogRates,
		dial: func(_ context.Context, dir string, port int) (net.Conn, error) {
			return nil, fmt.Errorf("dial %s %d", filepath.Base(dir), port)
		},
		fleet: fleet.Options{BootTime: 50 * time.Millisecond},
	}
}

// newHome is a folder for a sandbox; what runs in it ends with the test, which
// runs side by side with others.
func newHome(t *testing.T) string {
	t.Helper()
	t.Parallel()
	home := filepath.Join(t.TempDir(), "sandbox")
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := down(ctx, home, true, testKit()); err != nil {
			t.Errorf("down: %v", err)
		}
	})
	return home
}

func up(t *testing.T, home string) *Client {
	t.Helper()
	c, err := start(t.Context(), home, testKit())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, c *Client) []Resource {
	t.Helper()
	rs, err := c.List(t.Context())
	check(t, err)
	return rs
}

// doClient is the SDK as a program has it that `sandbox env` configured.
func doClient(t *testing.T, c *Client) *godo.Client {
	t.Helper()
	env := c.Env()
	g := godo.NewFromToken(env["DIGITALOCEAN_TOKEN"])
	check(t, godo.SetBaseURL(env["DIGITALOCEAN_API_URL"])(g))
	return g
}

func vultrClient(t *testing.T, c *Client) *govultr.Client {
	t.Helper()
	env := clouds.MapEnv(c.Env())
	h, err := clouds.HTTPClient(env)
	check(t, err)
	t.Cleanup(h.CloseIdleConnections)
	h.Transport = &bearer{h.Transport.(interface { //nolint:forcetypeassert // it is an http.Transport
		roundTripper
		CloseIdleConnections()
	}), env.Get("VULTR_API_KEY")}
	return govultr.NewClient(h)
}

func droplet(t *testing.T, c *Client, name string) *godo.Droplet {
	t.Helper()
	g := doClient(t, c)
	d, _, err := g.Droplets.Create(t.Context(), &godo.DropletCreateRequest{
		Name: name, Region: "nyc1", Size: "s-1vcpu-1gb", Image: godo.DropletCreateImage{Slug: "ubuntu-24-04-x64"}, Tags: []string{"t"},
	})
	check(t, err)
	for end := time.Now().Add(10 * time.Second); d.Status != "active"; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("droplet is %s", d.Status)
		}
		d, _, err = g.Droplets.Get(t.Context(), d.ID)
		check(t, err)
	}
	return d
}

// boots is how often a droplet's machine was started, and whether it runs.
func boots(t *testing.T, home string, d *godo.Droplet) (int, bool) {
	t.Helper()
	dir := filepath.Join(home, instancesDir, "digitalocean-"+strconv.Itoa(d.ID))
	raw, err := os.ReadFile(filepath.Join(dir, "boots"))
	check(t, err)
	on, err := files{}.Running(dir)
	check(t, err)
	return len(raw), on
}

// awaitDead waits until no daemon lives in a folder. Its lock says so; a
// process ID would also be that of a dead process which nobody waited for.
func awaitDead(t *testing.T, home string) {
	t.Helper()
	check(t, awaitGone(t.Context(), home))
}

func TestConnectToNothing(t *testing.T) {
	_, err := connect(t.Context(), newHome(t), testKit())
	if !errors.Is(err, ErrDown) {
		t.Errorf("err = %v, want ErrDown", err)
	}
}

func TestTenProcessesStartOneDaemon(t *testing.T) {
	home := newHome(t)
	type result struct {
		pid string
		err error
	}
	results := make(chan result)
	for range 10 {
		go func() {
			cmd, err := reexec.Command("sandbox-test-start", home)
			if err != nil {
				results <- result{err: err}
				return
			}
			var errs strings.Builder
			cmd.Stderr = &errs
			out, err := cmd.Output()
			if err != nil {
				err = fmt.Errorf("%w: %s", err, errs.String())
			}
			results <- result{strings.TrimSpace(string(out)), err}
		}()
	}
	pids := map[string]int{}
	for range 10 {
		r := <-results
		if r.err != nil {
			t.Error(r.err)
		}
		pids[r.pid]++
	}
	if len(pids) != 1 {
		t.Errorf("daemons: %v, want one", pids)
	}
	info, err := os.Stat(filepath.Join(home, logFile))
	check(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the log has mode %o", info.Mode().Perm())
	}
}

func TestResourcesOfBothClouds(t *testing.T) {
	c := up(t, newHome(t))
	d := droplet(t, c, "web")
	g := doClient(t, c)
	_, _, err := g.Firewalls.Create(t.Context(), &godo.FirewallRequest{
		Name: "fw", Tags: []string{"t"},
		InboundRules: []godo.InboundRule{{Protocol: "tcp", PortRange: "22", Sources: &godo.Sources{Addresses: []string{"0.0.0.0/0"}}}},
	})
	check(t, err)
	v := vultrClient(t, c)
	group, _, err := v.FirewallGroup.Create(t.Context(), &govultr.FirewallGroupReq{Description: "group"})
	check(t, err)
	i, _, err := v.Instance.Create(t.Context(), &govultr.InstanceCreateReq{Region: "ewr", Plan: "vc2-1c-1gb", OsID: 2284, Label: "host", Tags: []string{"a"}})
	check(t, err)
	var got []string
	for _, r := range list(t, c) {
		got = append(got, fmt.Sprintf("%s %s %s %s %v %v", r.Provider, r.Kind, r.Name, r.Region, r.Tags, r.PriceUSD))
		if r.State == "" || r.Tags == nil {
			t.Errorf("resource: %+v", r)
		}
	}
	want := []string{
		"digitalocean droplet web nyc1 [t] 0.00893",
		"digitalocean firewall fw  [t] 0",
		"vultr instance host ewr [a] 0.007",
		"vultr firewall_group group  [] 0",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("resources:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	_, err = g.Droplets.Delete(t.Context(), d.ID)
	check(t, err)
	check(t, v.Instance.Delete(t.Context(), i.ID))
	check(t, v.FirewallGroup.Delete(t.Context(), group.ID))
	if rs := list(t, c); len(rs) != 1 {
		t.Errorf("left: %+v", rs)
	}
}

func TestADaemonThatCrashed(t *testing.T) {
	home := newHome(t)
	c := up(t, home)
	d := droplet(t, c, "web")
	env := c.Env()
	check(t, c.Fault(t.Context(), Fault{Provider: world.Vultr, Kind: world.Quota, Times: 2}))
	check(t, syscall.Kill(c.status.PID, syscall.SIGKILL))
	awaitDead(t, home)
	if _, err := c.List(t.Context()); !errors.Is(err, ErrDown) {
		t.Errorf("err = %v, want ErrDown", err)
	}
	again := up(t, home)
	if again.status.PID == c.status.PID {
		t.Fatal("no new daemon")
	}
	for k, v := range again.Env() {
		if env[k] != v {
			t.Errorf("%s changed from %s to %s", k, env[k], v)
		}
	}
	if n, on := boots(t, home, d); n != 1 || !on {
		t.Errorf("the machine was started %d times and runs: %v; want it untouched", n, on)
	}
	if rs := list(t, again); len(rs) != 1 || rs[0].State != "active" {
		t.Errorf("resources: %+v", rs)
	}
	if fs, err := again.Faults(t.Context()); err != nil || len(fs) != 1 || fs[0].Left != 2 {
		t.Errorf("faults: %+v, %v", fs, err)
	}
}

func TestADaemonWhoseProgramWasReplaced(t *testing.T) {
	home := newHome(t)
	self, err := os.Executable()
	check(t, err)
	raw, err := os.ReadFile(self)
	check(t, err)
	other := filepath.Join(t.TempDir(), "skysail")
	check(t, os.WriteFile(other, raw, 0o700))
	cmd := exec.Command(other, home)
	cmd.Env = append(os.Environ(), reexec.HelperEnv("sandbox-test-start"))
	out, err := cmd.Output()
	check(t, err)
	first, err := strconv.Atoi(strings.TrimSpace(string(out)))
	check(t, err)

	c := up(t, home)
	if c.status.PID != first {
		t.Fatal("a daemon was restarted though its program is the same")
	}
	d := droplet(t, c, "web")
	later := time.Now().Add(time.Hour)
	check(t, os.Chtimes(other, later, later))
	again := up(t, home)
	if again.status.PID == first {
		t.Fatal("a daemon whose program was replaced is kept")
	}
	if n, on := boots(t, home, d); n != 1 || !on {
		t.Errorf("the machine was started %d times and runs: %v; want it untouched", n, on)
	}
}

func TestDownKeepsAndPurgeForgets(t *testing.T) {
	home := newHome(t)
	c := up(t, home)
	d := droplet(t, c, "web")
	check(t, c.Down(t.Context(), false))
	awaitDead(t, home)
	if n, on := boots(t, home, d); n != 1 || on {
		t.Errorf("started %d times, runs: %v; want it stopped", n, on)
	}
	c = up(t, home)
	for end := time.Now().Add(10 * time.Second); list(t, c)[0].State != "active"; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("resources: %+v", list(t, c))
		}
	}
	if n, on := boots(t, home, d); n != 2 || !on {
		t.Errorf("started %d times, runs: %v; want it booted again", n, on)
	}
	token := c.Env()["DIGITALOCEAN_TOKEN"]
	check(t, c.Down(t.Context(), true))
	entries, err := os.ReadDir(home)
	check(t, err)
	if len(entries) != 1 || entries[0].Name() != startLock {
		t.Errorf("left: %v", entries)
	}
	c = up(t, home)
	if len(list(t, c)) != 0 || c.Env()["DIGITALOCEAN_TOKEN"] == token {
		t.Error("a purged sandbox remembers")
	}
}

// TestDownWithoutADaemon stops the machines that a dead daemon left.
func TestDownWithoutADaemon(t *testing.T) {
	home := newHome(t)
	c := up(t, home)
	d := droplet(t, c, "web")
	check(t, syscall.Kill(c.status.PID, syscall.SIGKILL))
	awaitDead(t, home)
	check(t, down(t.Context(), home, false, testKit()))
	if _, on := boots(t, home, d); on {
		t.Error("the machine runs")
	}
	check(t, down(t.Context(), filepath.Join(home, "never"), true, testKit()))
}

func TestAStartThatFails(t *testing.T) {
	home := newHome(t)
	check(t, os.MkdirAll(home, 0o700))
	check(t, os.WriteFile(filepath.Join(home, worldFile), []byte("{"), 0o600))
	_, err := start(t.Context(), home, testKit())
	if err == nil || !strings.Contains(err.Error(), "is damaged") || !strings.Contains(err.Error(), "sandbox down --purge") {
		t.Errorf("err = %v, want the daemon's own words", err)
	}
	check(t, down(t.Context(), home, true, testKit()))
	up(t, home)
}

func TestStartHonoursItsContext(t *testing.T) {
	home := newHome(t)
	check(t, os.MkdirAll(home, 0o700))
	unlock, err := lockFile(t.Context(), filepath.Join(home, startLock))
	check(t, err)
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := start(ctx, home, testKit()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("err = %v, want a deadline", err)
	}
}

func TestALongFolderName(t *testing.T) {
	home := filepath.Join(newHome(t), strings.Repeat("long", 30))
	t.Cleanup(func() { check(t, down(context.Background(), home, true, testKit())) })
	c := up(t, home)
	list(t, c)
	socket := socketPath(home)
	if len(socket) > maxSocketPath {
		t.Errorf("socket path of %d bytes", len(socket))
	}
	check(t, syscall.Kill(c.status.PID, syscall.SIGKILL))
	awaitDead(t, home)
	c = up(t, home)
	if _, err := os.Stat(filepath.Dir(socket)); !os.IsNotExist(err) {
		t.Errorf("the dead daemon's socket folder is left: %v", err)
	}
	socket = socketPath(home)
	check(t, c.Down(t.Context(), true))
	if _, err := os.Stat(filepath.Dir(socket)); !os.IsNotExist(err) {
		t.Errorf("the socket's folder is left: %v", err)
	}
}
