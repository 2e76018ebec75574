package apiclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Removal is how one thing is deleted for good.
type Removal struct {
	// Name is what errors call it.
	Name   string
	Delete func(context.Context) error
	// Get asks for the thing; it fails when it is gone.
	Get func(context.Context) error
	// Gone says of a failed call whether the thing does not exist. Nil means
	// status 404.
	Gone func(error) bool
	// Pause is the time between two tries at first; it grows to ten seconds.
	Pause time.Duration
	// Patience bounds all of it.
	Patience time.Duration
}

// Run deletes and then asks until the thing is gone. A refusal is taken for
// one that passes, because providers refuse with all kinds of statuses while
// a server is locked or a firewall is in use; only a refusal of the token
// itself, or no answer at all, ends it early. What is gone already is no
// error.
func (r Removal) Run(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, r.Patience)
	defer cancel()
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = r.Pause, 10*time.Second
	accepted := false
	var last error
	try := func() (struct{}, error) {
		last = r.step(limited, &accepted, last)
		return struct{}{}, last
	}
	_, err := backoff.Retry(limited, try, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(0))
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("deleting %s: %w (so far: %w)", r.Name, context.Cause(ctx), last)
	case limited.Err() != nil:
		return fmt.Errorf("deleting %s: not gone after %s: %w", r.Name, r.Patience, last)
	default:
		return fmt.Errorf("deleting %s: %w", r.Name, err)
	}
}

// errStillThere is what the last word is when a delete was accepted.
var errStillThere = errors.New("its delete was accepted, but it still exists")

// step is one try: nil means gone. before is the refusal of the last try,
// which says more than that the thing still exists.
func (r Removal) step(ctx context.Context, accepted *bool, before error) error {
	if !*accepted {
		err := Do(ctx, r.Delete)
		switch {
		case err == nil:
			*accepted, before = true, errStillThere
		case r.gone(err):
			return nil
		case final(err):
			return stop(ctx, err, before)
		default:
			before = err
		}
	}
	err := Do(ctx, r.Get)
	switch {
	case err == nil:
		return before
	case r.gone(err):
		return nil
	case final(err):
		return stop(ctx, err, before)
	default:
		return err
	}
}

// stop ends the tries with err, unless the time ran out in the middle of a
// call: then what was known before says more.
func stop(ctx context.Context, err, before error) error {
	if ctx.Err() != nil && before != nil {
		return backoff.Permanent(before)
	}
	return backoff.Permanent(err)
}

func (r Removal) gone(err error) bool {
	if r.Gone != nil {
		return r.Gone(err)
	}
	return Status(err) == http.StatusNotFound
}

// final says whether trying again is no use: no answer was waited out by the
// client already, and a token does not get better.
func final(err error) bool {
	status := Status(err)
	return status == 0 || status == http.StatusUnauthorized || status == http.StatusForbidden
}
