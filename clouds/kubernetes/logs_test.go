package kubernetes

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// run is what one run of a container wrote, and whether it goes on.
type logs struct {
	mu    sync.Mutex
	lines map[string][]string // by pod/container/restart
	now   map[string]int      // the run that is there, by pod/container
}

func (l *logs) write(key string, run int, lines ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now[key] = run
	full := fmt.Sprintf("%s/%d", key, run)
	l.lines[full] = append(l.lines[full], lines...)
}

// ServeHTTP answers as a kubelet: whole seconds of sinceTime, previous, follow
// until the run is another.
func (l *logs) ServeHTTP(w http.ResponseWriter, r *http.Request) bool {
	if !strings.HasSuffix(r.URL.Path, "/log") {
		return false
	}
	parts := strings.Split(r.URL.Path, "/")
	q := r.URL.Query()
	key := parts[6] + "/" + q.Get("container")
	since, _ := time.Parse(time.RFC3339, q.Get("sinceTime"))
	l.mu.Lock()
	run, ok := l.now[key]
	l.mu.Unlock()
	if q.Get("previous") == "true" {
		run--
	}
	if !ok || run < 0 {
		refuse(w, http.StatusBadRequest, "BadRequest", fmt.Sprintf("container %q in pod %q is waiting to start: ContainerCreating", q.Get("container"), parts[6]))
		return true
	}
	full := fmt.Sprintf("%s/%d", key, run)
	for sent := 0; ; {
		l.mu.Lock()
		lines, over := l.lines[full], l.now[key] != run
		l.mu.Unlock()
		for ; sent < len(lines); sent++ {
			at, _ := stamp(lines[sent])
			if !at.Before(since) {
				_, _ = fmt.Fprintln(w, lines[sent])
			}
		}
		if q.Get("follow") != "true" || over {
			return true
		}
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
			return true
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func runningPod(s *server, name string, restarts int) {
	s.put(corePod+name, own, object{
		"metadata": map[string]any{"uid": "uid-" + name},
		"spec":     object{"nodeName": "n1", "initContainers": []object{{"name": "init"}}, "containers": []object{{"name": "echo"}}},
		"status": object{
			"initContainerStatuses": []object{{"name": "init", "state": object{"terminated": object{"exitCode": 0}}}},
			"containerStatuses":     []object{{"name": "echo", "restartCount": restarts, "state": object{"running": object{}}}},
		},
	})
}

func newLogs(s *server) *logs {
	l := &logs{lines: map[string][]string{}, now: map[string]int{}}
	s.before = l.ServeHTTP
	return l
}

func texts(lines []LogLine) []string {
	var out []string
	for _, l := range lines {
		out = append(out, fmt.Sprintf("%s/%s#%d %s", l.Pod[len(l.Pod)-1:], l.Container, l.Restart, l.Text))
	}
	return out
}

func TestLogsMerged(t *testing.T) {
	s := newServer(t)
	l := newLogs(s)
	runningPod(s, unit+"-a", 1)
	runningPod(s, unit+"-b", 0)
	s.put(corePod+"other-z", other, nil)
	l.write(unit+"-a/init", 0, "2026-11-30T08:00:00.5Z prepared")
	l.write(unit+"-a/echo", 0, "2026-11-30T08:00:01.5Z first", "2026-11-30T08:00:01.6Z died")
	l.write(unit+"-a/echo", 1, "2026-11-30T08:00:03Z again", "2026-11-30T08:00:03Z again", "2026-11-30T08:00:05Z done")
	l.write(unit+"-b/echo", 0, "2026-11-30T08:00:02Z hello", "2026-11-30T08:00:04Z  indented ")
	for name, tt := range map[string]struct {
		o    LogOptions
		want []string
	}{
		"all, with the previous run": {LogOptions{Previous: true}, []string{
			"a/init#0 prepared", "a/echo#0 first", "a/echo#0 died", "b/echo#0 hello", "a/echo#1 again", "a/echo#1 again", "b/echo#0  indented ", "a/echo#1 done",
		}},
		"since, within a second": {LogOptions{Previous: true, Since: time.Date(2026, 11, 30, 8, 0, 1, 550e6, time.UTC)}, []string{
			"a/echo#0 died", "b/echo#0 hello", "a/echo#1 again", "a/echo#1 again", "b/echo#0  indented ", "a/echo#1 done",
		}},
		"one container": {LogOptions{Container: "init"}, []string{"a/init#0 prepared"}},
	} {
		var got []LogLine
		err := s.cloud().Logs(t.Context(), own, tt.o, func(l LogLine) error { got = append(got, l); return nil })
		if err != nil || !slices.Equal(texts(got), tt.want) {
			t.Errorf("%s: %v\ngot  %q\nwant %q", name, err, texts(got), tt.want)
		}
		if len(got) > 0 && (got[0].Node != "n1" || got[0].At.IsZero()) {
			t.Errorf("%+v", got[0])
		}
	}
	if s.called("sinceTime=2026-11-30T08%3A00%3A01Z") == 0 {
		t.Errorf("calls: %v", s.calls)
	}
	stop := errors.New("enough")
	if err := s.cloud().Logs(t.Context(), own, LogOptions{}, func(LogLine) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}

func TestLogsFollowRestartsAndNewPods(t *testing.T) {
	s := newServer(t)
	l := newLogs(s)
	runningPod(s, unit+"-a", 0)
	l.write(unit+"-a/echo", 0, "2026-11-30T08:00:01.1Z one")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	lines := make(chan string, 100)
	done := make(chan error, 1)
	go func() {
		done <- s.cloud().Logs(ctx, own, LogOptions{Follow: true}, func(l LogLine) error {
			lines <- texts([]LogLine{l})[0]
			return nil
		})
	}()
	wait := func(want ...string) {
		t.Helper()
		var got []string
		for len(got) < len(want) {
			select {
			case l := <-lines:
				got = append(got, l)
			case <-ctx.Done():
				t.Fatalf("got %q, want %q", got, want)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	wait("a/echo#0 one")
	l.write(unit+"-a/echo", 0, "2026-11-30T08:00:01.2Z two")
	wait("a/echo#0 two")
	// It ends with a last word, and starts again; the stream saw the end.
	l.write(unit+"-a/echo", 0, "2026-11-30T08:00:01.3Z last word")
	wait("a/echo#0 last word")
	l.write(unit+"-a/echo", 1, "2026-11-30T08:00:01.4Z second life")
	runningPod(s, unit+"-a", 1)
	wait("a/echo#1 second life")
	// Another takes its place.
	l.write(unit+"-b/echo", 0, "2026-11-30T08:00:01.5Z new here")
	runningPod(s, unit+"-b", 0)
	wait("b/echo#0 new here")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if len(lines) > 0 {
		t.Errorf("once more: %q", <-lines)
	}
}

func TestLogsTellWhatCanNotBeRead(t *testing.T) {
	s := newServer(t)
	l := newLogs(s)
	runningPod(s, unit+"-a", 0)
	runningPod(s, unit+"-b", 0)
	l.write(unit+"-a/echo", 0, "2026-11-30T08:00:01.1Z one")
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, unit+"-b/log") {
			refuse(w, http.StatusForbidden, "Forbidden", `pods "x" is forbidden: User "dev" cannot get resource "pods/log"`)
			return true
		}
		return l.ServeHTTP(w, r)
	}
	n := 0
	err := s.cloud().Logs(t.Context(), own, LogOptions{}, func(LogLine) error { n++; return nil })
	if n != 1 || err == nil || !strings.Contains(err.Error(), "pod "+unit+"-b, container echo") || Faults().Judge(err.Error()).Class != "auth" {
		t.Errorf("%d lines, %v", n, err)
	}
}

func TestReadLine(t *testing.T) {
	in := bufio.NewReaderSize(strings.NewReader("a\r\n"+strings.Repeat("é", maxLine)+"\nb"), 1000)
	for i, want := range []int{1, maxLine, 1} {
		got, _ := readLine(in)
		if len(got) != want {
			t.Errorf("line %d has %d bytes, want %d", i, len(got), want)
		}
	}
}
