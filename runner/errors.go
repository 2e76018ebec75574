package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrInterrupted is in the chain of an error whose command was stopped
// because the caller's context was cancelled (not because it ran out of
// time: that is context.DeadlineExceeded).
var ErrInterrupted = errors.New("interrupted")

// Error is a Terraform command that failed.
type Error struct {
	Op          string // init, plan, apply, destroy, output, show
	Diagnostics []Diagnostic
	// Output is the tail of standard error, where a command that has no JSON
	// mode (init, output) or that never started says why.
	Output string
	Err    error
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "terraform %s failed", e.Op)
	texts := e.Messages()
	switch {
	case errors.Is(e.Err, context.DeadlineExceeded):
		b.WriteString(": it did not end in time")
	case errors.Is(e.Err, ErrInterrupted):
		b.WriteString(": interrupted")
	case len(texts) == 0:
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	for _, t := range texts {
		b.WriteString(": " + t)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Messages are the texts in which to look for a fault: the error diagnostics,
// or standard error where there are none.
func (e *Error) Messages() []string {
	var out []string
	for _, d := range e.Diagnostics {
		if d.Severity == "error" {
			out = append(out, d.Text())
		}
	}
	if len(out) == 0 && e.Output != "" {
		out = append(out, e.Output)
	}
	return out
}

// commandError makes the error of a finished command. The context is asked
// first: terraform-exec's own error for a command cancelled while it started
// can panic when printed.
func commandError(ctx context.Context, op string, diags []Diagnostic, stderr string, err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Op: op, Diagnostics: diags, Output: strings.TrimSpace(stderr), Err: err}
	if ctx.Err() != nil {
		e.Output = ""
		if errors.Is(ctx.Err(), context.DeadlineExceeded) || errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			e.Err = context.DeadlineExceeded
		} else {
			e.Err = ErrInterrupted
		}
	}
	return e
}
