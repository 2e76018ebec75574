package plugin

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"skysail/clouds/local"
	"skysail/internal/journal"
	"skysail/internal/reexec"
	"skysail/internal/supervise"
	"skysail/internal/supervise/proc"
	"skysail/internal/tfplugin/tfplugintest"
)

const testService = "local-test-service"

func TestMain(m *testing.M) {
	reexec.Register(testService, runTestService)
	reexec.Main()
	os.Exit(m.Run())
}

// runTestService is the program in the test archives: it answers on a port
// with what it knows, counts its starts in its folder, and ends at once when
// it is told to.
func runTestService(args []string) int {
	fmt.Printf("starting with %q\n", args)
	if len(args) > 1 && args[1] == "fail" {
		fmt.Fprintf(os.Stderr, "can not go on, and the password is %s\n", os.Getenv("PASSWORD"))
		return 3
	}
	f, err := os.OpenFile("starts", os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_, _ = fmt.Fprintln(f, "start")
	_ = f.Close()
	_ = http.ListenAndServe("127.0.0.1:"+args[0], http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		starts, _ := os.ReadFile("starts")
		_, _ = fmt.Fprintf(w, "greeting=%s password=%s token=%s starts=%d", os.Getenv("GREETING"), os.Getenv("PASSWORD"), os.Getenv("VULTR_API_KEY"), bytes.Count(starts, []byte("\n")))
	}))
	return 1
}

const (
	deployment = "d4k2m9x7qpb1"
	instance   = "skysail-" + deployment + "-0"
)

// bench is a Terraform workspace with a service to deploy.
type bench struct {
	*tfplugintest.Workspace
	dir    string
	port   int
	values map[string]string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{dir: filepath.Join(t.TempDir(), "local"), port: freePort(t)}
	archive, digest := makeArchive(t, serviceFiles(t))
	b.values = map[string]string{
		"url": "file://" + archive, "sha256": digest, "binary": "bin/service", "args": fmt.Sprintf("%q", fmt.Sprint(b.port)), "greeting": "hello",
	}
	b.Workspace = tfplugintest.New(t, map[string]string{
		"SKYSAIL_LOCAL_DIR":     b.dir,
		"SKYSAIL_LOCAL_SECRETS": filepath.Join(t.TempDir(), "secrets.env"), // not there until a test writes it
		"VULTR_API_KEY":         "not for services",
	}, Providers()...)
	b.write("")
	b.Init()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := b.folder().Remove(ctx, nil); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bench) folder() local.Folder { return local.FolderOf(b.dir, deployment, instance) }

// write puts the configuration in place; source, when given, stands in for
// the native source.
func (b *bench) write(source string) {
	if source == "" {
		source = fmt.Sprintf("url = %q\n  sha256 = %q\n  binary = %q\n  args = [%s]", b.values["url"], b.values["sha256"], b.values["binary"], b.values["args"])
	}
	exe, _ := os.Executable()
	b.Write(fmt.Sprintf(`
terraform {
  required_providers {
    local = {
      source  = "skysail.internal/skysail/local"
      version = "1.0.0"
    }
  }
}

resource "local_service" "this" {
  deployment_id = %q
  name          = %q
  %s
  env   = { GREETING = %q, TEST_BINARY = %q }
  ports = [%d]
}
`, deployment, instance, source, b.values["greeting"], exe, b.port))
}

func (b *bench) get(t *testing.T) string {
	t.Helper()
	url := fmt.Sprintf("http://127.0.0.1:%d/", b.port)
	deadline := time.Now().Add(20 * time.Second)
	for {
		resp, err := http.Get(url)
		if err == nil {
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			return string(body)
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (b *bench) wantNothing(t *testing.T) {
	t.Helper()
	if pids, err := supervise.FindByDeployment(deployment); err != nil || len(pids) > 0 {
		t.Errorf("still running: %v, %v", pids, err)
	}
	if _, err := os.Stat(filepath.Join(b.dir, deployment)); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
	b.WantEmptyState()
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

func TestLifeCycle(t *testing.T) {
	b := newBench(t)
	secrets := filepath.Join(t.TempDir(), "secrets.env")
	if err := os.WriteFile(secrets, []byte("PASSWORD=\"hunter \\\"2\\\"\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.Setenv("SKYSAIL_LOCAL_SECRETS", secrets)
	b.Apply()
	b.WantNoChanges()
	if got, want := b.get(t), `greeting=hello password=hunter "2" token= starts=1`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if strings.Contains(b.StateFile(), "hunter") {
		t.Error("the state has the secret")
	}
	state := b.Resource("local_service.this").AttributeValues
	for name, want := range map[string]any{
		"id": deployment + "/" + instance, "address": "127.0.0.1", "directory": b.folder().Path(), "log_file": b.folder().Journal(), "supervised": true,
	} {
		if state[name] != want {
			t.Errorf("%s = %v, want %v", name, state[name], want)
		}
	}
	wantPrivate(t, b.dir)
	wantLine(t, b.folder(), fmt.Sprintf("starting with [%q]", fmt.Sprint(b.port)))

	// The program dies: it comes back by itself, and Terraform sees nothing.
	before := b.status(t)
	kill(t, before.PID)
	waitFor(t, func() bool { s := b.status(t); return s.PID != before.PID && s.State == supervise.StateRunning })
	b.WantNoChanges()
	if got := b.get(t); !strings.HasSuffix(got, "starts=2") {
		t.Errorf("got %q", got)
	}

	// The supervisor dies, as when the machine is switched off: the next apply
	// starts the service again, with the secrets and files that it has.
	b.Setenv("SKYSAIL_LOCAL_SECRETS", "")
	kill(t, b.status(t).SupervisorPID)
	waitFor(t, func() bool { return !b.status(t).Supervised() })
	out, _ := b.Plan()
	if !strings.Contains(out, "0 to add, 1 to change, 0 to destroy") {
		t.Errorf("plan:\n%s", out)
	}
	b.Apply()
	b.WantNoChanges()
	if got, want := b.get(t), `greeting=hello password=hunter "2" token= starts=3`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}

	// Another environment: another service.
	b.values["greeting"] = "good evening"
	b.write("")
	if out, _ := b.Plan(); !strings.Contains(out, "forces replacement") {
		t.Errorf("plan:\n%s", out)
	}
	b.Apply()
	if got, want := b.get(t), "greeting=good evening password= token= starts=1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}

	b.Destroy()
	b.wantNothing(t)
}

func (b *bench) status(t *testing.T) supervise.Status {
	t.Helper()
	s, err := supervise.Read(b.folder().Supervisor())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func kill(t *testing.T, pid int) {
	t.Helper()
	if pid <= 1 {
		t.Fatalf("no process: %d", pid)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func waitFor(t *testing.T, what func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !what() {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func wantLine(t *testing.T, f local.Folder, want string) {
	t.Helper()
	waitFor(t, func() bool {
		entries, err := journal.Read(f.Journal(), journal.Query{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Message == want {
				return true
			}
		}
		return false
	})
}

// wantPrivate wants everything below a folder to be for its owner only.
func wantPrivate(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.Type()&(os.ModeSymlink|os.ModeSocket) != 0 {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatCanNotBeStarted(t *testing.T) {
	b := newBench(t)
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	good := map[string]string{}
	for k, v := range b.values {
		good[k] = v
	}
	plain, plainDigest := makeArchive(t, []file{{name: "bin/service", body: "#!/bin/sh\n", mode: 0o600}})
	secrets := filepath.Join(t.TempDir(), "secrets.env")
	if err := os.WriteFile(secrets, []byte("PASSWORD=hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.Setenv("SKYSAIL_LOCAL_SECRETS", secrets)
	for _, tc := range []struct {
		name   string
		change map[string]string
		want   []string
	}{
		{"digest", map[string]string{"sha256": strings.Repeat("0", 64)}, []string{"the archive's SHA-256 is not the one that the service names", good["sha256"]}},
		{"missing file", map[string]string{"url": "file:///nowhere/at/all.tar.gz"}, []string{"the archive can not be downloaded: open /nowhere/at/all.tar.gz: no such file"}},
		{"missing page", map[string]string{"url": strings.Replace(web.URL, "http://", "http://user:topsecret@", 1) + "/a.tar.gz?token=topsecret"}, []string{"/a.tar.gz answered 404 Not Found"}},
		{"not there", map[string]string{"binary": "bin/other"}, []string{"its bin/other is not there"}},
		{"not executable", map[string]string{"url": "file://" + plain, "sha256": plainDigest}, []string{"its bin/service is not executable"}},
		{"ends at once", map[string]string{"args": good["args"] + `, "fail"`}, []string{
			"the service ended as soon as it was started: ", "starting with", "can not go on, and the password is ****",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for k, v := range good {
				b.values[k] = v
			}
			for k, v := range tc.change {
				b.values[k] = v
			}
			b.write("")
			out := b.ApplyFails()
			for _, want := range tc.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in:\n%s", want, out)
				}
			}
			if strings.Contains(out, "topsecret") || strings.Contains(out, "hunter2") {
				t.Errorf("tells a secret:\n%s", out)
			}
			b.wantNothing(t)
		})
	}
	t.Run("port in use", func(t *testing.T) {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", b.port))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		b.values = good
		b.write("")
		if out, want := b.ApplyFails(), fmt.Sprintf("port %d is already in use by another program", b.port); !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
		b.wantNothing(t)
	})
	t.Run("open secrets", func(t *testing.T) {
		if err := os.Chmod(secrets, 0o644); err != nil {
			t.Fatal(err)
		}
		b.values = good
		b.write("")
		if out, want := b.ApplyFails(), "has mode 0644, so others can read it: make it 0600"; !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
		b.wantNothing(t)
	})
}

func TestInterruptedDownloadLeavesNothing(t *testing.T) {
	b := newBench(t)
	started, release := make(chan struct{}, 1), make(chan struct{})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000000")
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		started <- struct{}{}
		select {
		case <-r.Context().Done():
		case <-release:
		}
	}))
	defer web.Close()
	defer close(release)
	b.values["url"] = web.URL + "/a.tar.gz"
	b.write("")
	cmd := b.Command("apply", "-auto-approve", "-input=false", "-no-color")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-started
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the interrupted apply succeeded")
	}
	if text := tfplugintest.Flat(out.String()); !strings.Contains(text, "context canceled") {
		t.Errorf("says:\n%s", text)
	}
	b.wantNothing(t)
}

// A program's children and theirs go with it.
func TestDestroyTakesTheWholeFamily(t *testing.T) {
	b := newBench(t)
	archive, digest := makeArchive(t, []file{{name: "run", mode: 0o700, body: "#!/bin/sh\nsleep 1000 &\n(sleep 1000 & exec sleep 1000) &\nwait\n"}})
	b.values["url"], b.values["sha256"], b.values["binary"], b.values["args"] = "file://"+archive, digest, "run", ""
	b.write("")
	b.Apply()
	found, err := proc.WithEnv(b.folder().Mark())
	if err != nil || len(found) < 4 {
		t.Fatalf("running: %v, %v", found, err)
	}
	b.Destroy()
	b.wantNothing(t)
}
