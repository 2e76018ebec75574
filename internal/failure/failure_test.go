package failure

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestExitStatus(t *testing.T) {
	// The table of README and DESIGN: these numbers are in other people's
	// scripts.
	for code, want := range map[Code]int{
		Failed: 1, Input: 2, NothingFits: 3, Exhausted: 4, LeftBehind: 5, Busy: 6, Interrupted: 130, "unheard-of": 1,
	} {
		if got := code.ExitStatus(); got != want {
			t.Errorf("%s: exit status %d, want %d", code, got, want)
		}
	}
}

func TestError(t *testing.T) {
	for want, e := range map[string]*Error{
		"cause\nmeaning\nnext": New(Busy, "cause", "meaning", "next"),
		"cause\nnext":          New(Busy, "cause", "", "next"),
		"":                     New(Busy, "", "", ""),
	} {
		if e.Error() != want {
			t.Errorf("got %q, want %q", e.Error(), want)
		}
		if e.Unwrap() != nil {
			t.Errorf("%q wraps %v", want, e.Unwrap())
		}
	}
}

func TestWrap(t *testing.T) {
	cause := fmt.Errorf("open x: %w", fs.ErrPermission)
	err := fmt.Errorf("deploying: %w", Wrap(cause, LeftBehind, "store x", "It may run.", "Look."))
	if !errors.Is(err, fs.ErrPermission) {
		t.Error("the cause is not reachable")
	}
	var f *Error
	if !errors.As(err, &f) || f.Cause != "store x: open x: permission denied" {
		t.Errorf("got %+v", f)
	}
	if want := "deploying: store x: open x: permission denied\nIt may run.\nLook."; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestCodeOf(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want Code
	}{
		"no failure":        {fs.ErrExist, Failed},
		"nothing":           {nil, Failed},
		"wrapped":           {fmt.Errorf("x: %w", New(Busy, "", "", "")), Busy},
		"the outer decides": {Wrap(New(Busy, "b", "", ""), LeftBehind, "x", "", ""), LeftBehind},
		"the first joined":  {errors.Join(fs.ErrExist, New(Input, "", "", ""), New(Busy, "", "", "")), Input},
	} {
		if got := CodeOf(tt.err); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}
