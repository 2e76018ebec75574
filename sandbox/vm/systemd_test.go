package vm_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"skysail/internal/reexec"
	"skysail/sandbox/vm"
)

// root runs a command on the instance as root does, through the boot's own
// environment: sudo's rules allow the test user a script for that.
func (i *instance) root(command string) (stdout, stderr string, code int) {
	i.t.Helper()
	return i.ssh("sudo -n /opt/test/as-root", command)
}

func withRoot(i *instance) {
	i.userData["write_files"] = append(i.userData["write_files"].([]any), file("/opt/test/as-root", "0755", "#!/bin/sh\nexec /bin/sh\n"))
	user := i.userData["users"].([]any)[0].(map[string]any)
	user["sudo"] = `ALL=(root) NOPASSWD: /opt/test/as-root "", /usr/bin/true`
}

func TestSystemctl(t *testing.T) {
	i := newInstance(t)
	withRoot(i)
	i.up()
	for _, tc := range []struct {
		command string
		root    bool
		out     string
		errOut  string // a part of it
		code    int
	}{
		{command: "systemctl is-active echo", out: "active\n"},
		{command: "systemctl is-active --quiet echo.service"},
		{command: "systemctl is-enabled echo", out: "enabled\n"},
		{command: "systemctl is-failed echo", out: "active\n", code: 1},
		{command: "systemctl is-active nothing", out: "inactive\n", code: 3},
		{command: "systemctl show nothing -p LoadState,ActiveState,SubState", out: "LoadState=not-found\nActiveState=inactive\nSubState=dead\n"},
		// systemd prints properties in its own order, whatever was asked.
		{command: "systemctl show -p SubState -p ActiveState --property=NRestarts echo", out: "NRestarts=0\nActiveState=active\nSubState=running\n"},
		{command: "systemctl show -pActiveState --value echo", out: "active\n"},
		{command: "systemctl show echo --property=FragmentPath,UnitFileState,Result,ConditionResult", out: "Result=success\nFragmentPath=/etc/systemd/system/echo.service\nUnitFileState=enabled\nConditionResult=yes\n"},
		{command: "systemctl is-active ssh sshd", out: "active\nactive\n"},
		{command: "systemctl stop echo", errOut: "Interactive authentication required", code: 1},
		{command: "systemctl frobnicate echo", errOut: "Unknown command verb", code: 1},
		{command: "systemctl --frobnicate", errOut: "unrecognized option", code: 1},
		{command: "systemctl show ../../x.service", errOut: "not valid", code: 1},
		{command: "systemctl try-restart --no-block ssh.service", root: true},
		{command: "systemctl daemon-reload", root: true},
		{command: "systemctl start nothing", root: true, errOut: "Unit nothing.service not found.", code: 5},
		{command: "systemctl enable nothing", root: true, errOut: "does not exist", code: 1},
		{command: "systemctl stop echo && systemctl is-active echo", root: true, out: "inactive\n", code: 3},
		{command: "systemctl show echo -p MainPID -p ActiveState -p SubState", out: "MainPID=0\nActiveState=inactive\nSubState=dead\n"},
		{command: "systemctl try-restart echo; systemctl is-active echo", root: true, out: "inactive\n", code: 3},
		{command: "systemctl status echo | head -n 1", out: "○ echo.service - echo service\n"},
		{command: "systemctl start echo; systemctl is-active echo", root: true, out: "active\n"},
		{command: "systemctl disable --now echo; systemctl is-enabled echo; systemctl is-active echo", root: true, out: "disabled\ninactive\n", code: 3},
		{command: "systemctl cat echo | head -n 2", out: "# /etc/systemd/system/echo.service\n[Unit]\n"},
	} {
		run := func() (string, string, int) { return i.ssh(tc.command, "") }
		if tc.root {
			run = func() (string, string, int) { return i.root(tc.command) }
		}
		if out, errOut, code := run(); code != tc.code || out != tc.out || !strings.Contains(errOut, tc.errOut) {
			t.Errorf("%s: code %d, stdout %q, stderr %q", tc.command, code, out, errOut)
		}
	}
	if out, _, _ := i.ssh("sudo -n /usr/bin/id", ""); out != "" {
		t.Errorf("sudo ran what no rule allows: %s", out)
	}
}

func TestShowFollowsTheProcess(t *testing.T) {
	i := newInstance(t)
	i.up()
	pid, err := i.get("/pid")
	if err != nil {
		t.Fatal(err)
	}
	if out := i.sh("systemctl show echo -p MainPID --value"); out != pid+"\n" {
		t.Errorf("MainPID is %q, the service is %s", out, pid)
	}
	stamp := strings.TrimSpace(i.sh("systemctl show echo -P ExecMainStartTimestamp"))
	at, err := time.ParseInLocation("Mon 2006-01-02 15:04:05 MST", stamp, time.Local)
	if err != nil || time.Since(at) > time.Minute || time.Since(at) < -time.Second {
		t.Errorf("ExecMainStartTimestamp is %q, %v", stamp, err)
	}
}

func TestConditionAndSecrets(t *testing.T) {
	i := newInstance(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(unit(self), "[Service]", "ConditionPathExists=/etc/skysail/secrets.env\n[Service]\nEnvironmentFile=/etc/skysail/secrets.env", 1)
	i.userData["write_files"] = []any{
		file("/etc/skysail/service.env", "0600", ""),
		file("/etc/systemd/system/echo.service", "0644", text),
		file("/opt/skysail/secrets", "0755", "#!/bin/sh\nset -eu\numask 077\ncat >\"$SKYSAIL_ROOT/etc/skysail/secrets.env\"\nsystemctl start echo.service\n"),
	}
	i.start()
	i.eventually("the end of the boot", func() bool { return i.sh("cloud-init status --wait") == "status: done\n" })
	if out := i.sh("systemctl show echo -p ActiveState -p ConditionResult"); out != "ActiveState=inactive\nConditionResult=no\n" {
		t.Errorf("without secrets: %q", out)
	}
	if !i.logged("echo.service", "unmet condition check (ConditionPathExists=/etc/skysail/secrets.env)")() {
		t.Errorf("the journal does not say why: %q", i.messages("echo.service"))
	}
	if _, errOut, code := i.ssh("sudo -n /opt/skysail/secrets", "API_KEY='hunter2'\n"); code != 0 {
		t.Fatalf("code %d, %s", code, errOut)
	}
	i.eventually("the service has its secret", func() bool {
		body, err := i.get("/env?API_KEY")
		return err == nil && body == "hunter2"
	})
	if _, errOut, code := i.ssh("sudo -n /opt/skysail/secrets with arguments", ""); code != 1 || !strings.Contains(errOut, "a password is required") {
		t.Errorf("sudo with arguments that the rule forbids: code %d, %s", code, errOut)
	}
	for _, name := range []string{"vm.log", "cloud-init.log", "journal", "units/echo.service/spec.json", "units/echo.service/status.json"} {
		b, err := os.ReadFile(filepath.Join(i.dir, name))
		if err != nil || strings.Contains(string(b), "hunter2") {
			t.Errorf("%s holds the secret, or %v", name, err)
		}
	}
}

func TestCrashingServiceHitsTheStartLimit(t *testing.T) {
	i := newInstance(t)
	i.userData["write_files"] = []any{file("/etc/systemd/system/echo.service", "0644",
		"[Unit]\nStartLimitIntervalSec=1min\nStartLimitBurst=3\n[Service]\nExecStart=/bin/sh -c 'echo trying; exit 3'\nRestart=on-failure\nRestartSec=20ms\n[Install]\nWantedBy=multi-user.target\n")}
	i.start()
	i.eventually("the limit", func() bool {
		return i.sh("systemctl show echo -p ActiveState -p SubState -p Result -p NRestarts") == "Result=start-limit-hit\nNRestarts=2\nActiveState=failed\nSubState=failed\n"
	})
	if out, _, code := i.ssh("systemctl is-failed echo", ""); code != 0 || out != "failed\n" {
		t.Errorf("is-failed: code %d, %q", code, out)
	}
	if n := strings.Count(strings.Join(i.messages("echo.service"), "\n"), "trying"); n != 3 {
		t.Errorf("it was tried %d times", n)
	}
}

func TestExecLines(t *testing.T) {
	i := newInstance(t)
	i.userData["write_files"] = []any{
		file("/etc/app/run.sh", "0755", "#!/bin/sh\nprintf '%s|' \"$@\"; echo\nexec sleep 60\n"),
		file("/etc/app/env", "0600", "WORDS='two words'\nLIST=a b\n"),
		file("/etc/systemd/system/echo.service", "0644", strings.Join([]string{
			"[Service]", "EnvironmentFile=/etc/app/env", `Environment="ONE=1 one" TWO=2`,
			"ExecStartPre=-/bin/false", "ExecStartPre=/bin/sh -c 'echo prepared $$TWO'",
			`ExecStart="/etc/app/run.sh" ${WORDS} $LIST "$${X}" 100%% "a\"b" \`, `  --file=/etc/app/env %n 'single $TWO'`,
			"ExecStopPost=/bin/echo cleaned up", "TimeoutStopSec=2", "",
		}, "\n")),
	}
	i.userData["runcmd"] = []any{[]any{"systemctl", "start", "echo"}}
	i.start()
	root := filepath.Join(i.dir, "root")
	i.eventually("its arguments", i.logged("echo.service", `two words|a|b|${X}|100%|a"b|--file=`+root+`/etc/app/env|echo.service|single $TWO|`))
	i.eventually("the start is complete", i.logged("echo.service", "Started echo.service."))
	if !i.logged("echo.service", "prepared 2")() {
		t.Errorf("ExecStartPre: %q", i.messages("echo.service"))
	}
	if err := vm.Stop(t.Context(), i.dir); err != nil {
		t.Fatal(err)
	}
	if !i.logged("echo.service", "echo: cleaned up")() {
		t.Errorf("ExecStopPost: %q", i.messages("echo.service"))
	}
}

func TestContainerWithoutAnEngine(t *testing.T) {
	i := newInstance(t)
	i.userData["write_files"] = []any{file("/etc/systemd/system/echo.service", "0644",
		"[Service]\nExecStartPre=-/usr/bin/podman rm --force echo\nExecStart=/usr/bin/podman run --rm --name echo --publish 8080:8080 docker.io/acme/echo:1\nRestart=always\n[Install]\nWantedBy=multi-user.target\n")}
	// A machine without any engine: its PATH has what a boot needs, and an
	// engine that does not work.
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sh", "env", "cat"} {
		if err := os.Symlink(filepath.Join("/bin", name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	i.start()
	i.eventually("the honest line", i.logged("echo.service", "no container engine on this machine: the sandbox can not run docker.io/acme/echo:1"))
	if out, _, _ := i.ssh("systemctl is-active echo", ""); out != "failed\n" {
		t.Errorf("the unit is %q", out)
	}
}

// An engine that is only a program with the engine's command line: it runs the
// test service where the container's port is published.
func TestContainerWithAnEngine(t *testing.T) {
	i := newInstance(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	calls := filepath.Join(dir, "calls")
	engine := strings.NewReplacer("CALLS", calls, "HELPER", reexec.HelperEnv(serviceHelper), "SERVICE", self).Replace(`#!/bin/sh
echo "$*" >>CALLS
case "$1" in
version) echo 27.0 ;;
run)
	while [ "$1" != --publish ]; do shift; done
	exec env HELPER LISTEN="$(echo "$2" | cut -d: -f1,2)" SERVICE ;;
ps) echo left-over ;;
esac
`)
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte(engine), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	i.userData["write_files"] = []any{
		file("/etc/skysail/service.env", "0600", "GREETING=hello\n"),
		file("/etc/systemd/system/echo.service", "0644", strings.Join([]string{
			"[Service]", "EnvironmentFile=/etc/skysail/service.env", "ExecStartPre=-/usr/bin/podman rm --force skysail-echo",
			"ExecStart=/usr/bin/podman run --rm --name skysail-echo --publish 8080:8080 --env GREETING docker.io/acme/echo:1",
			"ExecStopPost=-/usr/bin/podman rm --force skysail-echo", "[Install]", "WantedBy=multi-user.target", "",
		}, "\n")),
	}
	i.up()
	if body, err := i.get("/env?GREETING"); err != nil || body != "hello" {
		t.Errorf("the container's environment: %q, %v", body, err)
	}
	if err := vm.Stop(t.Context(), i.dir); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(calls)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"rm --force skysail-echo-vultr-" + i.config.ID + "\n",
		"run --label skysail-sandbox-instance=vultr-" + i.config.ID + " --rm --name skysail-echo-vultr-" + i.config.ID + " --publish 127.78.",
		"rm --force left-over\n",
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("the engine was never called with %q:\n%s", want, b)
		}
	}
}

func TestStopKillsAStubbornService(t *testing.T) {
	i := newInstance(t)
	i.userData["write_files"] = []any{file("/etc/systemd/system/echo.service", "0644",
		"[Service]\nExecStart=/bin/sh -c \"trap '' TERM; echo stubborn; while :; do sleep 1; done\"\nTimeoutStopSec=300ms\n[Install]\nWantedBy=multi-user.target\n")}
	i.start()
	i.eventually("it runs", i.logged("echo.service", "stubborn"))
	if err := vm.Stop(t.Context(), i.dir); err != nil {
		t.Fatal(err)
	}
	if left := i.processes(); len(left) > 0 {
		t.Errorf("there runs %v", left)
	}
}

func TestServiceKeepsDefaultSignals(t *testing.T) {
	i := newInstance(t)
	i.userData["write_files"] = []any{file("/etc/systemd/system/echo.service", "0644",
		"[Service]\nExecStart=/bin/sleep 60\n[Install]\nWantedBy=multi-user.target\n")}
	i.start()
	i.eventually("it runs", func() bool { out, _, _ := i.ssh("systemctl is-active echo", ""); return out == "active\n" })
	var pid int
	if _, err := fmt.Sscan(i.sh("systemctl show echo -P MainPID"), &pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	i.eventually("SIGTERM ends it", func() bool { out, _, _ := i.ssh("systemctl is-active echo", ""); return out != "active\n" })
}
