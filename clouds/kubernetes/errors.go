package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"skysail/clouds/faults"
)

// Error is a call that failed. Its text has the cluster's or the network's own
// words, so that the fault table knows them, without secrets, and what to do.
type Error struct {
	Context string
	Doing   string
	Next    string
	Err     error
}

func (e *Error) Error() string {
	text := fmt.Sprintf("context %q: %s: %s", e.Context, e.Doing, faults.Clean(cause(e.Err)))
	if e.Next != "" {
		text += "; " + e.Next
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// explain says of a failed call what was being done and what to do now.
func (a *api) explain(err error, doing string, args ...any) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	next := ""
	switch {
	case errors.Is(err, context.Canceled):
	case apierrors.IsUnauthorized(err):
		next = fmt.Sprintf("log in to the cluster again; `kubectl --context %s auth whoami` tries it", a.name)
	case apierrors.IsForbidden(err):
		next = "let the cluster's administrator grant that right (docs/providers/kubernetes.md has the least role)"
	case errors.Is(err, context.DeadlineExceeded), transportFailed(err):
		next = fmt.Sprintf("`kubectl --context %s version` tries whether the cluster answers", a.name)
	}
	return &Error{Context: a.name, Doing: fmt.Sprintf(doing, args...), Next: next, Err: err}
}

// transportFailed says whether no answer came at all.
func transportFailed(err error) bool {
	var outer *url.Error
	var network net.Error
	return errors.As(err, &outer) || errors.As(err, &network)
}

// cause is an error's text without the URL of the request, which is the same
// for all and may hold a password.
func cause(err error) string {
	var outer *url.Error
	if errors.As(err, &outer) {
		return outer.Err.Error()
	}
	return err.Error()
}
