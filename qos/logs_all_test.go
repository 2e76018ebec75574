package qos_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/internal/sshtest"
	"skysail/qos"
	"skysail/qos/sshclient"
)

// fleet is n instances with journals of their own.
func fleet(t *testing.T, n int) ([]*machine, []qos.Target) {
	t.Helper()
	machines, targets := make([]*machine, n), make([]qos.Target, n)
	for i := range n {
		machines[i] = newMachine(0)
		targets[i] = remote(sshtest.Start(t, machines[i].handle))
		targets[i].Instance = fmt.Sprintf("echo-%d", i)
	}
	return machines, targets
}

func (m *machine) writeAt(second int, text string) {
	m.mu.Lock()
	i := len(m.lines) + 1
	m.lines = append(m.lines, fmt.Sprintf(`{"__CURSOR":"%s","__REALTIME_TIMESTAMP":"%d","MESSAGE":"%s"}`, cursor(i), second*1e6, text))
	close(m.written)
	m.written = make(chan struct{})
	m.mu.Unlock()
}

func TestLogsAllInOrder(t *testing.T) {
	machines, targets := fleet(t, 3)
	for second := range 12 {
		if i := second % 4; i < 3 {
			machines[i].writeAt(second, fmt.Sprint(second))
		}
	}
	var got collected
	if err := qos.LogsAll(within(t, 10*time.Second), targets, qos.LogQuery{}, got.emit); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"0", "1", "2", "4", "5", "6", "8", "9", "10"}, got.messages()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if l := got.lines[4]; l.Instance != "echo-1" {
		t.Errorf("%+v", l)
	}
	got = collected{stop: 2}
	if err := qos.LogsAll(within(t, 10*time.Second), targets, qos.LogQuery{}, got.emit); !errors.Is(err, errStop) || got.len() != 2 {
		t.Errorf("%v after %d lines", err, got.len())
	}
	if err := qos.LogsAll(t.Context(), targets, qos.LogQuery{AfterCursor: cursor(1)}, got.emit); err == nil {
		t.Error("one cursor was taken for three logs")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errStop)
	if err := qos.LogsAll(ctx, targets, qos.LogQuery{}, got.emit); !errors.Is(err, errStop) {
		t.Errorf("got %v", err)
	}
}

func TestLogsAllFollows(t *testing.T) {
	for _, last := range []int{0, 1, -1} {
		t.Run(fmt.Sprint("last ", last), func(t *testing.T) {
			machines, targets := fleet(t, 3)
			machines[0].writeAt(1, "a1")
			machines[1].writeAt(2, "b1")
			machines[0].writeAt(3, "a2")
			want := map[int][]string{0: {"a1", "b1", "a2"}, 1: {"b1", "a2"}, -1: {}}[last]
			got := collected{stop: len(want) + 3}
			done := make(chan error, 1)
			ctx := within(t, 20*time.Second)
			go func() { done <- qos.LogsAll(ctx, targets, qos.LogQuery{Follow: true, Last: last}, got.emit) }()
			// One journalctl for the lines that are there, one more when it
			// takes it up again, and the one that follows.
			each := map[int]int{0: 3, 1: 3, -1: 2}[last]
			eventually(t, "all are followed", func() bool {
				for _, m := range machines {
					if len(m.requests()) < each {
						return false
					}
				}
				return true
			})
			for i, m := range machines {
				m.writeAt(10+i, fmt.Sprint("new ", i))
				want = append(want, fmt.Sprint("new ", i))
				eventually(t, "the new line is there", func() bool { return got.len() == len(want) })
			}
			if err := <-done; !errors.Is(err, errStop) {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.messages()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLogsAllOneFails(t *testing.T) {
	machines, targets := fleet(t, 2)
	machines[1].writeAt(1, "still here")
	targets[0].SSH.HostKey = sshtest.NewKey(t).Public
	var got collected
	err := qos.LogsAll(within(t, 10*time.Second), targets, qos.LogQuery{}, got.emit)
	if !errors.Is(err, sshclient.ErrHostKey) || got.len() != 1 {
		t.Errorf("%v, %q", err, got.messages())
	}
	told := make(chan error, 10)
	got = collected{stop: 2}
	done := make(chan error, 1)
	q := qos.LogQuery{Follow: true, Interrupted: func(err error, pause time.Duration) {
		if pause == 0 {
			told <- err
		}
	}}
	ctx := within(t, 20*time.Second)
	go func() { done <- qos.LogsAll(ctx, targets, q, got.emit) }()
	if err := <-told; !errors.Is(err, sshclient.ErrHostKey) {
		t.Errorf("told of %v", err)
	}
	machines[1].writeAt(2, "and new")
	if err := <-done; !errors.Is(err, errStop) {
		t.Errorf("%v after %q", err, got.messages())
	}
	targets[1].SSH.HostKey = targets[0].SSH.HostKey
	if err := qos.LogsAll(within(t, 10*time.Second), targets, qos.LogQuery{Follow: true}, got.emit); !errors.Is(err, sshclient.ErrHostKey) {
		t.Errorf("when all fail: %v", err)
	}
}
