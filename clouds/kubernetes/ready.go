package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"time"

	"skysail/clouds"
	"skysail/clouds/faults"
)

const (
	// DefaultGrace is how long what may still mend itself is waited for: a node
	// that gets free, a dependency that the service restarts for.
	DefaultGrace = time.Minute
	firstLook    = 500 * time.Millisecond
	lookPause    = 2 * time.Second
)

// WaitOptions say how WaitReady waits.
type WaitOptions struct {
	// Grace is how long full nodes and a service that ends are borne with
	// before waiting is given up; quota half of it, a bad image a sixth, missing
	// rights a twelfth. Zero is DefaultGrace. Where the cluster's autoscaler says
	// that it makes a node, capacity is waited for until the deadline.
	Grace time.Duration
	// Progress is told when something has changed; nil tells nobody.
	Progress func(Diagnosis)
}

// NotReadyError is a deployment that did not become ready.
type NotReadyError struct {
	Diagnosis Diagnosis
	Waited    time.Duration
	// Early says that waiting was given up before its deadline, as it would not
	// have mended this.
	Early bool
}

func (e *NotReadyError) Error() string {
	how := "not ready within"
	if e.Early {
		how = "not ready, and waiting would not mend it, after"
	}
	return fmt.Sprintf("%s %s: %s", how, e.Waited.Round(time.Second), e.Diagnosis)
}

// WaitReady returns nil once the newest revision of a deployment stands whole
// and ready. Otherwise the error is a *NotReadyError that says why: at ctx's
// deadline, or before it when waiting would not help. An API server that is
// away meanwhile is waited for. When ctx was cancelled its cause is the error.
// It changes nothing and may be repeated.
func (c *Cloud) WaitReady(ctx context.Context, id string, o WaitOptions) error {
	if err := clouds.CheckID(id); err != nil {
		return err
	}
	api, err := c.connect()
	if err != nil {
		return err
	}
	defer api.close()
	if o.Grace <= 0 {
		o.Grace = DefaultGrace
	}
	w := watch{begin: time.Now(), grace: o.Grace}
	for pause := firstLook; ; pause = lookPause {
		d := c.look(ctx, api, id, false)
		if ctx.Err() == nil {
			if w.changed(d) && o.Progress != nil {
				o.Progress(d)
			}
			if d.Done {
				return nil
			}
			if w.hopeless(d, time.Now()) {
				return c.notReady(ctx, id, w.begin, true)
			}
		}
		select {
		case <-ctx.Done():
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return context.Cause(ctx)
			}
			return c.notReady(ctx, id, w.begin, false)
		case <-time.After(pause):
		}
	}
}

// notReady asks once more, for the whole story.
func (c *Cloud) notReady(ctx context.Context, id string, begin time.Time, early bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	d, err := c.Diagnose(ctx, id)
	if err != nil {
		d.failed(c, err)
	}
	if d.Done {
		return nil
	}
	return &NotReadyError{Diagnosis: d, Waited: time.Since(begin), Early: early}
}

// watch remembers what was seen while waiting.
type watch struct {
	begin, since time.Time
	grace        time.Duration
	told         string
	class        faults.Class
	ready        int
}

// changed says whether this is news: the words of an event change all the time.
func (w *watch) changed(d Diagnosis) bool {
	now := fmt.Sprint(d.Wanted, d.Updated, d.Ready, d.Done)
	for _, f := range d.Findings {
		now += fmt.Sprint(" ", f.Kind, f.Container, f.Reason, f.Pods)
	}
	news := now != w.told
	w.told = now
	return news
}

// hopeless says whether the same verdict has stood for so long that waiting
// will not mend it. A pod that became ready meanwhile starts the clock again.
func (w *watch) hopeless(d Diagnosis, now time.Time) bool {
	class := faults.Unknown
	if len(d.Findings) > 0 {
		class = d.Verdict().Class
	}
	if class != w.class || d.Ready > w.ready {
		w.class, w.since = class, now
	}
	w.ready = d.Ready
	bear := w.grace
	switch class {
	case faults.Capacity:
		for _, f := range d.Findings {
			if f.ScaleUp {
				return false
			}
		}
	case faults.Service:
	case faults.Quota:
		bear /= 2
	case faults.Invalid, faults.NotEnabled:
		bear /= 6
	case faults.Auth:
		bear /= 12
	default:
		return false
	}
	return now.Sub(w.since) >= bear
}
