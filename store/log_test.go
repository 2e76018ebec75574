package store

import (
	"errors"
	"path/filepath"
	"testing"
	"time"
)

func TestKeepLogs(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.Create(t.Context(), deployment("d1", "echo")); err != nil {
		t.Fatal(err)
	}
	at := func(i int) time.Time { return time.Unix(int64(i), 0) }
	keep := func(instance string, version int64, r LogRetention, times ...int) error {
		b := LogBatch{
			DeploymentID: "d1", Instance: instance, Cursor: LogCursor{Version: version, State: []byte("x")}, Retention: r,
			Series: []LogSeries{{Name: "a_total", Value: float64(version)}},
		}
		for _, i := range times {
			b.Lines = append(b.Lines, LogLine{Time: at(i), Source: "/a", Priority: -1, Message: "m\xff"})
		}
		return s.KeepLogs(t.Context(), b)
	}
	if err := errors.Join(keep("a", 0, LogRetention{}, 1, 4, 5), keep("b", 0, LogRetention{}, 2, 3, 9)); err != nil {
		t.Fatal(err)
	}
	if err := keep("a", 0, LogRetention{}, 7); !errors.Is(err, ErrLogConflict) {
		t.Errorf("an old cursor: %v", err)
	}
	read := func(since time.Time) (out []int64) {
		if err := s.KeptLogs(t.Context(), "d1", since, func(l LogLine) error {
			if l.Message != "m\xff" || l.Priority != -1 || l.Source != "/a" {
				t.Errorf("%+v", l)
			}
			out = append(out, l.Time.Unix())
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got := read(time.Time{}); len(got) != 6 || got[0] != 1 || got[1] != 2 || got[4] != 5 || got[5] != 9 {
		t.Errorf("%v", got)
	}
	if got := read(at(4)); len(got) != 3 {
		t.Errorf("%v", got)
	}
	// Room for one chunk: the newest stays.
	if err := keep("a", 1, LogRetention{Bytes: 200}, 20); err != nil {
		t.Fatal(err)
	}
	if got := read(time.Time{}); len(got) != 1 || got[0] != 20 {
		t.Errorf("%v", got)
	}
	s.now = func() time.Time { return time.Now().Add(time.Hour) }
	if err := keep("a", 2, LogRetention{Age: time.Minute}, 30); err != nil {
		t.Fatal(err)
	}
	if got := read(time.Time{}); len(got) != 1 || got[0] != 30 {
		t.Errorf("%v", got)
	}
	c, err := s.LogCursor(t.Context(), "d1", "a")
	if err != nil || c.Version != 3 || string(c.State) != "x" {
		t.Errorf("%+v, %v", c, err)
	}
}
