package deploy

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"skysail/internal/failure"
	"skysail/policies"
)

const (
	// operationMemory is what one operation is given at its peak: a supervisor,
	// Terraform and a provider plugin took 240 MB with the sandbox's plugins
	// (docs/benchmarks.md); the real ones are larger, AWS's most of all.
	operationMemory = 512 << 20
	// operationsPerCPU: Terraform computes for a few seconds and then waits for
	// the cloud for a minute.
	operationsPerCPU = 8
	// keptMemory is left to everything else.
	keptMemory = 512 << 20
)

// Bearable is how many operations this machine bears side by side, by its
// processors and the memory that is available now; at least one.
func Bearable() int {
	return bearable(runtime.NumCPU(), availableMemory())
}

// bearable: memory is in bytes, 0 where it is not known.
func bearable(cpus int, memory uint64) int {
	n := operationsPerCPU * cpus
	if memory > 0 {
		n = min(n, int((memory-min(memory, keptMemory))/operationMemory)) //nolint:gosec // far below
	}
	return max(n, 1)
}

// startPauses are the least times between the starts of two operations at one
// provider, so that many at once stay below its rate limits; what is refused
// for its rate all the same is retried. One deploy makes about 20 calls in its
// first seconds.
var startPauses = map[string]time.Duration{
	// RunInstances: a bucket of 5, 2 more each second
	// (https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html).
	policies.AWS: 500 * time.Millisecond,
	// 250 requests a minute (https://docs.digitalocean.com/reference/api/reference/#rate-limit).
	policies.DigitalOcean: 5 * time.Second,
	// 1,500 calls a minute and project (https://cloud.google.com/compute/api-quota).
	policies.GCP: time.Second,
	// 30 requests a second (https://www.vultr.com/api/#section/Introduction).
	policies.Vultr: 700 * time.Millisecond,
}

// manyJob is one of several things to do.
type manyJob struct {
	name, provider string
	do             func(context.Context) error
}

// inTurn does the jobs in their order, so many side by side, and returns the
// error of each. First come, first served: a job begins when one before it
// ends, and no later one begins before it.
func (d *Deployer) inTurn(ctx context.Context, parallel int, jobs []manyJob) []error {
	if parallel <= 0 {
		parallel = Bearable()
	}
	for _, j := range jobs {
		d.emitEvent(nil, Event{Kind: EventQueued, Name: j.name, Text: "waits for its turn"})
	}
	pace := d.pace()
	slots := make(chan struct{}, parallel)
	errs := make([]error, len(jobs))
	var wg sync.WaitGroup
	for i, j := range jobs {
		if !turn(ctx, slots, pace[j.provider]) {
			errs[i] = failure.New(failure.Interrupted, fmt.Sprintf("deployment %q", j.name), "Its turn had not come; nothing of it was changed.", "")
			d.emitEvent(nil, Event{Kind: EventEnded, Name: j.name, Class: string(failure.Interrupted), Text: "not begun"})
			continue
		}
		wg.Go(func() {
			defer func() { <-slots }()
			d.emitEvent(nil, Event{Kind: EventBegun, Name: j.name, Text: "begun"})
			errs[i] = j.do(ctx)
			end := Event{Kind: EventEnded, Name: j.name, Text: "done"}
			if errs[i] != nil {
				end.Class, end.Text = string(failure.CodeOf(errs[i])), firstLine(errs[i])
			}
			d.emitEvent(nil, end)
		})
	}
	wg.Wait()
	return errs
}

// turn waits for a slot and for the provider's pace; false when ctx ended.
func turn(ctx context.Context, slots chan struct{}, pace *rate.Limiter) bool {
	if ctx.Err() != nil {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case slots <- struct{}{}:
	}
	if pace == nil || pace.Wait(ctx) == nil {
		return true
	}
	<-slots
	return false
}

// pace is the limiter of each provider's starts. The sandbox has no limits.
func (d *Deployer) pace() map[string]*rate.Limiter {
	out := map[string]*rate.Limiter{}
	if d.opts.Sandbox {
		return out
	}
	for p, pause := range startPauses {
		out[p] = rate.NewLimiter(rate.Every(pause), 1)
	}
	return out
}

func firstLine(err error) string {
	f := failure.New(failure.Failed, err.Error(), "", "")
	if w := Worst(err); w != nil {
		f = w
	}
	for i, r := range f.Cause {
		if r == '\n' {
			return f.Cause[:i]
		}
	}
	return f.Cause
}
