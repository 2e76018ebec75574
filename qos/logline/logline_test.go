package logline_test

import (
	"testing"
	"time"

	"skysail/qos/logline"
)

func TestLevel(t *testing.T) {
	for line, want := range map[string]int{
		`{"level":"warn","msg":"x"}`:           4,
		`{"severity":"ERROR"}`:                 3,
		`{"level":50,"msg":"pino"}`:            3,
		`time=x level=error msg="no error"`:    3,
		"2026-01-02 03:04:05 ERROR it failed":  3,
		"[warn] it may fail":                   4,
		"E1130 10:00:00.1 1 x.go:1] it failed": 3,
		"no error here":                        logline.Unknown,
		"":                                     logline.Unknown,
		`{"level":`:                            logline.Unknown,
	} {
		if got := logline.Level(line); got != want {
			t.Errorf("%s: %d, want %d", line, got, want)
		}
	}
}

func TestRecords(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e8, time.UTC)
	for _, c := range []struct {
		format, line string
		want         logline.Record
	}{
		{logline.Docker, `{"log":"hi\n","stream":"stderr","time":"2026-01-02T03:04:05.6Z"}`, logline.Record{Time: at, Message: "hi", Stream: "stderr"}},
		{logline.Docker, `{"log":"hi","stream":"stdout","time":"2026-01-02T03:04:05.6Z"}`, logline.Record{Time: at, Message: "hi", Part: true, Stream: "stdout"}},
		{logline.Docker, `not json`, logline.Record{Message: "not json"}},
		{logline.CRI, `2026-01-02T03:04:05.6Z stdout P a b`, logline.Record{Time: at, Message: "a b", Part: true, Stream: "stdout"}},
		{logline.CRI, `2026-01-02T03:04:05.6Z stderr F`, logline.Record{Time: at, Stream: "stderr"}},
		{logline.Text, `2026-01-02 03:04:05,600 INFO x`, logline.Record{Time: at, Message: `2026-01-02 03:04:05,600 INFO x`}},
		{logline.Text, `{"ts":"2026-01-02T03:04:05.6Z"}`, logline.Record{Time: at, Message: `{"ts":"2026-01-02T03:04:05.6Z"}`}},
	} {
		got := logline.ParseRecord(c.format, c.line)
		if !got.Time.Equal(c.want.Time) || got.Message != c.want.Message || got.Part != c.want.Part || got.Stream != c.want.Stream {
			t.Errorf("%s: %+v, want %+v", c.line, got, c.want)
		}
	}
}
