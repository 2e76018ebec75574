package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"skysail/internal/failure"
)

// fakeEngine writes a script named terraform into a new folder.
func fakeEngine(t *testing.T, body string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "terraform")
	must(t, os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o700))
	return path
}

const good = `echo '{"terraform_version": "1.9.0"}'`

// onlyPath is a PATH of the folders of these files, in which sh and sleep are
// found as well.
func onlyPath(t *testing.T, files ...string) {
	t.Helper()
	var dirs []string
	for _, f := range files {
		dirs = append(dirs, filepath.Dir(f))
	}
	tools := t.TempDir()
	for _, name := range []string{"sh", "sleep", "env"} {
		path, err := exec.LookPath(name)
		must(t, err)
		must(t, os.Symlink(path, filepath.Join(tools, name)))
	}
	t.Setenv("PATH", strings.Join(append(dirs, tools), string(os.PathListSeparator)))
}

// noReleases is a server in HashiCorp's place that has nothing; it counts what
// it is asked.
func noReleases(t *testing.T) (url string, asked *atomic.Int32) {
	t.Helper()
	asked = &atomic.Int32{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.NotFound(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func TestFindOnPath(t *testing.T) {
	first, second := fakeEngine(t, good), fakeEngine(t, good)
	for name, tt := range map[string]struct {
		path []string
		want string
	}{
		"the first":           {[]string{first, second}, first},
		"not one too old":     {[]string{fakeEngine(t, `echo '{"terraform_version": "1.5.0"}'`), second}, second},
		"not one too new":     {[]string{fakeEngine(t, `echo '{"terraform_version": "2.0.0"}'`), second}, second},
		"not a crashing one":  {[]string{fakeEngine(t, `exit 1`), second}, second},
		"not one of garbage":  {[]string{fakeEngine(t, `echo Terraform v1.9.0`), second}, second},
		"not one of nothing":  {[]string{fakeEngine(t, `echo '{}'`), second}, second},
		"one that complains":  {[]string{fakeEngine(t, `echo "Warning: unable to open CLI configuration" >&2; `+good)}, ""},
		"one that is watched": {[]string{fakeEngine(t, `[ -z "$TF_CLI_ARGS$TF_VAR_x$AWS_SECRET_ACCESS_KEY" ] && [ "$CHECKPOINT_DISABLE" = 1 ] && `+good)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			onlyPath(t, tt.path...)
			t.Setenv("TF_CLI_ARGS", "-bogus")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "canary")
			if tt.want == "" {
				tt.want = tt.path[0]
			}
			url, asked := noReleases(t)
			e, err := EngineFinder{Dir: t.TempDir(), BaseURL: url}.Find(t.Context())
			if err != nil || e.Path != tt.want || e.Installed || asked.Load() != 0 {
				t.Errorf("got %+v %v, %d requests", e, err, asked.Load())
			}
		})
	}
}

func TestFindTheRealOne(t *testing.T) {
	begin := time.Now()
	e, err := EngineFinder{Dir: t.TempDir(), BaseURL: "http://127.0.0.1:1"}.Find(t.Context())
	if err != nil || !filepath.IsAbs(e.Path) {
		t.Fatalf("got %+v %v", e, err)
	}
	t.Logf("%s after %s", e.Path, time.Since(begin))
}

func TestFindWhatWasAskedFor(t *testing.T) {
	path := fakeEngine(t, "exit 1") // it is not even run
	t.Chdir(filepath.Dir(path))
	for _, given := range []string{path, "./terraform"} {
		e, err := EngineFinder{ExecPath: given}.Find(t.Context())
		if err != nil || !filepath.IsAbs(e.Path) || e.Installed {
			t.Errorf("%s: got %+v %v", given, e, err)
		}
	}
	must(t, os.WriteFile("text", nil, 0o600))
	for _, given := range []string{"./nowhere", "./text", "no-such-terraform", "/"} {
		_, err := EngineFinder{ExecPath: given}.Find(t.Context())
		var f *failure.Error
		if !errors.As(err, &f) || f.Meaning == "" || f.Next == "" {
			t.Errorf("%s: got %v", given, err)
		}
	}
}

// TestFetchThatFails ends in an error that says what to do, and leaves
// nothing in Dir but the lock.
func TestFetchThatFails(t *testing.T) {
	nothing, _ := noReleases(t)
	for name, tt := range map[string]struct {
		path []string
		url  string
		want string
	}{
		"nobody listens":    {nil, "http://127.0.0.1:1", "no Terraform >= 1.6.0, < 2.0.0 on PATH, and fetching it failed"},
		"no such version":   {nil, nothing, "fetching it failed"},
		"one that is old":   {[]string{fakeEngine(t, `echo '{"terraform_version": "1.5.0"}'`)}, nothing, "terraform is 1.5.0), and fetching it failed"},
		"one without sense": {[]string{fakeEngine(t, `echo hello`)}, nothing, "terraform does not say its version), and"},
		"not signed":        {nil, unsigned(t), "signature"},
	} {
		t.Run(name, func(t *testing.T) {
			onlyPath(t, tt.path...)
			dir := filepath.Join(t.TempDir(), "engines")
			var notices []string
			ctx := t.Context()
			if name == "nobody listens" { // hc-install tries five times, in 15 s
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 300*time.Millisecond)
				defer cancel()
			}
			e, err := EngineFinder{Dir: dir, BaseURL: tt.url, Notice: func(s string) { notices = append(notices, s) }}.Find(ctx)
			if ctx.Err() != nil {
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v", err)
				}
			} else {
				var f *failure.Error
				if !errors.As(err, &f) || f.Code != failure.Failed || !strings.Contains(f.Cause, tt.want) || !strings.Contains(f.Meaning, "nothing was changed") || !strings.Contains(f.Next, "Install Terraform") {
					t.Errorf("got %v", err)
				}
			}
			if e != (Engine{}) {
				t.Errorf("an engine all the same: %+v", e)
			}
			if len(notices) != 1 || !strings.Contains(notices[0], "fetching "+InstallVersion) {
				t.Errorf("notices: %q", notices)
			}
			entries, err := os.ReadDir(dir)
			must(t, err)
			if len(entries) != 1 || entries[0].Name() != "install.lock" {
				t.Errorf("left in the folder: %v", entries)
			}
		})
	}
}

// unsigned is a server whose release has the right form and no signature of
// HashiCorp's.
func unsigned(t *testing.T) string {
	t.Helper()
	prefix := "/terraform/" + InstallVersion + "/"
	name := "terraform_" + InstallVersion
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case prefix + "index.json":
			w.Header().Set("Content-Type", "application/json")
			var builds []string
			for _, goos := range []string{"linux", "darwin"} {
				for _, arch := range []string{"amd64", "arm64"} {
					file := fmt.Sprintf("%s_%s_%s.zip", name, goos, arch)
					builds = append(builds, fmt.Sprintf(`{"name":"terraform","version":%q,"os":%q,"arch":%q,"filename":%q,"url":"http://%s%s%s"}`,
						InstallVersion, goos, arch, file, r.Host, prefix, file))
				}
			}
			fmt.Fprintf(w, `{"name":"terraform","version":%q,"shasums":"%s_SHA256SUMS","shasums_signature":"%s_SHA256SUMS.sig","shasums_signatures":["%s_SHA256SUMS.72D7468F.sig","%s_SHA256SUMS.sig"],"builds":[%s]}`,
				InstallVersion, name, name, name, name, strings.Join(builds, ","))
		default:
			_, _ = io.WriteString(w, "not what it should be")
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestFetchedEngineIsUsedWithoutNetwork(t *testing.T) {
	onlyPath(t)
	dir := t.TempDir()
	target := filepath.Join(dir, "terraform-"+InstallVersion, "terraform")
	must(t, os.MkdirAll(filepath.Dir(target), 0o700))
	must(t, os.WriteFile(target, []byte("#!/bin/sh\n"), 0o700))
	url, asked := noReleases(t)
	e, err := EngineFinder{Dir: dir, BaseURL: url, Notice: func(s string) { t.Error(s) }}.Find(t.Context())
	if err != nil || e.Path != target || !e.Installed || asked.Load() != 0 {
		t.Errorf("got %+v %v, %d requests", e, err, asked.Load())
	}
}

func TestOneFetchesTheOthersWait(t *testing.T) {
	onlyPath(t)
	dir := t.TempDir()
	stale := filepath.Join(dir, ".fetch-killed")
	must(t, os.Mkdir(stale, 0o700))
	other := flock.New(filepath.Join(dir, "install.lock"))
	if ok, err := other.TryLock(); err != nil || !ok {
		t.Fatal(ok, err)
	}
	url, asked := noReleases(t)

	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := (EngineFinder{Dir: dir, BaseURL: url}).Find(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while another fetches: %v", err)
	}

	var wg sync.WaitGroup
	target := filepath.Join(dir, "terraform-"+InstallVersion, "terraform")
	for range 2 {
		wg.Go(func() {
			if e, err := (EngineFinder{Dir: dir, BaseURL: url}).Find(t.Context()); err != nil || e.Path != target || !e.Installed {
				t.Errorf("after another fetched: %+v %v", e, err)
			}
		})
	}
	time.Sleep(300 * time.Millisecond)
	must(t, os.MkdirAll(filepath.Dir(target), 0o700))
	must(t, os.WriteFile(target, []byte("#!/bin/sh\n"), 0o700))
	must(t, other.Unlock())
	wg.Wait()
	if asked.Load() != 0 {
		t.Errorf("%d requests although another fetched", asked.Load())
	}

	must(t, os.RemoveAll(filepath.Dir(target)))
	if _, err := (EngineFinder{Dir: dir, BaseURL: url}).Find(t.Context()); err == nil {
		t.Error("the engine is gone, and was found")
	}
	if _, err := os.Stat(stale); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a killed fetch left is still there: %v", err)
	}
}

func TestFindIsCancelled(t *testing.T) {
	hangs := fakeEngine(t, "exec sleep 60")
	onlyPath(t, hangs)
	url, asked := noReleases(t)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := ends(t, 10*time.Second, func() error {
		_, err := EngineFinder{Dir: t.TempDir(), BaseURL: url}.Find(ctx)
		return err
	})
	if !errors.Is(err, context.DeadlineExceeded) || asked.Load() != 0 {
		t.Errorf("got %v, %d requests", err, asked.Load())
	}
}

func TestFolderForTheEngineThatCanNotBe(t *testing.T) {
	onlyPath(t)
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	_, err := EngineFinder{Dir: filepath.Join(file, "engines")}.Find(t.Context())
	var f *failure.Error
	if !errors.As(err, &f) || !strings.Contains(f.Cause, "engine folder") || f.Next == "" {
		t.Errorf("got %v", err)
	}
}
