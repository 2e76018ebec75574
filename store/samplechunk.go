package store

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// reading is a sample of a series, which has an identifier.
type reading struct {
	series              int64
	observed, collected int64 // milliseconds
	value               float64
}

// How far the time of a value may be from the moment at which it was collected.
// One that is further off is a wrong clock, or made to fill the store.
const (
	maxLate  = 24 * time.Hour
	maxEarly = 5 * time.Minute
)

// at is the moment of a value on the axis of time.
func (x *reading) at() int64 {
	if x.observed < x.collected-maxLate.Milliseconds() || x.observed > x.collected+maxEarly.Milliseconds() {
		return x.collected
	}
	return x.observed
}

// packTail writes a collection, whose samples have the same collection time.
func packTail(xs []reading) []byte {
	slices.SortStableFunc(xs, func(a, b reading) int { return cmp.Compare(a.series, b.series) })
	same := true
	for i := range xs {
		same = same && xs[i].observed == xs[0].observed
	}
	c := columns{b: make([]byte, 0, 16+8*len(xs))}
	c.uint(uint64(len(xs)))
	if same {
		c.uint(1)
		c.int(xs[0].collected - xs[0].observed)
	} else {
		c.uint(0)
	}
	var last int64
	for i := range xs {
		c.int(xs[i].series - last)
		last = xs[i].series
		if !same {
			c.int(xs[i].collected - xs[i].observed)
		}
		c.float(xs[i].value)
	}
	return c.b
}

func unpackTail(collected int64, data []byte) ([]reading, error) {
	r := reader{b: data}
	out := make([]reading, r.count())
	same := r.uint() == 1
	observed := collected
	if same {
		observed -= r.int()
	}
	var last int64
	for i := range out {
		last += r.int()
		if !same {
			observed = collected - r.int()
		}
		out[i] = reading{series: last, observed: observed, collected: collected, value: r.float()}
	}
	return out, r.err
}

// points are the values of a series in order of time; values of the same time
// keep the order in which they came.
type points struct {
	at     []int64
	values []float64
}

func (p *points) sort() {
	if slices.IsSorted(p.at) {
		return
	}
	order := make([]int, len(p.at))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p.at[a], p.at[b]) })
	sorted := points{make([]int64, len(order)), make([]float64, len(order))}
	for i, from := range order {
		sorted.at[i], sorted.values[i] = p.at[from], p.values[from]
	}
	*p = sorted
}

// bySeries puts readings on the axis of time.
func bySeries(xs []reading) map[int64]*points {
	out := map[int64]*points{}
	for i := range xs {
		p := out[xs[i].series]
		if p == nil {
			p = &points{}
			out[xs[i].series] = p
		}
		p.at, p.values = append(p.at, xs[i].at()), append(p.values, xs[i].value)
	}
	for _, p := range out {
		p.sort()
	}
	return out
}

// packChunk compresses series: the distinct columns of times, as most series
// of a source have the same, and of each series its values.
func packChunk(all map[int64]*points) (data []byte, first, last int64) {
	ids := slices.Sorted(maps.Keys(all))
	var axes [][]int64
	axis := make([]int, len(ids))
	for i, id := range ids {
		at := all[id].at
		axis[i] = slices.IndexFunc(axes, func(a []int64) bool { return slices.Equal(a, at) })
		if axis[i] < 0 {
			axis[i] = len(axes)
			axes = append(axes, at)
		}
	}
	var c, values columns
	c.uint(uint64(len(axes)))
	for i, at := range axes {
		c.uint(uint64(len(at)))
		c.times(at)
		if i == 0 {
			first, last = at[0], at[0]
		}
		first, last = min(first, at[0]), max(last, at[len(at)-1])
	}
	c.uint(uint64(len(ids)))
	var before int64
	for i, id := range ids {
		c.int(id - before)
		before = id
		values.b = values.b[:0]
		values.floats(all[id].values)
		c.uint(uint64(axis[i])) //nolint:gosec // an index
		c.uint(uint64(len(values.b)))
		c.b = append(c.b, values.b...)
	}
	return deflate(c.b), first, last
}

// unpackChunk gives the series that are wanted; nil is all.
func unpackChunk(data []byte, wanted func(series int64) bool) (map[int64]*points, error) {
	raw, err := inflate(data)
	if err != nil {
		return nil, err
	}
	r := reader{b: raw}
	axes := make([][]int64, r.count())
	for i := range axes {
		axes[i] = r.times(r.count())
	}
	out := map[int64]*points{}
	var id int64
	for range r.count() {
		id += r.int()
		axis, values := r.uint(), reader{b: r.take(r.count())}
		if r.err != nil || axis >= uint64(len(axes)) {
			return nil, errSamples
		}
		if wanted != nil && !wanted(id) {
			continue
		}
		at := axes[axis]
		out[id] = &points{at, values.floats(len(at))}
		if values.err != nil {
			return nil, values.err
		}
	}
	return out, r.err
}
