package monitor

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"skysail/qos"
)

// staleAfter intervals without a reading, the last one is not shown any more:
// no data is unknown. leastStale keeps what is read every few seconds visible
// over one slow answer.
const (
	staleAfter = 3
	leastStale = time.Minute
)

// State is the latest reading of each source of each target. It may be used
// side by side.
type State struct {
	mu     sync.Mutex
	latest map[place]*reading
	byJob  map[string]map[place]bool
	stats  Stats
	delays [len(delayBounds) + 1]uint64
}

type place struct{ deployment, instance, source string }

type reading struct {
	report  qos.Report
	samples []qos.Sample
	at      time.Time
	read    time.Time // when it was last read with success
	every   time.Duration
}

// Stats count what a monitor did.
type Stats struct {
	Readings, Failed uint64 // of sources
	// Missed runs had to be left out, as the one before still went on.
	Missed uint64
	// Dropped samples could not be kept.
	Dropped uint64
	// Sources is how many are known now.
	Sources int
	// DelaySum is the time by which readings began late, in all.
	DelaySum time.Duration
	// Delays counts the readings that began up to each of DelayBounds late,
	// and in the last place all others.
	Delays []uint64
}

var delayBounds = [...]time.Duration{
	time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, time.Second, 5 * time.Second,
}

// DelayBounds are the upper bounds of Stats.Delays.
func DelayBounds() []time.Duration { return slices.Clone(delayBounds[:]) }

func newState() *State {
	return &State{latest: map[place]*reading{}, byJob: map[string]map[place]bool{}}
}

// put takes in what a job read. A source of this job that it tells nothing of
// any more is gone.
func (s *State) put(job string, every time.Duration, res qos.Result) {
	now, samples := time.Now(), res.ByReport()
	fresh := make(map[place]*reading, len(res.Reports))
	for _, r := range res.Reports {
		fresh[place{r.Deployment, r.Instance, r.Source}] = &reading{report: r, samples: samples(&r), at: now, every: every}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.byJob[job] {
		if fresh[p] == nil {
			delete(s.latest, p)
		}
	}
	s.byJob[job] = make(map[place]bool, len(fresh))
	for p, r := range fresh {
		if r.read = r.report.ObservedAt; r.report.Err != nil {
			r.read = time.Time{}
			if before := s.latest[p]; before != nil {
				r.read = before.read
			}
		}
		s.latest[p], s.byJob[job][p] = r, true
		if s.stats.Readings++; r.report.Err != nil {
			s.stats.Failed++
		}
	}
}

func (s *State) forget(job string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.byJob[job] {
		delete(s.latest, p)
	}
	delete(s.byJob, job)
}

func (s *State) drop(samples int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Dropped += uint64(samples) //nolint:gosec // a length
}

func (s *State) missed(string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Missed++
}

func (s *State) began(delay time.Duration) {
	i, _ := slices.BinarySearch(delayBounds[:], delay)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delays[i]++
	s.stats.DelaySum += max(delay, 0)
}

// Stats returns the counts so far.
func (s *State) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.stats
	out.Sources, out.Delays = len(s.latest), slices.Clone(s.delays[:])
	return out
}

// Snapshot is all that was read last, by deployment, instance and source, but
// for what is stale.
func (s *State) Snapshot() qos.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	var out qos.Result
	for _, p := range slices.SortedFunc(maps.Keys(s.latest), before) {
		r := s.latest[p]
		if r.stale(now) {
			continue
		}
		out.Samples = append(out.Samples, r.samples...)
		out.Reports = append(out.Reports, r.report)
	}
	return out
}

func (r *reading) stale(now time.Time) bool {
	after := staleAfter
	if r.report.Err != nil {
		after += maxBackoff // it is asked less often
	}
	return now.Sub(r.at) > max(time.Duration(after)*r.every, leastStale)
}

// Source is what is known of a source of a target, stale or not.
type Source struct {
	qos.Report
	// ReadAt is when it was last read with success, zero when it never was.
	ReadAt time.Time
	Stale  bool
}

// Sources are all that are known, by deployment, instance and source. Unlike
// Snapshot it tells of stale ones as well.
func (s *State) Sources() []Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	out := make([]Source, 0, len(s.latest))
	for _, p := range slices.SortedFunc(maps.Keys(s.latest), before) {
		r := s.latest[p]
		out = append(out, Source{Report: r.report, ReadAt: r.read, Stale: r.stale(now)})
	}
	return out
}

func before(a, b place) int {
	return cmp.Or(cmp.Compare(a.deployment, b.deployment), cmp.Compare(a.instance, b.instance), cmp.Compare(a.source, b.source))
}

// Targets are those of which something is known now, each once.
func (s *State) Targets() []qos.Target {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := map[place]bool{}
	var out []qos.Target
	for p, r := range s.latest {
		if p.source = ""; !seen[p] {
			seen[p] = true
			out = append(out, r.report.Target)
		}
	}
	return out
}
