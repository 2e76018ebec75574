package objective

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"skysail/internal/duration"
	"skysail/policies"
)

func TestBudgetAndBurnRate(t *testing.T) {
	for _, c := range []struct {
		count        Count
		target       float64
		burn, budget float64
	}{
		{Count{Good: 1000, Total: 1000}, 0.999, 0, 1},
		{Count{Good: 999, Total: 1000}, 0.999, 1, 0},
		{Count{Good: 998, Total: 1000}, 0.999, 2, -1},
		{Count{Good: 9995, Total: 10000}, 0.999, 0.5, 0.5},
		{Count{Good: 0, Total: 10}, 0.99, 100, -99},
	} {
		burn, known := c.count.BurnRate(c.target)
		budget, _ := c.count.BudgetRemaining(c.target)
		if !known || math.Abs(burn-c.burn) > 1e-6 || math.Abs(budget-c.budget) > 1e-6 {
			t.Errorf("%+v of %g: burns %g, %g left; want %g and %g", c.count, c.target, burn, budget, c.burn, c.budget)
		}
	}
	if _, known := (Count{}).BurnRate(0.99); known {
		t.Error("no reading is known to burn")
	}
	if _, known := (Count{}).BudgetRemaining(0.99); known {
		t.Error("no reading is known to leave a budget")
	}
}

// The numbers of the Workbook, and what they are for other windows.
func TestBurns(t *testing.T) {
	const h, m, day = time.Hour, time.Minute, duration.Day
	page, ticket := policies.SeverityPage, policies.SeverityTicket
	for window, want := range map[time.Duration][]Burn{
		30 * day: {{14.4, h, 5 * m, page}, {6, 6 * h, 30 * m, page}, {1, 3 * day, 6 * h, ticket}},
		90 * day: {{14.4, 3 * h, 15 * m, page}, {6, 18 * h, 90 * m, page}, {1, 9 * day, 18 * h, ticket}},
		7 * day:  {{14.4, 14 * m, 2 * m, page}, {6, 84 * m, 7 * m, page}, {1, 1008 * m, 84 * m, ticket}},
		h:        {{14.4, 10 * m, 2 * m, page}, {6, 10 * m, 2 * m, page}, {1, 10 * m, 2 * m, ticket}},
	} {
		if diff := cmp.Diff(want, Burns(window)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", window, diff)
		}
	}
}

// Each alert of a window of which no part is rounded stands for the Workbook's
// share of the budget.
func TestBurnsKeepTheirShare(t *testing.T) {
	for _, days := range []int{30, 60, 90, 360} {
		window := time.Duration(days) * duration.Day
		for i, b := range Burns(window) {
			share := b.Factor * float64(b.Long) / float64(window)
			if want := []float64{0.02, 0.05, 0.1}[i]; math.Abs(share-want) > 1e-9 {
				t.Errorf("%d days: the alert of %s stands for %g of the budget, not %g", days, duration.Text(b.Long), share, want)
			}
		}
	}
}

func TestOver(t *testing.T) {
	b := Burns(30 * duration.Day)[0]
	good, bad := Count{Good: 240, Total: 240}, Count{Good: 230, Total: 240}
	for _, c := range []struct {
		name        string
		long, short Count
		firing      bool
		want        Condition
	}{
		{"all well", good, good, false, No},
		{"both", bad, bad, false, Yes},
		{"it is over", bad, good, false, No},
		{"it is over, and ends", bad, good, true, No},
		{"a short one", good, bad, false, No},
		{"a short one goes on", good, bad, true, Yes},
		{"nothing was read", bad, Count{}, false, Unknown},
		{"nothing was read while it fires", bad, Count{}, true, Unknown},
		{"nothing was ever read", Count{}, Count{}, false, Unknown},
		{"one of few", Count{Good: 9, Total: 10}, Count{Good: 9, Total: 10}, false, No},
		{"two of few", Count{Good: 8, Total: 10}, Count{Good: 8, Total: 10}, false, Yes},
		{"exactly at the factor", Count{Good: 10000 - 144, Total: 10000}, Count{Good: 10000 - 144, Total: 10000}, false, No},
	} {
		// 14.4 times 0.1 % has no exact form: "exactly at" is a hair below it.
		target := 0.999 - 1e-12
		if got := b.Over(c.long, c.short, target, c.firing); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestStates(t *testing.T) {
	for _, c := range []struct{ says, states string }{
		{"nnynn", "iifrr"}, {"yyy", "fff"}, {"?y??n?y", "ifffrrf"}, {"n?", "ii"}, {"yn?y", "frrf"},
	} {
		var s State
		got := ""
		for _, r := range c.says {
			s = s.Next(map[rune]Condition{'n': No, 'y': Yes, '?': Unknown}[r])
			got += string(s)[:1]
		}
		if got != c.states {
			t.Errorf("%s: %s, want %s", c.says, got, c.states)
		}
	}
}

// What is not read neither begins nor ends an alert, and what is all good ends
// each.
func TestUnknownChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Int64Range(1, 1e6).Draw(t, "total")
		long := Count{Good: rapid.Int64Range(0, total).Draw(t, "good"), Total: total}
		target := rapid.Float64Range(0.0001, 0.9999).Draw(t, "target")
		s := rapid.SampledFrom([]State{Inactive, Firing, Resolved}).Draw(t, "state")
		for _, b := range Burns(time.Duration(rapid.IntRange(1, 9000).Draw(t, "hours")) * time.Hour) {
			if b.Short >= b.Long {
				t.Fatalf("the short window is not shorter: %+v", b)
			}
			if got := s.Next(b.Over(long, Count{}, target, s == Firing)); got != s {
				t.Fatalf("nothing was read, and %s became %s", s, got)
			}
			if got := s.Next(b.Over(long, Count{Good: 5, Total: 5}, target, s == Firing)); got == Firing {
				t.Fatalf("all is well, and it is %s", got)
			}
		}
	})
}
