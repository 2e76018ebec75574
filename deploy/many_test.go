package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"skysail/internal/failure"
	"skysail/policies"
)

func TestBearable(t *testing.T) {
	const each, kept = operationMemory, keptMemory
	for _, tt := range []struct {
		cpus   int
		memory uint64
		want   int
	}{
		{2, 0, 16}, // memory is not known
		{2, 64 << 30, 16},
		{64, kept + 5*each, 5},
		{64, kept + 5*each - 1, 4},
		{1, 1 << 20, 1},
		{0, 0, 1},
	} {
		if got := bearable(tt.cpus, tt.memory); got != tt.want {
			t.Errorf("bearable(%d, %d) = %d, want %d", tt.cpus, tt.memory, got, tt.want)
		}
	}
	if n := Bearable(); n < 1 {
		t.Errorf("this machine bears %d", n)
	}
}

// TestInTurn: never more than so many at once, begun in their order, and one
// that fails stops no other.
func TestInTurn(t *testing.T) {
	var mu sync.Mutex
	var begun []int
	now, most := 0, 0
	var kinds []string
	d := &Deployer{opts: Options{Sandbox: true, Progress: func(ev Event) { kinds = append(kinds, string(ev.Kind)+" "+ev.Name) }}}
	jobs := make([]manyJob, 9)
	for i := range jobs {
		jobs[i] = manyJob{name: fmt.Sprint(i), do: func(context.Context) error {
			mu.Lock()
			begun = append(begun, i)
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(20 * time.Millisecond)
			mu.Lock()
			now--
			mu.Unlock()
			if i%4 == 1 {
				return failure.New(failure.Exhausted, "no room", "", "")
			}
			return nil
		}}
	}
	errs := d.inTurn(t.Context(), 3, jobs)
	if most != 3 {
		t.Errorf("%d at once, want 3", most)
	}
	for i, err := range errs {
		if (i%4 == 1) != (err != nil) {
			t.Errorf("job %d: %v", i, err)
		}
	}
	for at, i := range begun {
		if i > at+2 {
			t.Errorf("job %d was the %dth to begin: %v", i, at, begun)
		}
	}
	for i := range jobs {
		q, b, e := slices.Index(kinds, fmt.Sprint("queued ", i)), slices.Index(kinds, fmt.Sprint("begun ", i)), slices.Index(kinds, fmt.Sprint("ended ", i))
		if q < 0 || b < q || e < b {
			t.Errorf("events of job %d: %v", i, kinds)
		}
	}
}

func TestInTurnInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	d := &Deployer{opts: Options{Sandbox: true}}
	ran := 0
	errs := d.inTurn(ctx, 1, []manyJob{
		{name: "a", do: func(ctx context.Context) error { ran++; cancel(); <-ctx.Done(); return nil }},
		{name: "b", do: func(context.Context) error { ran++; return nil }},
		{name: "c", do: func(context.Context) error { ran++; return nil }},
	})
	if ran != 1 || errs[0] != nil || failure.CodeOf(errs[1]) != failure.Interrupted || failure.CodeOf(errs[2]) != failure.Interrupted {
		t.Errorf("ran %d: %v", ran, errs)
	}
}

// TestPace: starts at one provider keep their distance, in the sandbox none.
func TestPace(t *testing.T) {
	d := &Deployer{}
	began := time.Now()
	jobs := make([]manyJob, 3)
	for i := range jobs {
		jobs[i] = manyJob{name: fmt.Sprint(i), provider: policies.AWS, do: func(context.Context) error { return nil }}
	}
	d.inTurn(t.Context(), 3, jobs)
	if took := time.Since(began); took < 2*startPauses[policies.AWS]-50*time.Millisecond {
		t.Errorf("three starts within %s", took)
	}
	d.opts.Sandbox = true
	if len(d.pace()) != 0 {
		t.Error("the sandbox has a pace")
	}
}

func TestDifferentNames(t *testing.T) {
	if err := differentNames([]string{"a", "b"}); err != nil {
		t.Error(err)
	}
	if err := differentNames([]string{"a", "b", "a"}); failure.CodeOf(err) != failure.Input {
		t.Errorf("%v", err)
	}
}

func TestWorst(t *testing.T) {
	code := func(c failure.Code) error { return failure.New(c, string(c), "", "") }
	for _, tt := range []struct {
		errs []error
		want int
	}{
		{nil, 0},
		{[]error{nil, nil}, 0},
		{[]error{code(failure.Input), nil, code(failure.Busy)}, 6},
		{[]error{code(failure.NothingFits), code(failure.Exhausted), code(failure.Busy)}, 4},
		{[]error{code(failure.Exhausted), errors.New("plain"), code(failure.NothingFits)}, 1},
		{[]error{errors.New("plain"), code(failure.Interrupted)}, 130},
		{[]error{code(failure.Interrupted), code(failure.LeftBehind), errors.New("plain")}, 5},
	} {
		got := 0
		if f := Worst(tt.errs...); f != nil {
			got = f.Code.ExitStatus()
		}
		if got != tt.want {
			t.Errorf("%v: %d, want %d", tt.errs, got, tt.want)
		}
	}
}
