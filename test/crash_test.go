package test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// crashWorkers is how many runs go on side by side, each in a home and a
// sandbox of its own.
const crashWorkers = 4

// crashRuns is how many runs TestCrash makes at least: all of `make
// test-crash` says so, a shorter series is in `make test`.
func crashRuns(t *testing.T) int {
	text := os.Getenv("SKYSAIL_CRASH_RUNS")
	if text == "" {
		return 64
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("SKYSAIL_CRASH_RUNS=%q is no number of runs", text)
	}
	return n
}

// crashOps are the operations in which something is killed.
var crashOps = []string{"deploy", "failover", "update", "destroy"}

// TestCrash kills the command, the supervisor, Terraform and the plugin with
// SIGKILL, at every point of the journal and at random times, and recovers:
// each deployment ends running as wanted or gone, the simulated clouds hold
// nothing else, and the store knows all that they hold. The numbers that
// decide on times and victims are from SKYSAIL_CRASH_SEED, which is printed.
func TestCrash(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SKYSAIL_CRASH_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("SKYSAIL_CRASH_SEED=%d", seed)
	hello(t) // builds its archive once
	cases := crashCases(t, crashRuns(t), rand.New(rand.NewPCG(seed, 0)))
	report(t, crashAll(cases, crashWorkers, func(int) *crashWorker { return newCrashWorker(t) }))
}

// crashAll runs the cases with so many workers side by side.
func crashAll(cases []crashCase, workers int, newWorker func(n int) *crashWorker) []crashResult {
	queue := make(chan crashCase, len(cases))
	for _, c := range cases {
		queue <- c
	}
	close(queue)
	results := make([]crashResult, 0, len(cases))
	var mu sync.Mutex
	var wg sync.WaitGroup
	for n := range workers {
		w := newWorker(n)
		wg.Go(func() {
			for c := range queue {
				r := w.run(c)
				mu.Lock()
				results = append(results, r)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return results
}

// crashCase is one run.
type crashCase struct {
	Op string
	// Plan kills at a point, or with Random set after Plan.Delay from the
	// operation's start.
	Plan   crashPlan
	Random bool
	// Again kills the first recovery as well, after that time; 0 does not.
	Again time.Duration
}

func (c crashCase) where() string {
	if c.Random {
		return "random time"
	}
	return c.Plan.Point
}

func (c crashCase) String() string {
	s := fmt.Sprintf("%s: %s killed at %s", c.Op, c.Plan.Victim, c.where())
	if !c.Random {
		s += fmt.Sprintf(" #%d", c.Plan.Nth)
	}
	if c.Plan.Delay > 0 {
		s += " +" + c.Plan.Delay.Round(time.Millisecond).String()
	}
	if c.Again > 0 {
		s += ", recovery killed +" + c.Again.Round(time.Millisecond).String()
	}
	return s
}

// crashCases are a kill of the supervisor at each point of each operation, and
// at random times of everything, n in all. Of a series that is shorter than
// the points are many, the points are drawn.
func crashCases(t *testing.T, n int, r *rand.Rand) []crashCase {
	var exact []crashCase
	w := newCrashWorker(t)
	lengths := map[string]time.Duration{}
	for _, op := range crashOps {
		points, took := w.record(op)
		lengths[op] = took
		if len(points) < 3 {
			t.Fatalf("%s has the points %v", op, points)
		}
		nth := map[string]int{}
		for _, p := range points {
			nth[p]++
			exact = append(exact, crashCase{Op: op, Plan: crashPlan{Victim: killSupervisor, Point: p, Nth: nth[p]}})
			if strings.HasSuffix(p, ":begun") && (strings.Contains(p, "apply") || strings.Contains(p, "destroy") || strings.Contains(p, "update")) {
				for _, v := range []victim{killTerraform, killPlugin} {
					exact = append(exact, crashCase{Op: op, Plan: crashPlan{Victim: v, Point: p, Nth: nth[p], Delay: randomDelay(r, 1200*time.Millisecond)}})
				}
			}
		}
	}
	t.Logf("%d points and engines under way", len(exact))
	r.Shuffle(len(exact), func(i, j int) { exact[i], exact[j] = exact[j], exact[i] })
	// A third at least is at random times.
	cases := exact[:min(len(exact), n-n/3)]
	victims := []victim{killCommand, killSupervisor, killTerraform, killPlugin}
	for i := 0; len(cases) < n; i++ {
		op := crashOps[i%len(crashOps)]
		cases = append(cases, crashCase{
			Op: op, Random: true,
			Plan: crashPlan{Victim: victims[i/len(crashOps)%len(victims)], Delay: randomDelay(r, lengths[op])},
		})
	}
	for i := range cases {
		if cases[i].Plan.Victim == killSupervisor && r.IntN(4) == 0 {
			cases[i].Again = 1 + randomDelay(r, 1500*time.Millisecond)
		}
	}
	return cases
}

// crashResult is what a run came to.
type crashResult struct {
	crashCase
	Killed  bool   // false: it had ended before
	Outcome string // running, gone
	Failed  bool
}

// report prints the table of kill points and outcomes.
func report(t *testing.T, results []crashResult) {
	type row struct{ op, victim, where string }
	count := map[row]map[string]int{}
	total := map[string]int{}
	for _, r := range results {
		k := row{r.Op, string(r.Plan.Victim), r.where()}
		if count[k] == nil {
			count[k] = map[string]int{}
		}
		outcomes := []string{"runs", r.Outcome}
		if !r.Killed {
			outcomes = append(outcomes, "not reached")
		}
		if r.Failed {
			outcomes = append(outcomes, "FAILED")
		}
		for _, o := range outcomes {
			count[k][o]++
			total[o]++
		}
	}
	rows := make([]row, 0, len(count))
	for k := range count {
		rows = append(rows, k)
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(slices.Index(crashOps, a.op), slices.Index(crashOps, b.op)), cmp.Compare(a.victim, b.victim), cmp.Compare(a.where, b.where))
	})
	columns := []string{"runs", "running", "gone", "not reached", "FAILED"}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	line := func(cells []string, counts map[string]int) {
		for _, c := range columns {
			cells = append(cells, strconv.Itoa(counts[c]))
		}
		_, _ = fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	_, _ = fmt.Fprintln(w, strings.Join(append([]string{"OPERATION", "KILLED", "AT"}, columns...), "\t"))
	for _, k := range rows {
		line([]string{k.op, k.victim, k.where}, count[k])
	}
	line([]string{"all", "", ""}, total)
	_ = w.Flush()
	t.Logf("kill points and outcomes:\n%s", b.String())
	if out := os.Getenv("SKYSAIL_CRASH_TABLE"); out != "" {
		if err := os.WriteFile(filepath.Clean(out), []byte(b.String()), 0o600); err != nil {
			t.Error(err)
		}
	}
}
