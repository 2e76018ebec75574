// Package failure is the error that reaches a person: its cause, what it
// means and what to do next, each apart, with a code that decides the exit
// status.
package failure

import (
	"errors"
	"strings"
)

// Code is a failure's stable name, as `-o json` prints it.
type Code string

// The codes; the exit status of each stands in ExitStatus.
const (
	Failed      Code = "failed"
	Input       Code = "input"
	NothingFits Code = "nothing-fits"
	Exhausted   Code = "exhausted"
	LeftBehind  Code = "left-behind"
	Busy        Code = "busy"
	Interrupted Code = "interrupted"
)

// Error is a failure with its three parts. Err, when set, is what caused it
// and is reachable by errors.Is and errors.As; its text is not repeated.
type Error struct {
	Code    Code
	Cause   string
	Meaning string
	Next    string
	Err     error
}

func (e *Error) Error() string {
	parts := make([]string, 0, 3)
	for _, p := range []string{e.Cause, e.Meaning, e.Next} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, "\n")
}

func (e *Error) Unwrap() error { return e.Err }

// New makes a failure without an underlying error.
func New(code Code, cause, meaning, next string) *Error {
	return &Error{Code: code, Cause: cause, Meaning: meaning, Next: next}
}

// Wrap makes a failure of err: doing says what was being done.
func Wrap(err error, code Code, doing, meaning, next string) *Error {
	return &Error{Code: code, Cause: doing + ": " + err.Error(), Meaning: meaning, Next: next, Err: err}
}

// CodeOf returns the code of the first failure in err's chain, else Failed.
func CodeOf(err error) Code {
	var f *Error
	if errors.As(err, &f) {
		return f.Code
	}
	return Failed
}

// ExitStatus is the process exit status of a code.
func (c Code) ExitStatus() int {
	switch c {
	case Input:
		return 2
	case NothingFits:
		return 3
	case Exhausted:
		return 4
	case LeftBehind:
		return 5
	case Busy:
		return 6
	case Interrupted:
		return 130
	default:
		return 1
	}
}
