package deploy

import (
	"context"
	"errors"
	"fmt"

	"skysail/clouds/faults"
	"skysail/clouds/kubernetes"
	"skysail/runner"
)

// judge says what an error of an attempt means, how far it reaches, and with
// which words of the provider's.
func judge(a *attempt, err error) faults.Verdict {
	v := judgeError(a, err)
	if better, ok := judgeRollout(err, v); ok {
		return better
	}
	return v
}

// judgeError is judge by what Terraform or the provider's API said.
func judgeError(a *attempt, err error) faults.Verdict {
	verdict := func(c faults.Class, text string) faults.Verdict {
		return faults.Verdict{Class: c, Scope: c.Scope(), Message: text}
	}
	var re *runner.Error
	said := errors.As(err, &re) && len(re.Messages()) > 0
	var ce *kubernetes.Error
	switch {
	case errors.Is(err, errHopeless):
		return verdict(faults.Timeout, errHopeless.Error())
	case errors.Is(err, runner.ErrInterrupted), errors.Is(err, context.Canceled):
		return verdict(faults.Unknown, "interrupted")
	case errors.Is(err, context.DeadlineExceeded):
		// A provider that repeats what was refused tells why when it is
		// stopped, and Terraform who holds the lock.
		if said {
			switch v := a.cloud.Faults().Judge(re.Messages()...); v.Class {
			case faults.Capacity, faults.Quota, faults.Busy:
				return v
			}
		}
		return verdict(faults.Timeout, deadlineText(a))
	case said:
		return a.cloud.Faults().Judge(re.Messages()...)
	case errors.As(err, &ce):
		return a.cloud.Faults().Judge(ce.Error())
	default:
		return verdict(faults.Unknown, err.Error())
	}
}

func deadlineText(a *attempt) string {
	f := a.dep.Policy.Failover
	t := f.Timeout(a.row.Provider)
	if t < f.AttemptTimeout {
		return fmt.Sprintf("not done within failover.provider_timeout, %s for %s", t, a.row.Provider)
	}
	return fmt.Sprintf("not done within failover.attempt_timeout = %s", t)
}

// classify is judge for those who need the class and the words only.
func classify(a *attempt, err error) (faults.Class, string) {
	v := judge(a, err)
	return v.Class, v.Message
}

// fault puts a verdict into the attempt's record, with all that was said.
func (a *attempt) fault(v faults.Verdict, err error) {
	a.row.Class, a.row.Scope, a.row.Cause, a.row.Source = string(v.Class), string(v.Scope), v.Message, v.Source
	var re *runner.Error
	if errors.As(err, &re) {
		a.row.Said = nil
		for _, m := range re.Messages() {
			a.row.Said = append(a.row.Said, faults.Clean(m))
		}
	}
	var ro *rolloutError
	if errors.As(err, &ro) {
		for _, m := range ro.seen.Messages() {
			a.row.Said = append(a.row.Said, faults.Clean(m))
		}
	}
}
