package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"skysail/internal/journal"
	"skysail/internal/supervise/proc"
)

// supervisor is the state of a supervisor process.
type supervisor struct {
	spec    Spec
	token   string
	self    proc.ID
	journal *journal.Journal
	ready   *teller
	reaper  proc.Reaper
	status  Status
	starts  []time.Time
}

// outcome is how one attempt to run the program ended.
type outcome struct {
	exit Exit
	// startErr is set when the program, or what comes before it, could not be
	// started at all.
	startErr error
	// stopped is set when it ended because it was told to.
	stopped bool
}

// run keeps the program running until ctx ends or it is not to be started
// again.
func (s *supervisor) run(ctx context.Context) error {
	pause := s.spec.Backoff.Initial
	for first := true; ; first = false {
		began := time.Now()
		out := s.attempt(ctx)
		switch {
		case out.stopped:
			s.say(journal.PriorityInfo, "Stopped.")
			return s.end(StateStopped, out.exit, "")
		case out.startErr != nil && first:
			s.say(journal.PriorityError, "Not started: "+out.startErr.Error())
			err := s.end(StateFailed, out.exit, out.startErr.Error())
			return errors.Join(s.ready.fail(out.startErr), err)
		case !s.wanted(out.exit):
			state := StateFailed
			if endedWell(out.exit) {
				state = StateStopped
			}
			s.say(journal.PriorityNotice, fmt.Sprintf("Ended: %s; it is not to be started again.", out.exit))
			err := s.end(state, out.exit, "")
			s.ready.tell(nil)
			return err
		case s.tooOften():
			detail := fmt.Sprintf("it was started %d times within %s", s.spec.StartLimit.Burst, s.spec.StartLimit.Interval)
			s.say(journal.PriorityError, fmt.Sprintf("Ended: %s; not started again: %s.", out.exit, detail))
			err := s.end(StateFailed, out.exit, detail)
			s.ready.tell(nil)
			return err
		}
		if time.Since(began) >= s.spec.Backoff.ResetAfter {
			pause = s.spec.Backoff.Initial
		}
		s.status.Restarts++
		s.say(journal.PriorityWarning, fmt.Sprintf("Ended: %s; starting again in %s (restart %d).", out.exit, pause, s.status.Restarts))
		s.set(StateBackoff, &out.exit, "")
		s.ready.tell(nil)
		select {
		case <-ctx.Done():
			s.say(journal.PriorityInfo, "Stopped.")
			return s.end(StateStopped, out.exit, "")
		case <-time.After(pause):
		}
		pause = min(2*pause, s.spec.Backoff.Max)
	}
}

func (s *supervisor) wanted(e Exit) bool {
	return s.spec.Restart && (!s.spec.RestartOnFailure || !endedWell(e))
}

// endedWell is systemd's notion of a clean exit.
func endedWell(e Exit) bool {
	if e.Error != "" {
		return false
	}
	switch e.Signal {
	case "":
		return e.Code == 0
	case "SIGHUP", "SIGINT", "SIGTERM", "SIGPIPE":
		return true
	}
	return false
}

// tooOften reports whether one more start would break the limit.
func (s *supervisor) tooOften() bool {
	limit := s.spec.StartLimit
	if limit.Burst <= 0 || limit.Interval <= 0 {
		return false
	}
	now := time.Now()
	kept := s.starts[:0]
	for _, t := range s.starts {
		if now.Sub(t) < limit.Interval {
			kept = append(kept, t)
		}
	}
	s.starts = kept
	return len(s.starts) >= limit.Burst
}

// set changes the status and keeps it. A status that cannot be written, on a
// full disk, must not end the program: it is said on stderr and goes on.
func (s *supervisor) set(state State, exit *Exit, detail string) {
	s.status.State, s.status.Detail = state, detail
	if exit != nil {
		s.status.LastExit = exit
	}
	if state != StateRunning {
		s.status.PID, s.status.PIDStart = 0, ""
	}
	if err := writeStatus(s.spec.Dir, s.status); err != nil {
		fmt.Fprintln(os.Stderr, "skysail: supervisor: keep the status:", err)
	}
}

func (s *supervisor) end(state State, exit Exit, detail string) error {
	last := &exit
	if exit == (Exit{}) {
		last = nil
	}
	s.set(state, last, detail)
	return nil
}

// say writes the supervisor's own line to the journal.
func (s *supervisor) say(priority int, message string) {
	err := s.journal.Append(journal.Entry{
		Priority:   priority,
		PID:        s.self.PID,
		Identifier: s.spec.Reporter,
		Unit:       s.spec.Unit,
		Message:    s.name() + ": " + message,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "skysail: supervisor:", err)
	}
}

func (s *supervisor) name() string {
	if s.spec.Unit != "" {
		return s.spec.Unit
	}
	return s.spec.Identifier
}
