package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// LogMark is how far the log of one container was read, for who keeps that:
// N lines at the time At are known, and all before, of the run Restart and
// those before it.
type LogMark struct {
	At      time.Time `json:"at"`
	N       int       `json:"n"`
	Restart int       `json:"restart"`
}

// takenBytes bounds the text of one NewLines.
const takenBytes = 4 << 20

// errEnough ends a reading that has as much as was asked for.
var errEnough = errors.New("as much as was asked for")

// NewLines reads what the containers of a pod wrote after their marks, the
// run before the last restart with it, in the order of its times: at most about
// count lines or 4 MiB, and more tells that there are others. The marks are
// those to read on from; the caller's stay as they are, so an error loses
// nothing. A line without a time stands for runs that the node keeps no more.
// It makes a call for each container, and one more where something was new.
func (c *Cloud) NewLines(ctx context.Context, p Pod, marks map[string]LogMark, count int) (lines []LogLine, next map[string]LogMark, more bool, err error) {
	api, err := c.connect()
	if err != nil {
		return nil, nil, false, err
	}
	defer api.close()
	for range 3 {
		t := &taker{follower: &follower{cloud: c, api: api}, marks: map[string]LogMark{}, room: count, bytes: takenBytes}
		maps.Copy(t.marks, marks)
		err := t.pod(ctx, p)
		if more = errors.Is(err, errEnough); err != nil && !more {
			return nil, nil, false, err
		}
		if len(t.lines) == 0 {
			return nil, t.marks, false, nil
		}
		// A container that was started again while its log was read wrote what
		// stands between the two runs into a log that is "previous" by now.
		now, err := t.again(ctx, p)
		if err != nil {
			return nil, nil, false, err
		}
		if !restarted(p, now) {
			slices.SortStableFunc(t.lines, func(a, b LogLine) int { return a.At.Compare(b.At) })
			return t.lines, t.marks, more, nil
		}
		p = now
	}
	// It restarts faster than it is read; the next reading comes to it.
	return nil, marks, false, nil
}

// restarted says whether a container was started between two sights of a pod.
func restarted(before, now Pod) bool {
	return slices.ContainsFunc(now.Containers, func(c Container) bool {
		return !slices.ContainsFunc(before.Containers, func(o Container) bool { return o.Name == c.Name && o.Restarts == c.Restarts })
	})
}

// taker makes one reading of NewLines.
type taker struct {
	*follower
	lines       []LogLine
	marks       map[string]LogMark
	room, bytes int
}

func (t *taker) pod(ctx context.Context, p Pod) error {
	for _, c := range p.Containers {
		if err := t.container(ctx, p, c); err != nil {
			return err
		}
	}
	return nil
}

// again is the pod as it is now; one that is gone is as it was.
func (t *taker) again(ctx context.Context, p Pod) (Pod, error) {
	var raw corev1.Pod
	err := t.api.json(ctx, call{verb: http.MethodGet, path: podKind.path(p.Namespace, p.Name)}, &raw)
	if notYet(err) {
		return p, nil
	}
	if err != nil {
		return p, t.api.explain(err, "reading pod %s", p.Name)
	}
	return pod(&raw), nil
}

func (t *taker) container(ctx context.Context, p Pod, c Container) error {
	was, known := t.marks[c.Name]
	m := &mark{at: was.At, n: was.N, restart: c.Restarts}
	if gone := c.Restarts - was.Restart - 1; known && gone > 0 {
		t.lines = append(t.lines, LogLine{
			Pod: p.Name, Container: c.Name, Restart: c.Restarts,
			Text: fmt.Sprintf("skysail: what %d run(s) of this container wrote is gone: it was started %d times between two readings", gone, gone+1),
		})
	}
	if c.Restarts > was.Restart {
		if err := t.stream(ctx, p, c.Name, m, true, false, t.take); err != nil && !notYet(err) {
			// What is left of that run comes before the new one.
			t.marks[c.Name] = LogMark{At: m.at, N: m.n, Restart: c.Restarts - 1}
			return t.stopped(err, p, c.Name)
		}
	}
	err := t.stream(ctx, p, c.Name, m, false, false, t.take)
	t.marks[c.Name] = LogMark{At: m.at, N: m.n, Restart: c.Restarts}
	if err != nil && !notYet(err) {
		return t.stopped(err, p, c.Name)
	}
	return nil
}

// take keeps a line, and ends the reading with the last that there is room for.
func (t *taker) take(l LogLine) error {
	t.lines = append(t.lines, l)
	t.room--
	if t.bytes -= len(l.Text); t.room <= 0 || t.bytes <= 0 {
		return errEnough
	}
	return nil
}

func (t *taker) stopped(err error, p Pod, name string) error {
	if errors.Is(err, errEnough) {
		return errEnough
	}
	return t.explain(err, p, name)
}
