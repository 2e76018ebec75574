package store

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// rollup is a resolution that samples are kept in.
type rollup struct {
	step time.Duration
	// block is the time that a row holds: more compresses better, and is
	// written again more often.
	block time.Duration
	keep  time.Duration
}

// How long samples are kept.
const (
	// rawRetention is for looking at what happened today.
	rawRetention = 24 * time.Hour
	// fiveMinutesRetention is for this week against the last one.
	fiveMinutesRetention = 14 * 24 * time.Hour
	// hoursRetention is a year, and the month that is compared with that of the
	// year before.
	hoursRetention = 400 * 24 * time.Hour
	// SampleRetention is how far back there is anything of samples.
	SampleRetention = hoursRetention
)

var rollups = []rollup{
	{step: 5 * time.Minute, block: 2 * time.Hour, keep: fiveMinutesRetention},
	{step: time.Hour, block: 24 * time.Hour, keep: hoursRetention},
}

// aggregate is what the values of a series come to in a step of time.
type aggregate struct {
	count       uint64
	min, max    float64
	sum         float64
	firstAt     int64
	lastAt      int64
	first, last float64
	// increase is that of a counter from the first value to the last one.
	increase float64
}

// increase of a counter from one value to the next: one that fell began anew
// at 0.
func increase(from, to float64) float64 {
	switch {
	case to == from: // infinite ones too
		return 0
	case to < from:
		return to
	}
	return to - from
}

func of(at int64, v float64) aggregate {
	return aggregate{count: 1, min: v, max: v, sum: v, firstAt: at, lastAt: at, first: v, last: v}
}

// add takes in a value that is not older than those before.
func (a *aggregate) add(at int64, v float64) { a.merge(of(at, v)) }

// merge takes in what another part of the same step came to. Of parts that
// overlap in time, which values give that arrive late, increase is that of
// one part after the other; all else is exact.
func (a *aggregate) merge(b aggregate) {
	switch {
	case b.count == 0:
		return
	case a.count == 0:
		*a = b
		return
	}
	x, y := *a, b
	if y.firstAt < x.firstAt {
		x, y = y, x
	}
	x.increase += increase(x.last, y.first) + y.increase
	x.count += y.count
	x.sum += y.sum
	x.min, x.max = min(x.min, y.min), max(x.max, y.max)
	if y.lastAt >= x.lastAt {
		x.lastAt, x.last = y.lastAt, y.last
	}
	*a = x
}

// Counts reports whether a series of that name is a counter, by the rules of
// Prometheus for names.
func Counts(name string) bool {
	for _, suffix := range []string{"_total", "_count", "_sum", "_bucket"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// steps are the aggregates of a series by the beginning of their step.
type steps map[int64]*aggregate

func (s steps) at(start int64) *aggregate {
	a := s[start]
	if a == nil {
		a = &aggregate{}
		s[start] = a
	}
	return a
}

// floor is the beginning of the step that a moment is in.
func floor(at int64, step time.Duration) int64 {
	ms := step.Milliseconds()
	r := at % ms
	if r < 0 {
		r += ms
	}
	return at - r
}

// roll puts the values of a series into steps.
func (s steps) roll(p *points, step time.Duration) {
	// Parts first: what is there already may be younger.
	var part aggregate
	var start int64
	for i, at := range p.at {
		if b := floor(at, step); i == 0 || b != start {
			s.put(start, part)
			start, part = b, aggregate{}
		}
		part.add(at, p.values[i])
	}
	s.put(start, part)
}

func (s steps) put(start int64, a aggregate) {
	if a.count > 0 {
		s.at(start).merge(a)
	}
}

// packSteps compresses the aggregates of series. counter says of which the
// increase is kept.
func packSteps(all map[int64]steps, counter func(series int64) bool) []byte {
	var c, one columns
	c.uint(uint64(len(all)))
	var before int64
	for _, id := range slices.Sorted(maps.Keys(all)) {
		c.int(id - before)
		before = id
		starts := slices.Sorted(maps.Keys(all[id]))
		one.b = one.b[:0]
		one.uint(uint64(len(starts)))
		one.times(starts)
		var f [6][]float64
		for _, start := range starts {
			a := all[id][start]
			one.uint(a.count)
			one.int(a.firstAt - start)
			one.int(a.lastAt - a.firstAt)
			inc := a.increase
			if !counter(id) {
				inc = 0
			}
			for i, v := range []float64{a.min, a.max, a.sum, a.first, a.last, inc} {
				f[i] = append(f[i], v)
			}
		}
		for _, vs := range f {
			one.floats(vs)
		}
		c.uint(uint64(len(one.b)))
		c.b = append(c.b, one.b...)
	}
	return deflate(c.b)
}

// unpackSteps gives the series that are wanted; nil is all.
func unpackSteps(data []byte, wanted func(series int64) bool) (map[int64]steps, error) {
	raw, err := inflate(data)
	if err != nil {
		return nil, err
	}
	r := reader{b: raw}
	out := map[int64]steps{}
	var id int64
	for range r.count() {
		id += r.int()
		one := reader{b: r.take(r.count())}
		if wanted != nil && !wanted(id) {
			continue
		}
		starts := one.times(one.count())
		as := make([]aggregate, len(starts))
		for i := range as {
			as[i].count = one.uint()
			as[i].firstAt = starts[i] + one.int()
			as[i].lastAt = as[i].firstAt + one.int()
		}
		for _, set := range []func(*aggregate, float64){
			func(a *aggregate, v float64) { a.min = v }, func(a *aggregate, v float64) { a.max = v },
			func(a *aggregate, v float64) { a.sum = v }, func(a *aggregate, v float64) { a.first = v },
			func(a *aggregate, v float64) { a.last = v }, func(a *aggregate, v float64) { a.increase = v },
		} {
			for i, v := range one.floats(len(as)) {
				set(&as[i], v)
			}
		}
		if one.err != nil {
			return nil, one.err
		}
		s := steps{}
		for i, start := range starts {
			s[start] = &as[i]
		}
		out[id] = s
	}
	return out, r.err
}
