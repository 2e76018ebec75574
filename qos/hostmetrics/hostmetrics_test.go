package hostmetrics_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"skysail/qos/hostmetrics"
	"skysail/qos/metric"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestScript(t *testing.T) {
	golden(t, "testdata/script.golden", hostmetrics.Script("skysail-echo.service"))
	if strings.Contains(hostmetrics.Script(""), "systemctl") {
		t.Error("a target without a unit asks systemd")
	}
}

func TestParse(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 6 {
		t.Fatalf("found %d captured outputs: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			out, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r, err := hostmetrics.Parse(out)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range r.Metrics {
				if _, ok := metric.Lookup(m.Name); !ok {
					t.Errorf("%s is not in the table of names", m.Name)
				}
			}
			golden(t, strings.TrimSuffix(file, ".txt")+".golden", text(r))
		})
	}
}

func text(r hostmetrics.Reading) string {
	var b strings.Builder
	for _, m := range r.Metrics {
		b.WriteString(series(m) + " " + strconv.FormatFloat(m.Value, 'g', -1, 64) + "\n")
	}
	for _, s := range r.Missing {
		b.WriteString("# missing: " + s + "\n")
	}
	return b.String()
}

func series(m metric.Metric) string {
	labels := make([]string, 0, len(m.Labels))
	for _, k := range slices.Sorted(maps.Keys(m.Labels)) {
		labels = append(labels, fmt.Sprintf("%s=%q", k, m.Labels[k]))
	}
	if len(labels) == 0 {
		return m.Name
	}
	return m.Name + "{" + strings.Join(labels, ",") + "}"
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ name, out, want string }{
		{"nothing", "", "is not the output"},
		{"another program", "command not found: exec\n", "command not found"},
		{"cut in the middle", "@@skysail clock\nhz 100\nnow 17", "cut short"},
		{"cut in the last marker", "@@skysail clock\nhz 100\n@@skysail end", "cut short"},
		{"no section has anything", "@@skysail clock\n@@skysail stat\n@@skysail end\n", "told nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := hostmetrics.Parse([]byte(c.out))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
	_, err := hostmetrics.Parse([]byte("@@skysail clock\n"))
	if !errors.Is(err, hostmetrics.ErrTruncated) {
		t.Errorf("got %v, want ErrTruncated", err)
	}
}

// TestParseNeverInvents feeds damaged output: nothing may panic, repeat a
// series or be anything but a finite number.
func TestParseNeverInvents(t *testing.T) {
	base, err := os.ReadFile("testdata/debian12.txt")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		out := slices.Clone(base)
		for range rapid.IntRange(1, 40).Draw(t, "damage") {
			i := rapid.IntRange(0, len(out)-1).Draw(t, "at")
			out[i] = rapid.Byte().Draw(t, "byte")
		}
		r, err := hostmetrics.Parse(out)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, m := range r.Metrics {
			s := series(m)
			if seen[s] {
				t.Fatalf("%s is there twice", s)
			}
			seen[s] = true
			if m.Value < 0 || m.Value != m.Value || m.Value > 1e308 {
				t.Fatalf("%s = %v", s, m.Value)
			}
		}
	})
}

// TestScriptRuns runs the script under every POSIX shell of this machine.
func TestScriptRuns(t *testing.T) {
	shells := [][]string{{"dash"}, {"bash", "--posix"}, {"busybox", "sh"}, {"sh"}, {"ksh"}, {"zsh", "--emulate", "sh"}}
	ran := 0
	for _, argv := range shells {
		path, err := exec.LookPath(argv[0])
		if err != nil {
			t.Logf("NOT RUN: %s is not installed: the script was not run under it", argv[0])
			continue
		}
		ran++
		t.Run(argv[0], func(t *testing.T) {
			args := append(slices.Clone(argv[1:]), "-c", hostmetrics.Script("skysail-none.service"))
			cmd := exec.CommandContext(t.Context(), path, args...)
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			r, err := hostmetrics.Parse(out)
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			names := map[string]bool{}
			for _, m := range r.Metrics {
				names[m.Name] = true
			}
			want := []string{"node_time_seconds", "node_boot_time_seconds", "node_load1", "node_filesystem_avail_bytes"}
			if runtime.GOOS == "linux" {
				want = append(want, "node_cpu_seconds_total", "node_memory_MemTotal_bytes", "node_network_receive_bytes_total")
			}
			for _, n := range want {
				if !names[n] {
					t.Errorf("no %s in\n%s", n, text(r))
				}
			}
		})
	}
	if ran == 0 {
		t.Fatal("no shell was found")
	}
}

func BenchmarkParse(b *testing.B) {
	out, err := os.ReadFile("testdata/debian12.txt")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(out)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := hostmetrics.Parse(out); err != nil {
			b.Fatal(err)
		}
	}
}
