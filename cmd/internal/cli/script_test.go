package cli_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"skysail/cmd/internal/cli"
	"skysail/deploy"
)

func TestMain(m *testing.M) {
	deploy.RunHelper()
	testscript.Main(m, map[string]func(){
		"skysail":      func() { os.Exit(cli.Run(context.Background(), cli.Standard(), os.Args[1:])) },
		"cargo-tangle": func() { os.Exit(cli.RunCargo(context.Background(), cli.Standard(), os.Args[1:])) },
	})
}

// TestScripts runs testdata/script: commands as a user types them, with real
// Terraform and the sandbox. Each script has a home of its own.
func TestScripts(t *testing.T) { runScripts(t, "testdata/script") }

// TestScriptsSlow runs testdata/slow: those that take most of a minute.
func TestScriptsSlow(t *testing.T) { runScripts(t, "testdata/slow") }

func runScripts(t *testing.T, dir string) {
	t.Helper()
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Fatal("these tests drive the real Terraform: install it and put it on PATH")
	}
	archive := hello(t)
	examples, err := filepath.Abs("../../../examples")
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.ReadFile(archive + ".sha256")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, "home")
			env.Setenv("SKYSAIL_HOME", home)
			env.Setenv("HELLO_ARCHIVE", "file://"+archive)
			env.Setenv("HELLO_SHA256", strings.TrimSpace(string(sum)))
			env.Setenv("EXAMPLES", examples)
			env.Setenv("PATH", env.Getenv("PATH"))
			skysail := filepath.Join(filepath.SplitList(env.Getenv("PATH"))[0], "skysail")
			env.Defer(func() { tidy(t, skysail, home) })
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"waithttp": waitHTTP,
			"fetch":    fetch,
			"exit":     exitStatus,
			"receive":  receive,
		},
	})
}

// hello builds the example service and returns its archive.
func hello(t *testing.T) string {
	t.Helper()
	pack := exec.CommandContext(t.Context(), "go", "run", "./examples/hello/pack")
	pack.Dir = "../../.."
	if out, err := pack.CombinedOutput(); err != nil {
		t.Fatalf("building the example: %v\n%s", err, out)
	}
	path, err := filepath.Abs("../../../examples/hello/dist/hello.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// tidy stops whatever a script that failed left running.
func tidy(t *testing.T, skysail, home string) {
	if _, err := os.Stat(home); err != nil {
		return
	}
	run := func(args ...string) {
		cmd := exec.Command(skysail, args...)
		cmd.Env = append(os.Environ(), "SKYSAIL_HOME="+home)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Logf("tidying up, skysail %v: %v\n%s", args, err, out)
		}
	}
	for _, name := range []string{"echo", "cruncher"} {
		if d, err := os.ReadDir(filepath.Join(home, "deployments")); err == nil && len(d) > 0 {
			run("destroy", name, "--auto-approve")
		}
	}
	if _, err := os.Stat(filepath.Join(home, "sandbox")); err == nil {
		run("sandbox", "down", "--purge")
	}
}

// waitHTTP waits until the answer of a URL matches a pattern:
// waithttp URL PATTERN. Negated, it wants nothing to answer there.
func waitHTTP(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: waithttp url pattern")
	}
	re := regexp.MustCompile("(?m)" + args[1])
	deadline := time.Now().Add(20 * time.Second)
	last := ""
	for time.Now().Before(deadline) {
		resp, err := http.Get(args[0])
		if err != nil {
			if neg {
				return
			}
			last = err.Error()
		} else {
			b, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			last = string(b)
			if !neg && re.Match(b) {
				return
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("%s: wanted %q (negated: %v), last: %s", args[0], args[1], neg, last)
}

// fetch writes the answer of a URL to a file: fetch URL FILE.
func fetch(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: fetch url file")
	}
	resp, err := http.Get(args[0])
	ts.Check(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b, 0o600))
}

// exitStatus runs a command and wants its exit status: exit 2 skysail plan.
func exitStatus(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exit status command...")
	}
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if ee, ok := err.(*exec.ExitError); ok { //nolint:errorlint // testscript gives it as it is
		got = ee.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if fmt.Sprint(got) != args[0] {
		ts.Fatalf("exit status %d, wanted %s", got, args[0])
	}
}

// receive takes requests at an address until the script ends, and writes their
// bodies to a file, a line each: receive ADDRESS FILE.
func receive(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: receive address file")
	}
	f, err := os.OpenFile(ts.MkAbs(args[1]), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	l, err := net.Listen("tcp", args[0])
	ts.Check(err)
	srv := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _ = f.Write(append(b, '\n'))
	})}
	go func() { _ = srv.Serve(l) }()
	ts.Defer(func() {
		_ = srv.Close()
		_ = f.Close()
	})
}
