package store

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// anyValue is every float64 that is a number, those that are hard to compress
// and those that are usual.
func anyValue() *rapid.Generator[float64] {
	return rapid.OneOf(
		rapid.Float64(),
		rapid.SampledFrom([]float64{
			0, math.Copysign(0, -1), 1, -1, math.Inf(1), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64,
			1 << 53, 1<<53 - 1, 1<<53 + 2, -1 << 53, 0.1, 0.3, 1e-9, 1.0000000001,
		}),
		rapid.Map(rapid.Int64Range(-1<<40, 1<<40), func(n int64) float64 { return float64(n) }),
		rapid.Map(rapid.Int64Range(-1e9, 1e9), func(n int64) float64 { return float64(n) / 100 }),
		rapid.Map(rapid.Int64Range(0, 1e12), func(n int64) float64 { return time.Duration(n).Seconds() }),
	)
}

func sameValues(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) })
}

func TestColumnsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(anyValue()).Draw(t, "values")
		times := rapid.SliceOf(rapid.Int64()).Draw(t, "times")
		var c columns
		c.floats(values)
		c.times(times)
		for _, v := range values {
			c.float(v)
		}
		r := reader{b: c.b}
		if got := r.floats(len(values)); !sameValues(got, values) {
			t.Fatalf("values %v, want %v", got, values)
		}
		if got := r.times(len(times)); !slices.Equal(got, times) {
			t.Fatalf("times %v, want %v", got, times)
		}
		for _, v := range values {
			if got := r.float(); math.Float64bits(got) != math.Float64bits(v) {
				t.Fatalf("got %v, want %v", got, v)
			}
		}
		if r.err != nil || len(r.b) != 0 {
			t.Fatalf("%v, %d bytes are left", r.err, len(r.b))
		}
	})
}

// anyReadings are of a few series, at times that repeat and go back.
func anyReadings(t *rapid.T, value *rapid.Generator[float64]) []reading {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) reading {
		collected := millis(epoch) + rapid.Int64Range(0, 10_000_000).Draw(t, "collected")
		return reading{
			series: rapid.Int64Range(1, 4).Draw(t, "series"), collected: collected, value: value.Draw(t, "value"),
			observed: rapid.OneOf(rapid.Just(collected), rapid.Just(int64(0)), rapid.Int64Range(collected-600_000, collected+10)).Draw(t, "observed"),
		}
	}), 1, 60).Draw(t, "readings")
}

func TestTailRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyReadings(t, anyValue())
		for i := range want {
			want[i].collected = want[0].collected
		}
		got, err := unpackTail(want[0].collected, packTail(slices.Clone(want)))
		slices.SortStableFunc(want, func(a, b reading) int { return int(a.series - b.series) })
		if err != nil || !slices.EqualFunc(got, want, func(a, b reading) bool {
			same := math.Float64bits(a.value) == math.Float64bits(b.value)
			a.value, b.value = 0, 0
			return same && a == b
		}) {
			t.Fatalf("got %v %v, want %v", got, err, want)
		}
	})
}

func TestChunkRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		xs := anyReadings(t, anyValue())
		data, first, last := packChunk(bySeries(xs))
		odd := rapid.Bool().Draw(t, "odd only")
		got, err := unpackChunk(data, func(id int64) bool { return !odd || id%2 == 1 })
		if err != nil {
			t.Fatal(err)
		}
		slices.SortStableFunc(xs, func(a, b reading) int { return int(a.at() - b.at()) })
		want := map[int64]*points{}
		for _, x := range xs {
			if odd && x.series%2 == 0 {
				continue
			}
			if want[x.series] == nil {
				want[x.series] = &points{}
			}
			p := want[x.series]
			p.at, p.values = append(p.at, x.at()), append(p.values, x.value)
		}
		if len(got) != len(want) || first != xs[0].at() || last != xs[len(xs)-1].at() {
			t.Fatalf("%d series from %d to %d, want %d from %d to %d", len(got), first, last, len(want), xs[0].at(), xs[len(xs)-1].at())
		}
		for id, p := range want {
			if g := got[id]; g == nil || !slices.Equal(g.at, p.at) || !sameValues(g.values, p.values) {
				t.Fatalf("series %d: got %v, want %v", id, g, p)
			}
		}
	})
}

// TestDamagedSamples: whatever is in the file, reading it ends with an error
// or with something.
func TestDamagedSamples(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data, _, _ := packChunk(bySeries(anyReadings(t, anyValue())))
		raw, err := inflate(data)
		if err != nil {
			t.Fatal(err)
		}
		raw[rapid.IntRange(0, len(raw)-1).Draw(t, "place")] = rapid.Byte().Draw(t, "byte")
		for _, raw := range [][]byte{raw, rapid.SliceOf(rapid.Byte()).Draw(t, "garbage")} {
			_, _ = unpackChunk(deflate(raw), nil)
			_, _ = unpackSteps(deflate(raw), nil)
			_, _ = unpackTail(0, raw)
		}
		if _, err := unpackChunk(data[:len(data)-1], nil); !errors.Is(err, errSamples) {
			t.Fatalf("a chunk that ends early: %v", err)
		}
	})
}

// naive is what the values of a step come to, all at once.
func naive(p *points) (a aggregate) {
	a = aggregate{min: math.Inf(1), max: math.Inf(-1), first: p.values[0], firstAt: p.at[0]}
	for i, v := range p.values {
		a.count++
		a.min, a.max, a.sum = math.Min(a.min, v), math.Max(a.max, v), a.sum+v
		a.last, a.lastAt = v, p.at[i]
		if i > 0 && v >= p.values[i-1] {
			a.increase += v - p.values[i-1]
		} else if i > 0 {
			a.increase += v // it began anew
		}
	}
	return a
}

// TestRollUpsEqualWhatIsComputedAtOnce: by parts, as collections come in,
// packed and unpacked in between. Sums of integers have no order.
func TestRollUpsEqualWhatIsComputedAtOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.Map(rapid.Int64Range(-1000, 1000), func(n int64) float64 { return float64(n) })
		xs := anyReadings(t, value)
		late := rapid.Bool().Draw(t, "late values")
		if !late {
			slices.SortStableFunc(xs, func(a, b reading) int { return int(a.at() - b.at()) })
		}
		for _, r := range rollups {
			got := map[int64]steps{}
			for rest := xs; len(rest) > 0; {
				n := rapid.IntRange(1, len(rest)).Draw(t, "part")
				for id, p := range bySeries(rest[:n]) {
					if got[id] == nil {
						got[id] = steps{}
					}
					got[id].roll(p, r.step)
				}
				rest = rest[n:]
				var err error
				if got, err = unpackSteps(packSteps(got, func(int64) bool { return true }), nil); err != nil {
					t.Fatal(err)
				}
			}
			checkSteps(t, got, xs, r.step, late)
		}
	})
}

func checkSteps(t *rapid.T, got map[int64]steps, xs []reading, step time.Duration, late bool) {
	n := 0
	for id, p := range bySeries(xs) {
		want := map[int64]*points{}
		for i, at := range p.at {
			start := time.UnixMilli(at).Truncate(step).UnixMilli()
			if want[start] == nil {
				want[start] = &points{}
			}
			want[start].at, want[start].values = append(want[start].at, at), append(want[start].values, p.values[i])
		}
		if len(got[id]) != len(want) {
			t.Fatalf("series %d has %d steps, want %d", id, len(got[id]), len(want))
		}
		for start, p := range want {
			g, w := *got[id][start], naive(p)
			if late { // what merge says of them; of the same time any may be the last
				g.increase, w.increase = 0, 0
				g.first, w.first = 0, 0
				if !slices.Contains(p.values[slices.Index(p.at, w.lastAt):], g.last) {
					t.Fatalf("last is %v of %v", g.last, p)
				}
				g.last, w.last = 0, 0
			}
			if g != w {
				t.Fatalf("series %d, %s from %d: got %+v, want %+v", id, step, start, g, w)
			}
		}
		n++
	}
	if n != len(got) {
		t.Fatalf("%d series, want %d", len(got), n)
	}
}
