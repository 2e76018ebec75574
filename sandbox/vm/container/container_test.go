package container_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/sandbox/vm/container"
)

var instance = container.Instance{ID: "vultr-7", Publish: "127.78.0.3"}

func TestRewrite(t *testing.T) {
	podman, docker := container.Engine{Path: "/usr/bin/podman"}, container.Engine{Path: "/usr/bin/docker"}
	for name, tc := range map[string]struct {
		engine container.Engine
		args   string
		want   string
		ports  []int
	}{
		"the unit's run": {
			podman,
			"run --rm --name skysail-echo --pull missing --log-driver none --publish 8080:8080 --publish 127.0.0.1:9090:90 --env A --env B docker.io/acme/echo:1 --listen :8080 --name x",
			"run --label skysail-sandbox-instance=vultr-7 --rm --name skysail-echo-vultr-7 --pull missing --log-driver none --publish 127.78.0.3:8080:8080 --publish 127.78.0.3:9090:90 --env A --env B docker.io/acme/echo:1 --listen :8080 --name x",
			[]int{8080, 9090},
		},
		"joined options": {
			podman, "run --name=echo -p=80:80/tcp --replace image",
			"run --label skysail-sandbox-instance=vultr-7 --name echo-vultr-7 --publish 127.78.0.3:80:80 --replace image",
			[]int{80},
		},
		"what docker does not know": {
			docker, "run --replace --sdnotify conmon --cgroups=split image",
			"run --label skysail-sandbox-instance=vultr-7 image", nil,
		},
		"rm":   {podman, "rm --force skysail-echo", "rm --force skysail-echo-vultr-7", nil},
		"exec": {podman, "exec echo ls /", "exec echo-vultr-7 ls /", nil},
		"pull": {podman, "pull image", "pull image", nil},
	} {
		got, ports, err := instance.Rewrite(tc.engine, strings.Fields(tc.args))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if diff := cmp.Diff(tc.ports, ports); diff != "" {
			t.Errorf("%s, ports: %s", name, diff)
		}
	}
	for _, bad := range []string{"run --publish 8080 i", "run --publish 53:53/udp i", "run --publish x:1 i", "run --publish"} {
		if got, _, err := instance.Rewrite(podman, strings.Fields(bad)); err == nil {
			t.Errorf("%q became %q", bad, got)
		}
	}
}

// engine puts a program in the place of an engine that notes how it is called.
func engine(t *testing.T, name, script string) (path, calls string) {
	t.Helper()
	dir := t.TempDir()
	calls = filepath.Join(dir, "calls")
	text := "#!/bin/sh\necho \"$*\" >>" + calls + "\n" + script + "\n"
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir, calls
}

func TestFindAsksWhetherTheEngineWorks(t *testing.T) {
	broken, _ := engine(t, "podman", "exit 125")
	hangs, _ := engine(t, "podman", "exec sleep 60")
	good, _ := engine(t, "docker", "echo 27.0")
	if _, err := container.Find(t.Context(), broken); !errors.Is(err, container.ErrNoEngine) {
		t.Errorf("an engine that does not work: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := container.Find(ctx, hangs); !errors.Is(err, container.ErrNoEngine) {
		t.Errorf("an engine that hangs: %v", err)
	}
	e, err := container.Find(t.Context(), broken+string(filepath.ListSeparator)+good)
	if err != nil || e.Path != filepath.Join(good, "docker") {
		t.Errorf("found %v, %v", e, err)
	}
	none := container.Instance{ID: "x", Path: broken}
	err = none.Prepare(t.Context(), strings.Fields("/usr/bin/podman run --rm --name x docker.io/acme/echo:1 arg"))
	if err == nil || err.Error() != "no container engine on this machine: the sandbox can not run docker.io/acme/echo:1" {
		t.Errorf("%v", err)
	}
}

func TestCleanRemovesWhatTheInstanceLeft(t *testing.T) {
	path, calls := engine(t, "docker", `case "$1" in ps) echo abc; echo def;; esac`)
	i := container.Instance{ID: "vultr-7", Path: path}
	if err := i.Clean(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(calls)
	if err != nil {
		t.Fatal(err)
	}
	want := "version --format {{.Server.Version}}\nps --all --quiet --filter label=skysail-sandbox-instance=vultr-7\nrm --force abc def\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	path, _ = engine(t, "docker", `case "$1" in ps) echo abc;; rm) echo "in use" >&2; exit 1;; esac`)
	i.Path = path
	if err := i.Clean(t.Context()); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a container that cannot be removed: %v", err)
	}
}

// Groups of a unit are not there, and folders of the instance are below its root.
func TestRewriteVolumesAndGroups(t *testing.T) {
	i := container.Instance{ID: "vultr-1", Publish: "127.77.0.2", Root: "/s/root"}
	for _, e := range []container.Engine{{Path: "/usr/bin/podman"}, {Path: "/usr/bin/docker"}} {
		got, _, err := i.Rewrite(e, strings.Fields("run --pids-limit -1 --cgroups split --cgroup-parent skysail.slice --volume /var/lib/x:/data -v named:/n image /data"))
		if err != nil {
			t.Fatal(err)
		}
		want := "run --label skysail-sandbox-instance=vultr-1 --pids-limit -1 --volume /s/root/var/lib/x:/data --volume named:/n image /data"
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", e.Path, strings.Join(got, " "), want)
		}
	}
}
