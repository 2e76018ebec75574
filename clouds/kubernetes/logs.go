package kubernetes

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"skysail/clouds"
)

// maxLine bounds a line of a log in bytes; the rest of a longer one is left
// out. Container runtimes split at 16 KiB and the kubelet joins.
const maxLine = 64 << 10

// LogOptions say which lines are wanted.
type LogOptions struct {
	// Since leaves out what was written before; zero is everything that the
	// node still has.
	Since time.Time
	// Tail is how many lines of each container are wanted at the most, before
	// those that are followed; 0 is all.
	Tail int
	// Previous adds what the run before the last restart wrote.
	Previous bool
	// Follow goes on until ctx ends: over restarts of containers, and with pods
	// that come later.
	Follow bool
	// Container is the only one that is wanted; empty is all of them.
	Container string
}

// LogLine is one line of a container.
type LogLine struct {
	Pod, Container string
	Node           string
	// Restart is the number of the container's run that wrote it, from 0.
	Restart int
	// At is when the container runtime took it, by the node's clock.
	At   time.Time
	Text string
}

// Logs hands the lines of all containers of a deployment's pods to line, one
// after the other, with init containers: first those there are, in the order of
// their times, then those that come, as they come. No line is handed over
// twice. An error of line ends it. Of containers that can not be read the
// error tells in the end; the others' lines come all the same. With Follow it
// returns nil when ctx is cancelled.
func (c *Cloud) Logs(ctx context.Context, id string, o LogOptions, line func(LogLine) error) error {
	if err := clouds.CheckID(id); err != nil {
		return err
	}
	api, err := c.connect()
	if err != nil {
		return err
	}
	defer api.close()
	f := &follower{cloud: c, api: api, id: id, options: o, line: line, seen: map[source]*mark{}}
	return f.run(ctx)
}

// source is one container of one pod.
type source struct{ uid, container string }

// mark is how far a source was read: n lines at the time at are known, of the
// run with that number.
type mark struct {
	at      time.Time
	n       int
	restart int
}

// fresh says whether a line is one that was not seen, and remembers it. Within
// one nanosecond the order of lines is that of the log.
func (m *mark) fresh(at time.Time, skip *int) bool {
	switch {
	case at.Before(m.at):
		return false
	case at.Equal(m.at):
		if *skip > 0 {
			*skip--
			return false
		}
		m.n++
	default:
		m.at, m.n, *skip = at, 1, 0
	}
	return true
}

// stream reads a container's log and hands over what is new in it.
func (f *follower) stream(ctx context.Context, p Pod, name string, m *mark, previous, follow bool, hand func(LogLine) error) error {
	q := url.Values{"container": {name}, "timestamps": {"true"}}
	from := f.options.Since
	if m.at.After(from) {
		from = m.at
	}
	if !from.IsZero() {
		q.Set("sinceTime", from.UTC().Truncate(time.Second).Format(time.RFC3339)) // the API knows whole seconds
	}
	if f.options.Tail > 0 && m.at.IsZero() {
		q.Set("tailLines", strconv.Itoa(f.options.Tail))
	}
	if previous {
		q.Set("previous", "true")
	}
	if follow {
		q.Set("follow", "true")
	}
	body, err := f.api.request(call{verb: http.MethodGet, path: podKind.path(p.Namespace, p.Name) + "/log", query: q, accept: "*/*"}).Stream(quiet(ctx))
	if err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // read only
	number := m.restart
	if previous {
		number--
	}
	skip := m.n
	in := bufio.NewReaderSize(body, 32<<10)
	for {
		text, err := readLine(in)
		if text != "" {
			at, rest := stamp(text)
			if !at.Before(f.options.Since) && m.fresh(at, &skip) {
				if err := hand(LogLine{Pod: p.Name, Container: name, Node: p.Node, Restart: max(number, 0), At: at, Text: rest}); err != nil {
					return &handError{err}
				}
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// handError is an error of the caller's own function.
type handError struct{ error }

func (e *handError) Unwrap() error { return e.error }

// stamp parts a line with its time from the container runtime.
func stamp(text string) (time.Time, string) {
	first, rest, ok := strings.Cut(text, " ")
	at, err := time.Parse(time.RFC3339Nano, first)
	if err != nil || !ok && first == "" {
		return time.Time{}, text
	}
	return at.UTC(), rest
}

// readLine reads a line without its end, and no more than maxLine of it.
func readLine(in *bufio.Reader) (string, error) {
	var b strings.Builder
	cut := false
	for {
		part, err := in.ReadSlice('\n')
		if room := maxLine - b.Len(); len(part) > room {
			part, cut = part[:room], true
		}
		b.Write(part)
		if !errors.Is(err, bufio.ErrBufferFull) {
			text := strings.TrimRight(b.String(), "\r\n")
			for r, n := utf8.DecodeLastRuneInString(text); cut && r == utf8.RuneError && n == 1; r, n = utf8.DecodeLastRuneInString(text) {
				text = text[:len(text)-1] // half a character
			}
			return text, err
		}
	}
}

// notYet says that a container has no such log: it has not begun, there was no
// run before, or the pod is gone.
func notYet(err error) bool {
	return apierrors.IsNotFound(err) || apierrors.IsBadRequest(err)
}

func (f *follower) explain(err error, p Pod, container string) error {
	return f.api.explain(err, "%s", fmt.Sprintf("reading the log of pod %s, container %s", p.Name, container))
}
