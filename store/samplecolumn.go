package store

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"sync"
)

// errSamples is what samples that are damaged give.
var errSamples = errors.New("kept samples are damaged")

// maxUnpacked bounds what a damaged chunk makes of itself.
const maxUnpacked = 64 << 20

// columns writes numbers one after the other.
type columns struct{ b []byte }

func (c *columns) uint(v uint64) { c.b = binary.AppendUvarint(c.b, v) }
func (c *columns) int(v int64)   { c.b = binary.AppendVarint(c.b, v) }

// float is short for numbers of few digits.
func (c *columns) float(v float64) { c.uint(bits.ReverseBytes64(math.Float64bits(v))) }

// times writes times as changes of their distance, which is 0 for a source
// that is read at an interval.
func (c *columns) times(ts []int64) {
	var last, step int64
	for _, t := range ts {
		c.int(t - last - step)
		last, step = t, t-last
	}
}

// decimals are the numbers of decimal places that are tried: of integers,
// shares, seconds in hundredths, milliseconds, microseconds and nanoseconds.
var decimals = [...]float64{1, 10, 100, 1e3, 1e6, 1e9}

// xored marks a column whose values are no short decimal numbers.
const xored = byte(len(decimals))

// floats writes values as differences: of whole multiples of a decimal
// fraction where each value is exactly that, else of their bits.
func (c *columns) floats(vs []float64) {
	for k, scale := range decimals {
		start := len(c.b)
		if c.scaled(byte(k), scale, vs) {
			return
		}
		c.b = c.b[:start]
	}
	c.b = append(c.b, xored)
	var last uint64
	for _, v := range vs {
		b := math.Float64bits(v)
		c.uint(b ^ last)
		last = b
	}
}

func (c *columns) scaled(mark byte, scale float64, vs []float64) bool {
	c.b = append(c.b, mark)
	var last int64
	for _, v := range vs {
		m := math.Round(v * scale)
		// The comparison of bits tells -0 from 0.
		if !(math.Abs(m) < 1<<53) || math.Float64bits(float64(int64(m))/scale) != math.Float64bits(v) {
			return false
		}
		n := int64(m)
		c.int(n - last)
		last = n
	}
	return true
}

// reader reads what columns wrote. After the first error all reads give 0.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail() { r.err, r.b = errSamples, nil }

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads how many follow, each at least a byte.
func (r *reader) count() int {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n) //nolint:gosec // at most len(r.b)
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.fail()
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) float() float64 { return math.Float64frombits(bits.ReverseBytes64(r.uint())) }

func (r *reader) times(n int) []int64 {
	out := make([]int64, n)
	var last, step int64
	for i := range out {
		t := last + step + r.int()
		last, step = t, t-last
		out[i] = t
	}
	return out
}

func (r *reader) floats(n int) []float64 {
	out := make([]float64, n)
	mark := r.take(1)
	switch {
	case r.err != nil:
	case mark[0] < xored:
		var last int64
		for i := range out {
			last += r.int()
			out[i] = float64(last) / decimals[mark[0]]
		}
	case mark[0] == xored:
		var last uint64
		for i := range out {
			last ^= r.uint()
			out[i] = math.Float64frombits(last)
		}
	default:
		r.fail()
	}
	return out
}

// Writers and readers of flate are large, so they are used again.
var (
	deflaters = sync.Pool{New: func() any {
		w, _ := flate.NewWriter(nil, flate.BestSpeed) // fails for unknown levels only
		return w
	}}
	inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}
)

func deflate(raw []byte) []byte {
	w := deflaters.Get().(*flate.Writer)
	defer deflaters.Put(w)
	var b bytes.Buffer
	w.Reset(&b)
	_, _ = w.Write(raw) // a buffer takes all
	_ = w.Close()
	return b.Bytes()
}

func inflate(data []byte) ([]byte, error) {
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	if err := r.(flate.Resetter).Reset(bytes.NewReader(data), nil); err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(r, maxUnpacked))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errSamples, err)
	}
	return raw, nil
}
