// Package probe is what all probes of a service have in common: how a
// connection is made and timed, what TLS is held to, and the words for what
// was wrong. Names and meanings of the metrics are those of
// blackbox_exporter 0.28 (prober/*.go there), unless said otherwise.
package probe

import (
	"context"
	"errors"
	"net"
	"syscall"

	"skysail/qos/metric"
)

// DialFunc opens the connection that a probe goes over.
type DialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// Result is a probe that was made.
type Result struct {
	Success bool
	// Why says what was wrong when Success is false.
	Why string
	// Reached says that the target's machine answered, rightly or wrongly. A
	// failure without it may be the path's as well as the service's.
	Reached bool
	// Notes are for a person, whether or not it succeeded.
	Notes   []string
	Metrics []metric.Metric
}

// Unknowable reports errors that say something of this side and nothing of
// the target: then no probe was made.
func Unknowable(ctx context.Context, err error) bool {
	if errors.Is(ctx.Err(), context.Canceled) {
		return true
	}
	var local *LocalError
	if errors.As(err, &local) {
		return true
	}
	for _, local := range []error{syscall.ENETUNREACH, syscall.ENETDOWN, syscall.EADDRNOTAVAIL, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, local) {
			return true
		}
	}
	return false
}

// LocalError is a fault of this side: a file that cannot be read, a path to
// the target that is not there. Of the target it says nothing.
type LocalError struct{ Err error }

func (e *LocalError) Error() string { return e.Err.Error() }
func (e *LocalError) Unwrap() error { return e.Err }

// Reached tells whether a connection that failed with err was answered by the
// target's machine: a refusal is an answer, silence is none.
func Reached(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET)
}
