package monitor

import (
	"container/heap"
	"context"
	"hash/fnv"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// Job is something that is done again and again.
type Job struct {
	// Key tells jobs apart; a job keeps its place in time as long as its key
	// stays.
	Key string
	// Every is the time from one run to the next.
	Every time.Duration
	// Timeout bounds a run; Every where it is zero.
	Timeout time.Duration
	// Patient is a job that is run less often, down to an eighth, while Run
	// returns false: what cannot be read is not asked all the time.
	Patient bool
	// Run does it once, until ctx ends, and says whether it went well. It is
	// never run twice at the same time.
	Run func(ctx context.Context) (ok bool)
}

const (
	// maxBackoff bounds how much less often a patient job runs.
	maxBackoff = 8
	// defaultConcurrency is how many jobs run at once: enough that hosts which do
	// not answer leave room for those that do.
	defaultConcurrency = 512
)

// entry is a job with its place in time.
type entry struct {
	job     Job
	next    time.Time
	index   int // in the heap, -1 outside
	running bool
	gone    bool
	failed  int // in a row
	cancel  context.CancelFunc
}

// schedule runs jobs, each at its own interval and at its own moment in it, so
// that many of them neither bunch nor all begin at the start.
type schedule struct {
	slots *semaphore.Weighted
	// observe is told how long after its moment a job began, and of runs that
	// were left out since the last one still went on.
	observe func(delay time.Duration)
	missed  func(key string)

	mu    sync.Mutex
	jobs  map[string]*entry
	queue queue
	wake  chan struct{} // holds one token when the head of the queue changed
	runs  sync.WaitGroup
}

func newSchedule(concurrency int) *schedule {
	return &schedule{
		slots: semaphore.NewWeighted(int64(concurrency)), jobs: map[string]*entry{}, wake: make(chan struct{}, 1),
		observe: func(time.Duration) {}, missed: func(string) {},
	}
}

// moment is the first time after now at which a job with this key has its
// turn: a place in the interval that follows from the key alone.
func moment(key string, every time.Duration, now time.Time) time.Time {
	h := fnv.New64a()
	_, _ = h.Write([]byte(key))
	phase := time.Duration(h.Sum64() % uint64(every)) //nolint:gosec // intervals are positive
	since := time.Duration(now.UnixNano()) % every
	wait := phase - since
	if wait <= 0 {
		wait += every
	}
	return now.Add(wait)
}

// set makes the jobs those of the list. What is new runs at once where soon is
// set, and else at its moment. What is gone is ended.
func (s *schedule) set(jobs []Job, soon bool) (gone []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	stay := make(map[string]bool, len(jobs))
	for _, j := range jobs {
		stay[j.Key] = true
		e, known := s.jobs[j.Key]
		if !known {
			e = &entry{job: j, next: moment(j.Key, j.Every, now)}
			if soon {
				e.next = now
			}
			s.jobs[j.Key] = e
			heap.Push(&s.queue, e)
			continue
		}
		if e.job.Every != j.Every {
			e.next = moment(j.Key, j.Every, now)
			heap.Fix(&s.queue, e.index)
		}
		e.job = j
	}
	for key, e := range s.jobs {
		if stay[key] {
			continue
		}
		delete(s.jobs, key)
		heap.Remove(&s.queue, e.index)
		e.gone = true
		if e.cancel != nil {
			e.cancel()
		}
		gone = append(gone, key)
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return gone
}

// run starts what is due until ctx ends, and returns when the last job has.
func (s *schedule) run(ctx context.Context) {
	defer s.runs.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wait := s.start(ctx)
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-timer.C:
		}
	}
}

// idle is how long an empty schedule sleeps; a new job wakes it.
const idle = time.Hour

// start begins what is due and returns the time until the next is.
func (s *schedule) start(ctx context.Context) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) > 0 {
		now, e := time.Now(), s.queue[0]
		if wait := e.next.Sub(now); wait > 0 {
			return wait
		}
		due := e.next
		e.next = moment(e.job.Key, e.job.Every, now)
		heap.Fix(&s.queue, 0)
		if e.running {
			s.missed(e.job.Key)
			continue
		}
		e.running = true
		s.runs.Add(1)
		go s.once(ctx, e, due)
	}
	return idle
}

// once runs a job one time, when a slot is free.
func (s *schedule) once(ctx context.Context, e *entry, due time.Time) {
	defer s.runs.Done()
	if s.slots.Acquire(ctx, 1) != nil {
		return
	}
	defer s.slots.Release(1)
	s.mu.Lock()
	job := e.job
	timeout := job.Timeout
	if timeout <= 0 {
		timeout = job.Every
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	gone := e.gone
	e.cancel = cancel
	s.mu.Unlock()
	ok := true
	if !gone {
		s.observe(time.Since(due))
		ok = job.Run(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e.running, e.cancel = false, nil
	if e.failed++; ok {
		e.failed = 0
	}
	if e.gone || !job.Patient || e.failed == 0 {
		return
	}
	// It keeps its moment, and leaves some of its turns out.
	factor := min(1<<min(e.failed, 10), maxBackoff)
	e.next = moment(job.Key, job.Every, time.Now()).Add(time.Duration(factor-1) * job.Every)
	heap.Fix(&s.queue, e.index)
}

// queue is a heap of entries by their next time.
type queue []*entry

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].next.Before(q[j].next) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push implements heap.Interface.
func (q *queue) Push(x any) {
	e := x.(*entry) //nolint:forcetypeassert // nothing else is pushed
	e.index = len(*q)
	*q = append(*q, e)
}

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	e.index = -1
	return e
}
