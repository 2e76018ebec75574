package kubernetes

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// podNamed is the pod as a list of the cluster's has it.
func podNamed(t *testing.T, c *Cloud, name string) Pod {
	t.Helper()
	pods, err := c.Pods(t.Context(), own)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pods {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("no pod %s", name)
	return Pod{}
}

func TestNewLinesOnceEach(t *testing.T) {
	s := newServer(t)
	l := newLogs(s)
	name := unit + "-a"
	runningPod(s, name, 0)
	c := s.cloud()
	marks := map[string]LogMark{}
	read := func(p Pod, count int, want ...string) (more bool) {
		t.Helper()
		lines, next, more, err := c.NewLines(t.Context(), p, marks, count)
		if err != nil || !slices.Equal(texts(lines), want) {
			t.Errorf("%v\ngot  %q\nwant %q", err, texts(lines), want)
		}
		marks = next
		return more
	}
	read(podNamed(t, c, name), 10)
	l.write(name+"/init", 0, "2026-11-30T08:00:00.5Z prepared")
	l.write(name+"/echo", 0, "2026-11-30T08:00:01.5Z one", "2026-11-30T08:00:01.5Z one")
	read(podNamed(t, c, name), 10, "a/init#0 prepared", "a/echo#0 one", "a/echo#0 one")
	l.write(name+"/echo", 0, "2026-11-30T08:00:01.5Z one", "2026-11-30T08:00:01.7Z two")
	read(podNamed(t, c, name), 10, "a/echo#0 one", "a/echo#0 two")
	read(podNamed(t, c, name), 10)

	// The rest of a run that ended, in pieces, before the one that runs now.
	l.write(name+"/echo", 0, "2026-11-30T08:00:02Z three", "2026-11-30T08:00:03Z died")
	l.write(name+"/echo", 1, "2026-11-30T08:00:05Z again")
	runningPod(s, name, 1)
	if !read(podNamed(t, c, name), 1, "a/echo#0 three") {
		t.Error("nothing more")
	}
	if !read(podNamed(t, c, name), 2, "a/echo#0 died", "a/echo#1 again") {
		t.Error("nothing more: it can not know that this was the last line")
	}
	read(podNamed(t, c, name), 2)

	// Runs between two readings are lost with the node's files, and that is told.
	l.write(name+"/echo", 3, "2026-11-30T08:00:09Z third", "2026-11-30T08:00:10Z crash")
	l.write(name+"/echo", 4, "2026-11-30T08:00:12Z fourth")
	runningPod(s, name, 4)
	read(podNamed(t, c, name), 10,
		"a/echo#4 skysail: what 2 run(s) of this container wrote is gone: it was started 3 times between two readings",
		"a/echo#3 third", "a/echo#3 crash", "a/echo#4 fourth")
}

// startedAgain is a pod as it was listed, of which the container was started again
// since: one line of its old run and one of its new run.
func startedAgain(t *testing.T) (*Cloud, Pod) {
	t.Helper()
	s := newServer(t)
	l := newLogs(s)
	name := unit + "-a"
	runningPod(s, name, 0)
	c := s.cloud()
	before := podNamed(t, c, name)
	l.write(name+"/echo", 0, "2026-11-30T08:00:01Z last words")
	l.write(name+"/echo", 1, "2026-11-30T08:00:02Z new run")
	runningPod(s, name, 1)
	return c, before
}

// TestNewLinesOverARestart starts the container again after its pod was listed
// and before its log is read: what the old run wrote last is in the previous
// log by then.
func TestNewLinesOverARestart(t *testing.T) {
	c, before := startedAgain(t)
	lines, marks, more, err := c.NewLines(t.Context(), before, nil, 10)
	if want := []string{"a/echo#0 last words", "a/echo#1 new run"}; err != nil || more || !slices.Equal(texts(lines), want) {
		t.Errorf("%v, more %t: %q", err, more, texts(lines))
	}
	if m := marks["echo"]; m.Restart != 1 || m.N != 1 {
		t.Errorf("%+v", m)
	}
}

// TestNewLinesFullOverARestart is the same where the new run alone is as much as
// was asked for.
func TestNewLinesFullOverARestart(t *testing.T) {
	c, before := startedAgain(t)
	lines, marks, more, err := c.NewLines(t.Context(), before, nil, 1)
	if want := []string{"a/echo#0 last words"}; err != nil || !more || !slices.Equal(texts(lines), want) {
		t.Errorf("%v, more %t: %q", err, more, texts(lines))
	}
	lines, _, _, err = c.NewLines(t.Context(), podNamed(t, c, before.Name), marks, 10)
	if want := []string{"a/echo#1 new run"}; err != nil || !slices.Equal(texts(lines), want) {
		t.Errorf("%v: %q", err, texts(lines))
	}
}

// TestNewLinesOfARestlessPod starts the container again at each look: nothing is
// taken, and the place stays where it was.
func TestNewLinesOfARestlessPod(t *testing.T) {
	s := newServer(t)
	l := newLogs(s)
	name := unit + "-a"
	runningPod(s, name, 0)
	c := s.cloud()
	p := podNamed(t, c, name)
	l.write(name+"/echo", 0, "2026-11-30T08:00:01Z a line")
	runs, before := 0, s.before
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/pods/"+name) {
			runs++
			runningPod(s, name, runs)
		}
		return before(w, r)
	}
	marks := map[string]LogMark{"init": {N: 7}}
	lines, next, more, err := c.NewLines(t.Context(), p, marks, 10)
	if err != nil || more || len(lines) > 0 || len(next) != 1 || next["init"].N != 7 || runs != 3 {
		t.Errorf("%v, more %t, %d looks: %q, %v", err, more, runs, texts(lines), next)
	}
}

func TestNewLinesBoundsAndErrors(t *testing.T) {
	s := newServer(t)
	l := newLogs(s)
	name := unit + "-a"
	runningPod(s, name, 0)
	c := s.cloud()
	p := podNamed(t, c, name)
	for i := range 100 {
		l.write(name+"/echo", 0, fmt.Sprintf("2026-11-30T08:%02d:%02dZ %s", i/60, i%60, strings.Repeat("x", maxLine-100)))
	}
	var marks map[string]LogMark
	total, rounds := 0, 0
	for more := true; more; rounds++ {
		var lines []LogLine
		var err error
		if lines, marks, more, err = c.NewLines(t.Context(), p, marks, 1000); err != nil {
			t.Fatal(err)
		}
		if size := len(lines) * maxLine; size > takenBytes+2*maxLine {
			t.Errorf("%d bytes at once", size)
		}
		total += len(lines)
	}
	if total != 100 || rounds < 2 {
		t.Errorf("%d lines in %d readings", total, rounds)
	}
	before := s.before
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/log") {
			refuse(w, http.StatusForbidden, "Forbidden", "pods/log is forbidden")
			return true
		}
		return before(w, r)
	}
	if lines, _, _, err := c.NewLines(t.Context(), p, marks, 10); err == nil || len(lines) > 0 || !strings.Contains(err.Error(), name) {
		t.Errorf("%d lines, %v", len(lines), err)
	}
}
