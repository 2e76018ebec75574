package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	startLine = `{"@level":"info","@message":"x.a: Creating...","@module":"terraform.ui","hook":{"resource":{"addr":"x.a","resource_type":"x"},"action":"create"},"type":"apply_start"}`
	errorLine = `{"@level":"error","@message":"Error: no room","diagnostic":{"severity":"error","summary":"no room","detail":"in ewr","address":"x.a",` +
		`"range":{"filename":"main.tf","start":{"line":7,"column":3,"byte":9}},"snippet":{"code":"password = \"canary\"","values":[{"traversal":"var.key","statement":"is \"canary\""}]}},"type":"diagnostic"}`
)

func TestDecodeEvent(t *testing.T) {
	for line, want := range map[string]Event{
		startLine: {Kind: EventStart, Address: "x.a", Action: "create", Message: "x.a: Creating..."},
		errorLine: {Kind: EventDiagnostic, Address: "x.a", Message: "Error: no room", Diagnostic: &Diagnostic{
			Severity: "error", Summary: "no room", Detail: "in ewr", Address: "x.a", File: "main.tf", Line: 7,
		}},
		`{"@message":"x.a: Still creating... [10s elapsed]","hook":{"resource":{"addr":"x.a"},"action":"create","elapsed_seconds":10.5},"type":"apply_progress"}`: {
			Kind: EventProgress, Address: "x.a", Action: "create", Message: "x.a: Still creating... [10s elapsed]", Elapsed: 10500 * time.Millisecond,
		},
		`{"@message":"m.x: Plan to delete","change":{"resource":{"addr":"module.m.x.a[0]"},"action":"delete"},"type":"planned_change"}`: {
			Kind: EventPlanned, Address: "module.m.x.a[0]", Action: "delete", Message: "m.x: Plan to delete",
		},
		`{"@message":"Plan: 1 to add","changes":{"add":1},"type":"change_summary"}`: {Kind: EventSummary, Message: "Plan: 1 to add"},
		`{"@message":"Warning: w","diagnostic":{"severity":"warning","summary":"w","detail":""},"type":"diagnostic"}`: {
			Kind: EventDiagnostic, Message: "Warning: w", Diagnostic: &Diagnostic{Severity: "warning", Summary: "w"},
		},
	} {
		want.Op = "apply"
		got, ok := decodeEvent("apply", []byte(line))
		if diff := cmp.Diff(want, got); diff != "" || !ok {
			t.Errorf("%s: %v\n%s", line, ok, diff)
		}
	}
	for _, line := range []string{
		"", " ", "null", "{", "[]", "1", `"text"`, "Terraform crashed!", `{"type":"version","@message":"Terraform 1.11.4"}`,
		`{"type":"outputs","outputs":{"key":{"sensitive":false,"value":"canary"}}}`, `{"hook":7}`, "\x00\xff\xfe",
	} {
		if got, ok := decodeEvent("apply", []byte(line)); ok {
			t.Errorf("%q is an event: %+v", line, got)
		}
	}
}

func TestStream(t *testing.T) {
	var got []string
	s := newStream("apply", func(ev Event) { got = append(got, string(ev.Kind)) })
	huge := `{"@message":"` + strings.Repeat("x", 5<<20) + `","type":"change_summary"}`
	text := startLine + "\n\n\r\npanic: runtime error\n" + errorLine + "\r\n" + huge + "\n" + startLine + "\n" + errorLine // no newline at the end
	write := func(part string) {
		if n, err := s.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatalf("Write: %d of %d, %v", n, len(part), err)
		}
	}
	for i := range 2000 { // torn into bytes, then into larger parts
		write(text[i : i+1])
	}
	for rest := text[2000:]; rest != ""; {
		n := min(len(rest), 64<<10)
		write(rest[:n])
		rest = rest[n:]
	}
	diags, err := s.finish()
	must(t, err)
	if diff := cmp.Diff([]string{"apply_start", "diagnostic", "change_summary", "apply_start", "diagnostic"}, got); diff != "" {
		t.Error(diff)
	}
	if len(diags) != 2 || diags[1].Line != 7 {
		t.Errorf("diagnostics: %+v", diags)
	}
	if strings.Contains(fmt.Sprintf("%+v", diags), "canary") {
		t.Errorf("a snippet of the source came through: %+v", diags)
	}
}

func TestSlowReceiverDoesNotHoldUpTheWriter(t *testing.T) {
	release := make(chan struct{})
	var got []string
	s := newStream("apply", func(ev Event) {
		<-release
		got = append(got, ev.Address)
	})
	begin := time.Now()
	for i := range 1000 {
		fmt.Fprintf(s, `{"hook":{"resource":{"addr":"x.%d"}},"type":"apply_start"}`+"\n", i)
	}
	if d := time.Since(begin); d > 2*time.Second {
		t.Errorf("writing took %s", d)
	}
	close(release)
	if _, err := s.finish(); err != nil {
		t.Error(err)
	}
	if len(got) != 1000 || got[0] != "x.0" || got[999] != "x.999" {
		t.Errorf("%d events, in another order or not all", len(got))
	}
}

func TestPanickingReceiver(t *testing.T) {
	calls := 0
	s := newStream("apply", func(Event) {
		calls++
		panic("no")
	})
	for range 3 {
		fmt.Fprintln(s, errorLine)
		time.Sleep(time.Millisecond)
	}
	diags, err := s.finish()
	if err == nil || !strings.Contains(err.Error(), "panicked: no") || calls != 1 || len(diags) != 3 {
		t.Errorf("%d calls, %d diagnostics, %v", calls, len(diags), err)
	}
}

func TestNoReceiver(t *testing.T) {
	s := newStream("plan", nil)
	fmt.Fprintln(s, errorLine)
	if diags, err := s.finish(); len(diags) != 1 || err != nil {
		t.Errorf("%v %v", diags, err)
	}
}

func TestTail(t *testing.T) {
	var tl tail
	for i := range 10_000 {
		fmt.Fprintf(&tl, "line %d\n", i)
	}
	got := tl.String()
	if len(got) != tailSize || !strings.HasSuffix(got, "line 9998\nline 9999\n") {
		t.Errorf("%d bytes, ending in %q", len(got), got[len(got)-20:])
	}
}

// unprintable is what terraform-exec returns for a command that was cancelled
// while it started.
type unprintable struct{}

func (unprintable) Error() string { panic("nil dereference") }

func TestCommandError(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	diags := []Diagnostic{{Severity: "warning", Summary: "w"}, {Severity: "error", Summary: "a", Detail: "b"}}
	status := errors.New("exit status 1")
	for name, tt := range map[string]struct {
		ctx    context.Context
		diags  []Diagnostic
		stderr string
		err    error
		want   string
		is     error
	}{
		"diagnostics":         {t.Context(), diags, "", status, "terraform apply failed: a: b", status},
		"diagnostics win":     {t.Context(), diags, "noise", status, "terraform apply failed: a: b", status},
		"standard error":      {t.Context(), nil, " no such flag\n", status, "terraform apply failed: no such flag", status},
		"nothing but status":  {t.Context(), diags[:1], "", status, "terraform apply failed: exit status 1", status},
		"cancelled":           {cancelled, nil, "noise", unprintable{}, "terraform apply failed: interrupted", ErrInterrupted},
		"cancelled with more": {cancelled, diags, "", status, "terraform apply failed: interrupted: a: b", ErrInterrupted},
		"too late":            {late, nil, "", unprintable{}, "terraform apply failed: it did not end in time", context.DeadlineExceeded},
	} {
		err := commandError(tt.ctx, "apply", tt.diags, tt.stderr, tt.err)
		if err == nil || err.Error() != tt.want || !errors.Is(err, tt.is) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := commandError(cancelled, "apply", nil, "", nil); err != nil {
		t.Errorf("a command that ended well before the interrupt: %v", err)
	}
}
