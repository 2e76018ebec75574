// Package objective reckons service level objectives: how much of an error
// budget is left, how fast it burns, and whether that is an alert. It is pure:
// counts go in, numbers and states come out.
//
// The method is that of "Alerting on SLOs", chapter 5 of Google's Site
// Reliability Workbook (https://sre.google/workbook/alerting-on-slos/), its
// sixth: multiwindow, multi-burn-rate alerts.
//
// A check that could not be made is no check: it is in no count. So where
// nothing is known nothing burns, and no alert begins or ends.
package objective

import (
	"math"
	"time"

	"skysail/internal/duration"
	"skysail/policies"
)

// Count is how many readings there were and how many of them were good.
type Count struct {
	Good, Total int64
}

// Bad is how many were not good.
func (c Count) Bad() int64 { return c.Total - c.Good }

// ErrorRatio is the share that was not good, and false where there was nothing.
func (c Count) ErrorRatio() (float64, bool) {
	if c.Total <= 0 {
		return 0, false
	}
	return float64(c.Bad()) / float64(c.Total), true
}

// BurnRate is how many times faster than the target allows errors come: at 1
// the budget is used up exactly at the end of the objective's window. It is
// false where nothing was read.
func (c Count) BurnRate(target float64) (float64, bool) {
	ratio, known := c.ErrorRatio()
	return ratio / (1 - target), known
}

// BudgetRemaining is the share of the error budget that is left, by the count
// of the objective's whole window: 1 is all, 0 nothing, less than 0 is missed.
func (c Count) BudgetRemaining(target float64) (float64, bool) {
	rate, known := c.BurnRate(target)
	return 1 - rate, known
}

// Burn is an alert on how fast a budget burns. It fires when the rate is over
// Factor in the long window, so that it matters, and in the short one, so that
// it still goes on.
type Burn struct {
	// Factor is a burn rate.
	Factor float64
	Long   time.Duration
	Short  time.Duration
	// Severity is one of the policies package.
	Severity string
}

// reference is the window for which the Workbook gives its numbers (table 5-8
// and the text after it): 2 % of a month's budget in an hour, 5 % in six hours,
// 10 % in three days.
const reference = 30 * duration.Day

var workbook = []Burn{
	{Factor: 14.4, Long: time.Hour, Short: 5 * time.Minute, Severity: policies.SeverityPage},
	{Factor: 6, Long: 6 * time.Hour, Short: 30 * time.Minute, Severity: policies.SeverityPage},
	{Factor: 1, Long: 3 * duration.Day, Short: 6 * time.Hour, Severity: policies.SeverityTicket},
}

// The shortest windows. Readings are seconds apart: fewer than these hold say
// nothing, whatever the objective's window is.
const (
	minLong  = 10 * time.Minute
	minShort = 2 * time.Minute
)

// Burns are the alerts of an objective with that window. Another window than 30
// days scales theirs and keeps the factors: by the Workbook's formula, burn
// rate = share of the budget × window / alert window, each alert then still
// stands for 2, 5 and 10 % of the budget. Pyrra does the same
// (https://github.com/pyrra-dev/pyrra, slo/rules.go, Windows). Lengths are whole
// minutes.
func Burns(window time.Duration) []Burn {
	out := make([]Burn, 0, len(workbook))
	for _, b := range workbook {
		b.Long = scaled(b.Long, window, minLong)
		b.Short = scaled(b.Short, window, minShort)
		out = append(out, b)
	}
	return out
}

func scaled(d, window, least time.Duration) time.Duration {
	minutes := math.Round(d.Minutes() * float64(window) / float64(reference))
	return max(time.Duration(minutes)*time.Minute, least)
}

// minBad is how many readings must be bad: one alone, of the few that there are
// after a start, is no reason to wake anybody.
const minBad = 2

// Over says of the counts of both windows whether the alert should fire.
// Firing is whether it does: then it goes on until the short window is within
// bounds, whatever the long one is, so that errors that come and go are one
// alert. Where nothing was read in the short window it is unknown.
func (b Burn) Over(long, short Count, target float64, firing bool) Condition {
	longRate, _ := long.BurnRate(target)
	shortRate, known := short.BurnRate(target)
	switch {
	case !known:
		return Unknown
	case shortRate <= b.Factor:
		return No
	case firing:
		return Yes
	}
	return Is(longRate > b.Factor && long.Bad() >= minBad)
}
