package plugin

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"skysail/internal/tfplugin/tfplugintest"
)

func golden(t *testing.T, name, got string) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s:\n%s", name, diff)
	}
}

func TestContainerArgv(t *testing.T) {
	c := container{
		Engine: "/usr/bin/podman", Name: "skysail-d4k2m9x7qpb1-0", Image: "ghcr.io/acme/echo:1.4",
		EnvFile: "/home/me/local/d4k2m9x7qpb1/skysail-d4k2m9x7qpb1-0/container.env", Label: "skysail-deployment=d4k2m9x7qpb1", Ports: []int{8080, 9090},
	}
	golden(t, "container.argv", strings.Join(c.argv(), "\n")+"\n")
}

func TestContainerEnv(t *testing.T) {
	got, err := containerEnv(map[string]string{"LOG_LEVEL": "info", "PASSWORD": "from env", "EMPTY": ""}, []string{`PASSWORD=a "b" $c=d`})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "container.env", string(got))
	_, err = containerEnv(nil, []string{"KEY=one\ntwo"})
	if err == nil || !strings.Contains(err.Error(), "the value of KEY has more than one line") || strings.Contains(err.Error(), "two") {
		t.Errorf("got %v", err)
	}
}

func TestEnvironLeavesCredentialsOut(t *testing.T) {
	have := map[string]string{"PATH": "/bin", "HOME": "/home/me", "VULTR_API_KEY": "secret", "TF_VAR_x": "y"}
	got := environ(func(n string) (string, bool) { v, ok := have[n]; return v, ok }, inherited, map[string]string{"HOME": "/elsewhere", "A": "b"})
	if diff := cmp.Diff([]string{"A=b", "HOME=/elsewhere", "PATH=/bin"}, got); diff != "" {
		t.Error(diff)
	}
}

// engineScript is the part of podman's command line that is used, with a file
// for each container that runs.
const engineScript = `#!/bin/sh
dir=%q
echo "$@" >>"$dir/calls"
case "$1" in
version) exit 0 ;;
image) [ "$3" = here:1 ] ;;
pull) echo "Error: manifest unknown" >&2; exit 125 ;;
rm) rm -f "$dir/running-$3" ;;
run)
  while [ "$1" != --name ]; do shift; done
  name=$2
  while [ "$1" != --env-file ]; do shift; done
  cat "$2"
  if [ -e "$dir/running-$name" ]; then echo "the name $name is in use" >&2; exit 125; fi
  touch "$dir/running-$name"
  trap 'rm -f "$dir/running-$name"; exit 0' TERM
  sleep 1000 & wait
  ;;
esac
`

func TestContainerLifeCycle(t *testing.T) {
	b := newBench(t)
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "podman"), []byte(fmt.Sprintf(engineScript, bin)), 0o700); err != nil {
		t.Fatal(err)
	}
	b.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	running := filepath.Join(bin, "running-"+instance)

	b.write(`image = "not-here:1"`)
	if out, want := b.ApplyFails(), "image not-here:1 can not be pulled: Error: manifest unknown"; !strings.Contains(out, want) {
		t.Errorf("no %q in:\n%s", want, out)
	}
	b.wantNothing(t)

	b.write(`image = "here:1"`)
	b.Apply()
	b.WantNoChanges()
	wantLine(t, b.folder(), "GREETING=hello")
	if _, err := os.Stat(running); err != nil {
		t.Error(err)
	}

	// The client is killed and the container stays: it is replaced.
	kill(t, b.status(t).PID)
	waitFor(t, func() bool {
		calls, _ := os.ReadFile(filepath.Join(bin, "calls"))
		return strings.Count(string(calls), "run --rm") == 2
	})
	b.Destroy()
	b.wantNothing(t)
	if _, err := os.Stat(running); err == nil {
		t.Error("the container still runs")
	}
}

func TestNoContainerEngine(t *testing.T) {
	b := newBench(t)
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "docker"), []byte("#!/bin/sh\necho client 1.0\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	// What the mirror's script needs.
	if err := os.Symlink("/usr/bin/env", filepath.Join(bin, "env")); err != nil {
		t.Fatal(err)
	}
	b.Setenv("PATH", bin)
	b.write(`image = "here:1"`)
	out := b.ApplyFails()
	for _, want := range []string{
		"no container engine works on this machine (podman is not on PATH; docker: Cannot connect to the Docker daemon)",
		"Install Podman or Docker",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	b.wantNothing(t)
}

func TestValidate(t *testing.T) {
	b := newBench(t)
	good := map[string]string{}
	for k, v := range b.values {
		good[k] = v
	}
	for _, tc := range []struct{ source, want string }{
		{`image = "x"` + "\n url = \"https://example.com/a\"", "url and image exclude each other"},
		{`image = "--privileged"`, `"--privileged" is no image reference`},
		{"", "url is missing"},
		{`url = "ftp://example.com/a"` + "\n sha256 = \"x\"\n binary = \"x\"", `url has scheme "ftp"`},
		{`url = "file://relative"` + "\n sha256 = \"x\"\n binary = \"x\"", `url has scheme "file": it is https, http, or file with an absolute path`},
		{`url = "https://example.com/a"` + "\n sha256 = \"ABC\"\n binary = \"x\"", "sha256 is not 64 lower-case hex digits"},
		{fmt.Sprintf("url = \"https://example.com/a\"\n sha256 = %q\n binary = \"../x\"", good["sha256"]), `"../x" is no path inside the archive`},
	} {
		if tc.source == "" {
			tc.source = " "
		}
		b.write(tc.source)
		out, code := b.Run("validate", "-no-color")
		if out = tfplugintest.Flat(out); code != 1 || !strings.Contains(out, tc.want) {
			t.Errorf("exit %d, no %q in:\n%s", code, tc.want, out)
		}
	}
	b.Write(`
terraform {
  required_providers {
    local = { source = "skysail.internal/skysail/local" }
  }
}
resource "local_service" "this" {
  deployment_id = "production"
  name          = "../up"
  image         = "x"
  ports         = [80, 80, 70000]
  env           = { "A B" = "c" }
}
`)
	out, code := b.Run("validate", "-no-color")
	out = tfplugintest.Flat(out)
	for _, want := range []string{`"production" is no deployment ID`, `"../up" is no instance name`, "port 80 is there twice", "70000 is no port", `"A B" is no name of an environment variable`} {
		if code != 1 || !strings.Contains(out, want) {
			t.Errorf("exit %d, no %q in:\n%s", code, want, out)
		}
	}
	b.write("")
	b.Setenv("SKYSAIL_LOCAL_DIR", "relative")
	out, code = b.Run("plan", "-no-color", "-input=false")
	if want := "the folder for local services is not an absolute path"; code != 1 || !strings.Contains(tfplugintest.Flat(out), want) {
		t.Errorf("exit %d, no %q in:\n%s", code, want, out)
	}
}
