package vm_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"skysail/internal/reexec"
	"skysail/internal/supervise/proc"
	"skysail/sandbox/vm"
	"skysail/sandbox/vm/guest"
)

func TestBootServesAndStops(t *testing.T) {
	i := newInstance(t)
	if st, err := vm.State(i.dir); err != nil || st != vm.Off {
		t.Errorf("before the start it is %s, %v", st, err)
	}
	i.up()
	if st, err := vm.State(i.dir); err != nil || st != vm.Running {
		t.Errorf("it is %s, %v", st, err)
	}
	if body, err := i.get("/env?GREETING"); err != nil || body != `hello "$USER"` {
		t.Errorf("the environment file gave %q, %v", body, err)
	}
	if body, _ := i.get("/env?STATE_DIRECTORY"); body != filepath.Join(i.dir, "root/var/lib/echo") {
		t.Errorf("STATE_DIRECTORY is %q", body)
	}
	if err := vm.Start(t.Context(), i.dir); err != nil {
		t.Errorf("starting what runs: %v", err)
	}
	if err := vm.Stop(t.Context(), i.dir); err != nil {
		t.Fatal(err)
	}
	if left := i.processes(); len(left) > 0 {
		t.Errorf("after Stop there runs %s", proc.Names(left))
	}
	if !i.logged("echo.service", "bye")() {
		t.Error("the service was not stopped in order")
	}
	if st, err := vm.State(i.dir); err != nil || st != vm.Off {
		t.Errorf("after Stop it is %s, %v", st, err)
	}
	if err := vm.Stop(t.Context(), i.dir); err != nil {
		t.Errorf("stopping what is off: %v", err)
	}
	if err := vm.Stop(t.Context(), filepath.Join(t.TempDir(), "never")); err != nil {
		t.Errorf("stopping what never was: %v", err)
	}
	if _, err := vm.Dial(t.Context(), i.dir, 8080); !errors.Is(err, syscall.EHOSTUNREACH) {
		t.Errorf("dialling what is off: %v", err)
	}
}

func TestSecondBootStartsEnabledUnitsAndRunsNoScripts(t *testing.T) {
	i := newInstance(t)
	i.userData["runcmd"] = append(i.userData["runcmd"].([]any), "echo once >>$SKYSAIL_ROOT/ran")
	i.up()
	i.eventually("the end of the first boot", func() bool { return i.sh("cloud-init status --wait") == "status: done\n" })
	if err := vm.Stop(t.Context(), i.dir); err != nil {
		t.Fatal(err)
	}
	i.up()
	if b, err := os.ReadFile(filepath.Join(i.dir, "root/ran")); err != nil || string(b) != "once\n" {
		t.Errorf("runcmd ran so often: %q, %v", b, err)
	}
}

func TestFirewall(t *testing.T) {
	i := newInstance(t)
	i.up()
	own, why := isolated(i)
	tcp := func() error {
		c, err := net.DialTimeout("tcp", net.JoinHostPort(i.address, "8080"), time.Second)
		if err == nil {
			_ = c.Close()
		}
		return err
	}
	if own {
		i.eventually("the port at the instance's address", func() bool { return tcp() == nil })
		body, err := fetch(t.Context(), &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, "http://"+i.address+":8080/healthz")
		if err != nil || body != "ok\n" {
			t.Errorf("over TCP: %q, %v", body, err)
		}
	} else {
		t.Log("the instance has no network of its own here, so its address is not tried:", why)
	}
	if _, err := vm.Dial(t.Context(), i.dir, 9999); !errors.Is(err, syscall.ECONNREFUSED) || !strings.Contains(err.Error(), "firewall") {
		t.Errorf("a port that the firewall closes: %v", err)
	}
	i.firewall(22, 9999)
	if _, err := vm.Dial(t.Context(), i.dir, 8080); !errors.Is(err, syscall.ECONNREFUSED) || !strings.Contains(err.Error(), "firewall") {
		t.Errorf("a port that the firewall closed: %v", err)
	}
	if own {
		i.eventually("the port is closed at the instance's address", func() bool { return errors.Is(tcp(), syscall.ECONNREFUSED) })
	}
	if _, err := vm.Dial(t.Context(), i.dir, 9999); !errors.Is(err, syscall.ECONNREFUSED) || !strings.Contains(err.Error(), "nothing listens") {
		t.Errorf("an open port where nothing listens: %v", err)
	}
	if err := os.Remove(filepath.Join(i.dir, "firewall.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := vm.Dial(t.Context(), i.dir, 22); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("without rules: %v", err)
	}
	i.writeJSON("firewall.json", map[string]any{"inbound": []any{
		map[string]any{"protocol": "tcp", "from": 8000, "to": 8100, "sources": []string{}},
		map[string]any{"protocol": "udp", "from": 1, "to": 65535, "sources": []string{"0.0.0.0/0"}},
	}})
	if _, err := vm.Dial(t.Context(), i.dir, 8080); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a rule for nobody, and one for UDP: %v", err)
	}
}

// isolated reads in vm.log whether the instance has a network of its own.
func isolated(i *instance) (own bool, log string) {
	b, err := os.ReadFile(filepath.Join(i.dir, "vm.log"))
	if err != nil {
		i.t.Fatal(err)
	}
	return strings.Contains(string(b), "network of its own"), string(b)
}

func TestTwoInstancesOnOnePort(t *testing.T) {
	a, b := newInstance(t), newInstance(t)
	a.up()
	if own, why := isolated(a); !own {
		t.Skip("no network namespaces here, which is when two instances cannot have the same port: ", why)
	}
	b.up()
	pids := map[string]bool{}
	for _, i := range []*instance{a, b} {
		body, err := i.get("/pid")
		if err != nil {
			t.Fatal(err)
		}
		pids[body] = true
		// On the instance, too, localhost is the instance.
		if inside := i.sh("curl -s http://127.0.0.1:8080/pid"); inside != body {
			t.Errorf("inside answers %q, outside %q", inside, body)
		}
	}
	if len(pids) != 2 {
		t.Errorf("both are the same process: %v", pids)
	}
	if err := vm.Stop(t.Context(), a.dir); err != nil {
		t.Fatal(err)
	}
	if body, err := b.get("/healthz"); err != nil || body != "ok\n" {
		t.Errorf("stopping one broke the other: %q, %v", body, err)
	}
}

func TestWithoutANetworkOfItsOwn(t *testing.T) {
	i := newInstance(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	i.config.Network = "host"
	i.openPorts = []int{22, port}
	i.userData["write_files"] = []any{
		file("/etc/skysail/service.env", "0600", ""),
		file("/etc/systemd/system/echo.service", "0644", unit(self, fmt.Sprintf("Environment=LISTEN=127.0.0.1:%d", port))),
	}
	i.start()
	i.eventually("the service answers", func() bool {
		c, err := vm.Dial(t.Context(), i.dir, port)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	if own, log := isolated(i); own || !strings.Contains(log, "this machine's network") {
		t.Errorf("vm.log does not say it:\n%s", log)
	}
	if out := i.sh(fmt.Sprintf("curl -s http://127.0.0.1:%d/healthz", port)); out != "ok\n" {
		t.Errorf("over SSH: %q", out)
	}
	if err := vm.Stop(t.Context(), i.dir); err != nil {
		t.Fatal(err)
	}
}

func TestServiceComesBack(t *testing.T) {
	i := newInstance(t)
	i.up()
	body, err := i.get("/pid")
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(body)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	i.eventually("another process answers", func() bool {
		now, err := i.get("/pid")
		return err == nil && now != body
	})
	if out := i.sh("systemctl show echo -p NRestarts --value"); out != "1\n" {
		t.Errorf("NRestarts is %q", out)
	}
}

// killMain kills the main process of an instance, and its helper too if asked.
func (i *instance) killMain(helper bool) {
	i.t.Helper()
	var victims []proc.ID
	for _, p := range i.processes() {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.PID))
		if err != nil {
			continue
		}
		args := strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
		env, err := proc.Environ(p.PID)
		if err != nil {
			continue
		}
		isMain := len(args) == 2 && args[1] == i.dir
		isHelper := slices.Contains(env, reexec.HelperEnv("sandbox-guest"))
		if isMain || (helper && isHelper) {
			victims = append(victims, p.ID)
		}
	}
	if len(victims) == 0 {
		i.t.Skip("the main process is found in /proc, which this system does not have")
	}
	// All stand still first: the one that dies last must not clean up.
	for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGKILL} {
		for _, id := range victims {
			if err := id.Signal(signal); err != nil {
				i.t.Fatal(err)
			}
		}
	}
}

func TestKilledMainProcess(t *testing.T) {
	i := newInstance(t)
	i.up()
	// Something that only its mark leads to when all above it is killed.
	i.sh("setsid sleep 60 >/dev/null 2>&1 </dev/null &")
	sleeps := func() bool {
		return slices.ContainsFunc(i.processes(), func(p proc.Info) bool { return p.Name == "sleep" })
	}
	i.eventually("it sleeps", sleeps)
	i.killMain(true)
	i.eventually("it is off", func() bool {
		st, err := vm.State(i.dir)
		return err == nil && st == vm.Off
	})
	if !sleeps() {
		t.Error("nothing is left, so this shows nothing")
	}
	if err := vm.Stop(t.Context(), i.dir); err != nil {
		t.Fatal(err)
	}
	if left := i.processes(); len(left) > 0 {
		t.Errorf("after Stop there runs %s", proc.Names(left))
	}
	i.up() // and it boots again
}

// With its main process the machine is gone, and its services with it.
func TestMachineCrashEndsItsService(t *testing.T) {
	for _, network := range []guest.Network{guest.Auto, guest.Host} {
		i := newInstance(t)
		i.config.Network = network
		i.userData["write_files"] = []any{file("/etc/systemd/system/echo.service", "0644",
			"[Service]\nExecStart=/bin/sh -c 'echo up; exec sleep 60'\nRestart=always\n[Install]\nWantedBy=multi-user.target\n")}
		i.start()
		i.eventually("the service runs", i.logged("echo.service", "up"))
		i.killMain(false)
		i.eventually("nothing runs", func() bool { return len(i.processes()) == 0 })
	}
}

func TestFailedBootLeavesTheMachineUp(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*instance)
		reason string
	}{
		"the service cannot start": {func(i *instance) {
			i.userData["write_files"] = []any{file("/etc/systemd/system/echo.service", "0644", "[Service]\nExecStart=/nonexistent/program\n[Install]\nWantedBy=multi-user.target\n")}
		}, "/nonexistent/program"},
		"a script fails": {func(i *instance) {
			i.userData["runcmd"] = []any{"echo the reason >&2; exit 7"}
		}, "runcmd failed: exit code 7"},
		"a file is damaged": {func(i *instance) {
			f := file("/etc/x", "0600", "%%%")
			f["encoding"] = "b64"
			i.userData["write_files"] = append(i.userData["write_files"].([]any), f)
		}, "write_files /etc/x failed"},
	} {
		t.Run(name, func(t *testing.T) {
			i := newInstance(t)
			tc.change(i)
			i.start()
			i.eventually("the reason in the journal", i.logged("", tc.reason))
			out, _, code := i.ssh("cloud-init status --wait --long", "")
			if code != 1 || !strings.HasPrefix(out, "status: error\n") {
				t.Errorf("cloud-init status: code %d, %s", code, out)
			}
		})
	}
}

func TestUserDataThatCannotBeUsed(t *testing.T) {
	for _, text := range []string{"#cloud-config\n: [", "#include http://x", "#cloud-config\nusers: 7\n"} {
		i := newInstance(t)
		i.config.UserData = text
		i.start()
		i.eventually("the reason in the journal", i.logged("", "user-data failed"))
		if _, err := i.login(i.clientConfig()); err == nil {
			t.Errorf("%q: somebody can log in", text)
		}
	}
}

func TestStartRefusesWhatCannotBoot(t *testing.T) {
	i := newInstance(t)
	if err := os.MkdirAll(i.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := vm.Start(t.Context(), i.dir); err == nil || !strings.Contains(err.Error(), "config.json") {
		t.Errorf("without a configuration: %v", err)
	}
	i.config.Address = "nowhere"
	i.write()
	if err := vm.Start(t.Context(), i.dir); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("with a wrong address: %v", err)
	}
}

func TestStartOutOfTimeLeavesNothing(t *testing.T) {
	i := newInstance(t)
	i.userData["bootcmd"] = []any{"sleep 60"}
	i.write()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := vm.Start(ctx, i.dir); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if left := i.processes(); len(left) > 0 {
		t.Errorf("there runs %s", proc.Names(left))
	}
}

func TestLongPath(t *testing.T) {
	temp, err := os.MkdirTemp("/tmp", "vm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(temp) })
	i := newInstance(t)
	i.dir = filepath.Join(t.TempDir(), strings.Repeat("long-name-", 12))
	t.Setenv("TMPDIR", temp)
	i.up()
	if out := i.sh("systemctl is-active echo"); out != "active\n" {
		t.Errorf("is-active said %q", out)
	}
	if made, err := os.ReadDir(temp); err != nil || len(made) != 1 {
		t.Errorf("it made %v, %v", made, err)
	}
	t.Setenv("TMPDIR", os.TempDir()+"/elsewhere")
	if err := vm.Stop(t.Context(), i.dir); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) != 0 {
		t.Errorf("the folder for its sockets is left: %v, %v", left, err)
	}
}

func TestCredentialsOfTheStarterStayOut(t *testing.T) {
	t.Setenv("VULTR_API_KEY", "not for instances")
	t.Setenv("DIGITALOCEAN_TOKEN", "not for instances")
	i := newInstance(t)
	i.up()
	for _, p := range i.processes() {
		env, err := proc.Environ(p.PID)
		if err != nil {
			continue // it has just ended
		}
		if slices.ContainsFunc(env, func(e string) bool { return strings.Contains(e, "not for instances") }) {
			t.Errorf("%s has the credentials", p)
		}
	}
}
