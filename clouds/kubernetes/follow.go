package kubernetes

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// logsAtOnce bounds the logs that are read side by side where they end by
	// themselves.
	logsAtOnce = 8
	// comePause is how often new pods and restarts are looked for.
	comePause = 2 * time.Second
)

// follower reads the logs of a deployment.
type follower struct {
	cloud   *Cloud
	api     *api
	id      string
	options LogOptions

	mu   sync.Mutex // over line and seen
	line func(LogLine) error
	seen map[source]*mark
}

func (f *follower) run(ctx context.Context) error {
	pods, err := f.cloud.Pods(ctx, f.id)
	if err != nil {
		return err
	}
	failed := f.history(ctx, pods)
	var own *handError
	if !f.options.Follow || errors.As(failed, &own) {
		return failed
	}
	err = f.follow(ctx, pods)
	if ctx.Err() != nil && !errors.As(err, &own) {
		return nil
	}
	return err
}

// history hands over what is there, in the order of its times.
func (f *follower) history(ctx context.Context, pods []Pod) error {
	var mu sync.Mutex
	var lines []LogLine
	var failed []error
	var g errgroup.Group
	g.SetLimit(logsAtOnce)
	for _, p := range pods {
		for _, c := range f.wanted(p) {
			m := f.mark(p, c)
			g.Go(func() error {
				var own []LogLine
				keep := func(l LogLine) error { own = append(own, l); return nil }
				err := f.read(ctx, p, c, m, keep)
				mu.Lock()
				defer mu.Unlock()
				lines = append(lines, own...)
				if err != nil {
					failed = append(failed, f.explain(err, p, c.Name))
				}
				return nil
			})
		}
	}
	_ = g.Wait()
	slices.SortStableFunc(lines, func(a, b LogLine) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Pod, b.Pod), cmp.Compare(a.Container, b.Container))
	})
	for _, l := range lines {
		if err := f.line(l); err != nil {
			return &handError{err}
		}
	}
	return errors.Join(failed...)
}

// read reads what a container has written until now.
func (f *follower) read(ctx context.Context, p Pod, c Container, m *mark, hand func(LogLine) error) error {
	if f.options.Previous && c.Restarts > 0 {
		if err := f.stream(ctx, p, c.Name, m, true, false, hand); err != nil && !notYet(err) {
			return err
		}
	}
	if err := f.stream(ctx, p, c.Name, m, false, false, hand); err != nil && !notYet(err) {
		return err
	}
	return nil
}

func (f *follower) wanted(p Pod) []Container {
	return slices.DeleteFunc(slices.Clone(p.Containers), func(c Container) bool {
		return f.options.Container != "" && c.Name != f.options.Container
	})
}

// mark is how far a container was read.
func (f *follower) mark(p Pod, c Container) *mark {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := source{p.UID, c.Name}
	m, ok := f.seen[key]
	if !ok {
		m = &mark{restart: c.Restarts}
		f.seen[key] = m
	}
	return m
}

// follow keeps a stream on each container that runs, until ctx ends.
func (f *follower) follow(ctx context.Context, pods []Pod) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg sync.WaitGroup
	defer wg.Wait()
	var mu sync.Mutex
	busy := map[source]bool{}
	hand := func(l LogLine) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return f.line(l)
	}
	for {
		for _, p := range pods {
			for _, c := range f.wanted(p) {
				key := source{p.UID, c.Name}
				mu.Lock()
				if busy[key] || !f.worth(p, c) {
					mu.Unlock()
					continue
				}
				busy[key] = true
				mu.Unlock()
				wg.Go(func() {
					err := f.next(ctx, p, c, hand)
					var own *handError
					if errors.As(err, &own) {
						stop(own)
					}
					mu.Lock()
					defer mu.Unlock()
					busy[key] = false
				})
			}
		}
		select {
		case <-ctx.Done():
			var own *handError
			if errors.As(context.Cause(ctx), &own) {
				return own.error
			}
			return nil
		case <-time.After(comePause):
		}
		if now, err := f.cloud.Pods(ctx, f.id); err == nil { // a server that is away is asked again
			pods = now
		}
	}
}

// worth says whether a container can have written what was not read yet.
func (f *follower) worth(p Pod, c Container) bool {
	f.mu.Lock()
	m, ok := f.seen[source{p.UID, c.Name}]
	f.mu.Unlock()
	return c.State == "running" || ok && c.Restarts > m.restart || !ok && c.State == "terminated"
}

// next reads a container from where it was left: the rest of a run that has
// ended since, then the one that runs.
func (f *follower) next(ctx context.Context, p Pod, c Container, hand func(LogLine) error) error {
	m := f.mark(p, c)
	if c.Restarts > m.restart {
		m.restart = c.Restarts
		if err := f.stream(ctx, p, c.Name, m, true, false, hand); err != nil && !notYet(err) {
			return err
		}
	}
	return f.stream(ctx, p, c.Name, m, false, true, hand)
}
