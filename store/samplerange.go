package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"
)

// SampleQuery says what is wanted of a deployment's history.
type SampleQuery struct {
	Deployment string // its identifier
	From, To   time.Time
	// Step is the time that a point stands for. It is made longer where that
	// is the resolution in which samples of From are kept.
	Step time.Duration
	// Want says which series are wanted; nil is all.
	Want func(source, name string) bool
}

// SampleRange is a part of a deployment's history.
type SampleRange struct {
	Step   time.Duration
	Series []SampleSeries // by instance, source, name and labels
}

// SampleSeries is what was read of one thing over time.
type SampleSeries struct {
	Instance, Source, Name string
	Labels                 map[string]string
	Points                 []SamplePoint // in order of time; of steps without samples there is none

	labels string
}

// SamplePoint is what the samples of a step come to.
type SamplePoint struct {
	Time                time.Time // at which the step begins
	Count               uint64
	Min, Max, Sum, Last float64
	// Increase is that of a counter since the last value of the point before,
	// over restarts at 0.
	Increase float64
}

// resolution picks in what samples are read: the coarsest that the step
// allows, and a coarser one where finer ones are not kept for so long.
func resolution(from, now time.Time, step time.Duration) (r rollup, rounded time.Duration) {
	r = rollup{step: time.Millisecond, keep: rawRetention}
	for _, next := range rollups {
		if step >= next.step || now.Sub(from) > r.keep {
			r = next
		}
	}
	step = max(step, r.step)
	return r, (step + r.step - 1) / r.step * r.step
}

// SampleRange returns the history of a deployment from From to To in steps
// that begin at whole multiples of Step since 1970. The first step may begin
// before From.
func (s *Store) SampleRange(ctx context.Context, q SampleQuery) (SampleRange, error) {
	r, step := resolution(q.From, s.now(), q.Step)
	out := SampleRange{Step: step}
	// One view of the file: what is compressed meanwhile must be neither
	// missing nor there twice.
	tx, end, err := s.view(ctx)
	if err != nil {
		return out, s.writeError(err)
	}
	defer end()
	series, err := s.series(ctx, tx, q.Deployment, q.Want)
	if err != nil {
		return out, err
	}
	h := history{series: series, from: floor(q.From.UnixMilli(), step), to: q.To.UnixMilli(), step: step, all: map[int64]steps{}}
	if r.step < rollups[0].step {
		err = h.chunks(ctx, tx, q.Deployment)
	} else {
		err = h.rollups(ctx, tx, q.Deployment, r)
	}
	if err == nil {
		err = h.tail(ctx, tx, q.Deployment)
	}
	if err == nil {
		out.Series, err = h.points()
	}
	return out, s.writeError(err)
}

// view is a connection that sees the file as it is now until end. It is no
// sql.Tx, as the driver would take the lock for writing.
func (s *Store) view(ctx context.Context) (c *sql.Conn, end func(), err error) {
	if c, err = s.db.Conn(ctx); err != nil {
		return nil, nil, err
	}
	if _, err = c.ExecContext(ctx, `BEGIN`); err != nil {
		return nil, nil, errors.Join(err, c.Close())
	}
	return c, func() {
		_, _ = c.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`) // nothing was written
		_ = c.Close()
	}, nil
}

type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// series are those of a deployment that are wanted, by their identifiers.
func (s *Store) series(ctx context.Context, db queryer, deployment string, want func(source, name string) bool) (map[int64]*SampleSeries, error) {
	rows, err := db.QueryContext(ctx, `SELECT x.id, t.instance, t.source, x.name, x.labels FROM sample_series x
		JOIN sample_targets t ON t.id = x.target_id WHERE t.deployment_id = ?`, deployment)
	if err != nil {
		return nil, s.writeError(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	out := map[int64]*SampleSeries{}
	for rows.Next() {
		var id int64
		var x SampleSeries
		if err := rows.Scan(&id, &x.Instance, &x.Source, &x.Name, &x.labels); err != nil {
			return nil, s.writeError(err)
		}
		if want == nil || want(x.Source, x.Name) {
			out[id] = &x
		}
	}
	return out, s.writeError(rows.Err())
}

// history is gathered part by part, so that one part is in memory at a time.
type history struct {
	series   map[int64]*SampleSeries
	from, to int64 // to is not in it
	step     time.Duration
	all      map[int64]steps
}

func (h *history) wanted(id int64) bool { return h.series[id] != nil }

func (h *history) of(id int64) steps {
	if h.all[id] == nil {
		h.all[id] = steps{}
	}
	return h.all[id]
}

// values takes in the values of a series.
func (h *history) values(id int64, p *points) {
	first, _ := slices.BinarySearch(p.at, h.from)
	end, _ := slices.BinarySearch(p.at, h.to)
	if first < end {
		h.of(id).roll(&points{p.at[first:end], p.values[first:end]}, h.step)
	}
}

// parts gives each a number and the bytes of each row of a query.
func parts(ctx context.Context, db queryer, each func(n int64, data []byte) error, query string, args ...any) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	for rows.Next() {
		var n int64
		var data sql.RawBytes
		if err := rows.Scan(&n, &data); err != nil {
			return err
		}
		if err := each(n, data); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (h *history) chunks(ctx context.Context, db queryer, deployment string) error {
	return parts(ctx, db, func(_ int64, data []byte) error {
		all, err := unpackChunk(data, h.wanted)
		for id, p := range all {
			h.values(id, p)
		}
		return err
	}, `SELECT x.seq, x.data FROM sample_targets t JOIN sample_chunks x ON x.target_id = t.id
		WHERE t.deployment_id = ? AND x.first_at < ? AND x.last_at >= ? ORDER BY x.target_id, x.first_at, x.seq`, deployment, h.to, h.from)
}

func (h *history) rollups(ctx context.Context, db queryer, deployment string, r rollup) error {
	return parts(ctx, db, func(_ int64, data []byte) error {
		all, err := unpackSteps(data, h.wanted)
		for id, some := range all {
			into := h.of(id)
			for _, start := range slices.Sorted(maps.Keys(some)) {
				if start >= h.from && start < h.to {
					into.put(floor(start, h.step), *some[start])
				}
			}
		}
		return err
	}, `SELECT x.seq, x.data FROM sample_targets t JOIN sample_rollups x ON x.target_id = t.id
		WHERE t.deployment_id = ? AND x.step = ? AND x.start_at < ? AND x.start_at > ? ORDER BY x.target_id, x.start_at`,
		deployment, r.step.Milliseconds(), h.to, h.from-r.block.Milliseconds())
}

// tail takes in what is not compressed yet.
func (h *history) tail(ctx context.Context, db queryer, deployment string) error {
	var xs []reading
	err := parts(ctx, db, func(collected int64, data []byte) error {
		some, err := unpackTail(collected, data)
		for i := range some {
			if h.wanted(some[i].series) {
				xs = append(xs, some[i])
			}
		}
		return err
	}, `SELECT x.collected_at, x.data FROM sample_targets t JOIN sample_tail x ON x.target_id = t.id
		WHERE t.deployment_id = ? AND x.collected_at >= ? ORDER BY x.target_id, x.collected_at, x.seq`, deployment, h.from-maxEarly.Milliseconds())
	for id, p := range bySeries(xs) {
		h.values(id, p)
	}
	return err
}

// points makes series of what was gathered.
func (h *history) points() ([]SampleSeries, error) {
	var out []SampleSeries
	for id, all := range h.all {
		x := *h.series[id]
		if len(all) == 0 {
			continue
		}
		if err := json.Unmarshal([]byte(x.labels), &x.Labels); err != nil {
			return nil, err
		}
		var before *aggregate
		for _, start := range slices.Sorted(maps.Keys(all)) {
			a := all[start]
			p := SamplePoint{
				Time: time.UnixMilli(start).UTC(), Count: a.count, Min: a.min, Max: a.max, Sum: a.sum, Last: a.last, Increase: a.increase,
			}
			if before != nil {
				p.Increase += increase(before.last, a.first)
			}
			if !Counts(x.Name) {
				p.Increase = 0
			}
			x.Points = append(x.Points, p)
			before = a
		}
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b SampleSeries) int {
		return cmp.Or(cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Name, b.Name), cmp.Compare(a.labels, b.labels))
	})
	return out, nil
}
