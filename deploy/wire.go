package deploy

import (
	"context"
	"errors"
	"time"

	"skysail/deploy/job"
	"skysail/internal/failure"
)

// wireError is an error on its way from a supervisor to its caller.
type wireError struct {
	Kind    string       `json:"kind,omitempty"` // of the cause, where callers look for it
	Code    failure.Code `json:"code,omitempty"`
	Cause   string       `json:"cause"`
	Meaning string       `json:"meaning,omitempty"`
	Next    string       `json:"next,omitempty"`
	// Of an UnhealthyError.
	Name    string        `json:"name,omitempty"`
	Reason  string        `json:"reason,omitempty"`
	Timeout time.Duration `json:"timeout,omitempty"`
}

// Kinds of causes that keep their identity on the way.
const (
	kindNotApproved = "not-approved"
	kindUnhealthy   = "unhealthy"
	kindCanceled    = "canceled"
	kindNobody      = "nobody"
)

func encodeError(err error) *wireError {
	if err == nil {
		return nil
	}
	w := &wireError{Cause: err.Error()}
	var f *failure.Error
	if errors.As(err, &f) {
		w.Code, w.Cause, w.Meaning, w.Next = f.Code, f.Cause, f.Meaning, f.Next
	}
	var unhealthy *UnhealthyError
	switch {
	case errors.Is(err, ErrNotApproved):
		w.Kind = kindNotApproved
	case errors.Is(err, job.ErrNobody):
		w.Kind = kindNobody
	case errors.As(err, &unhealthy):
		w.Kind, w.Name, w.Reason, w.Timeout = kindUnhealthy, unhealthy.Name, unhealthy.Reason, unhealthy.Timeout
	case errors.Is(err, context.Canceled):
		w.Kind = kindCanceled
	}
	return w
}

func (w *wireError) decode() error {
	if w == nil {
		return nil
	}
	err := errors.New(w.Cause)
	switch w.Kind {
	case kindNotApproved:
		err = ErrNotApproved
	case kindNobody:
		err = job.ErrNobody
	case kindUnhealthy:
		err = &UnhealthyError{Name: w.Name, Reason: w.Reason, Timeout: w.Timeout}
	case kindCanceled:
		err = context.Canceled
	}
	if w.Code == "" {
		return err
	}
	return &failure.Error{Code: w.Code, Cause: w.Cause, Meaning: w.Meaning, Next: w.Next, Err: err}
}
