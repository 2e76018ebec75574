package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// pollEvery is how often a stand-in looks. The real providers wait ten
	// seconds before the first look and at least three between two.
	pollEvery = 150 * time.Millisecond
	// createGrace is how long a create request may still take to answer once
	// Terraform was interrupted.
	createGrace = 5 * time.Second
	// notFoundLimit is how many looks in a row may find nothing.
	notFoundLimit = 120
)

// errNotFound is what a look answers when the API does not know the thing
// (yet).
var errNotFound = errors.New("not found")

// waitFor looks until the state is the target. Its errors are worded as those
// of the SDK with which the real providers wait.
func waitFor(ctx context.Context, target string, pending []string, timeout time.Duration, look func(context.Context) (string, error)) error {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	last, missing := "", 0
	for {
		state, err := look(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, errNotFound):
			if missing++; missing > notFoundLimit {
				return fmt.Errorf("couldn't find resource (%d retries)", notFoundLimit)
			}
		case err != nil:
			return err
		case state == target:
			return nil
		case !slices.Contains(pending, state):
			return fmt.Errorf("unexpected state '%s', wanted target '%s'", state, target)
		default:
			last, missing = state, 0
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
			return timedOut(target, last, timeout)
		case <-tick.C:
		}
	}
}

func timedOut(target, last string, timeout time.Duration) error {
	if last == "" {
		return fmt.Errorf("timeout while waiting for state to become '%s' (timeout: %s)", target, timeout)
	}
	return fmt.Errorf("timeout while waiting for state to become '%s' (last state: '%s', timeout: %s)", target, last, timeout)
}
