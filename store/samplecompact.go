package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

const (
	// compactAfter is the age of a collection at which its target's are
	// compressed: about 120 collections at the usual interval, which is where
	// a larger chunk is hardly smaller a sample.
	compactAfter = 30 * time.Minute
	// sweepEvery is how often it is looked for targets that are due.
	sweepEvery = time.Minute
	// maxCollections bounds the memory that compressing a target takes.
	maxCollections = 4096
)

// due is a target whose collections are to be compressed.
type due struct {
	target int64
	// whole is with its newest one too, which is older than a day, while other
	// sources of its deployment say something.
	whole bool
}

// sweep looks for targets that are due, those that have waited longest first.
func (s *Store) sweep(ctx context.Context, now time.Time) error {
	c := &s.samples
	if len(c.due) > 0 || (now.Sub(c.swept) < sweepEvery && !now.Before(c.swept)) {
		return nil
	}
	rows, err := s.db.QueryContext(ctx, `
		WITH t AS MATERIALIZED (SELECT id, deployment_id, (SELECT min(collected_at) FROM sample_tail WHERE target_id = id) AS oldest,
			(SELECT max(collected_at) FROM sample_tail WHERE target_id = id) AS newest FROM sample_targets)
		SELECT id, newest < ?2 FROM t WHERE oldest < ?1
		AND (oldest < newest OR (newest < ?2 AND deployment_id IN (SELECT deployment_id FROM t WHERE newest >= ?2)))
		ORDER BY oldest`, millis(now.Add(-compactAfter)), millis(now.Add(-rawRetention)))
	if err != nil {
		return s.writeError(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	for rows.Next() {
		var d due
		if err := rows.Scan(&d.target, &d.whole); err != nil {
			return s.writeError(err)
		}
		c.due = append(c.due, d)
	}
	c.swept = now
	return s.writeError(rows.Err())
}

// housekeep compresses and drops more than what came in makes necessary, and
// no more than that, so that no write takes long. rows is how many collections
// came in.
func (s *Store) housekeep(ctx context.Context, tx *sql.Tx, now time.Time, rows int) error {
	c := &s.samples
	n := min(len(c.due), 4+rows/32)
	for _, d := range c.due[:n] {
		if err := apart(ctx, tx, func() error { return compact(ctx, tx, d, now) }); err != nil {
			return err
		}
	}
	c.due = c.due[n:]
	limit := 16 + rows/16
	if _, err := tx.ExecContext(ctx, `DELETE FROM sample_chunks WHERE seq IN (SELECT seq FROM sample_chunks WHERE collected_at < ? LIMIT ?)`,
		millis(now.Add(-rawRetention)), limit); err != nil {
		return err
	}
	for _, r := range rollups {
		if _, err := tx.ExecContext(ctx, `DELETE FROM sample_rollups WHERE seq IN
			(SELECT seq FROM sample_rollups WHERE step = ? AND start_at < ? LIMIT ?)`,
			r.step.Milliseconds(), millis(now.Add(-r.keep-r.block)), limit); err != nil {
			return err
		}
	}
	return dropSeries(ctx, tx, now.Add(-hoursRetention-2*renewSeries), limit)
}

// apart does something that damaged samples undo: what is damaged stays as it
// is, is told by what reads it, and keeps nobody from writing.
func apart(ctx context.Context, tx *sql.Tx, do func() error) error {
	if _, err := tx.ExecContext(ctx, `SAVEPOINT apart`); err != nil {
		return err
	}
	err := do()
	if errors.Is(err, errSamples) {
		if _, err = tx.ExecContext(ctx, `ROLLBACK TO apart`); err != nil {
			return err
		}
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, `RELEASE apart`)
	}
	return err
}

// dropSeries drops series that nothing is kept of any more, and targets that
// have none.
func dropSeries(ctx context.Context, tx *sql.Tx, before time.Time, limit int) error {
	res, err := tx.ExecContext(ctx, `DELETE FROM sample_series WHERE id IN (SELECT id FROM sample_series WHERE seen_at < ? LIMIT ?)`, millis(before), limit)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	const empty = `(SELECT id FROM sample_targets t WHERE NOT EXISTS (SELECT 1 FROM sample_series WHERE target_id = t.id))`
	for _, q := range []string{
		`DELETE FROM sample_tail WHERE target_id IN ` + empty, `DELETE FROM sample_chunks WHERE target_id IN ` + empty,
		`DELETE FROM sample_rollups WHERE target_id IN ` + empty, `DELETE FROM sample_targets WHERE id IN ` + empty,
	} {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// compact makes a chunk of a target's collections, all but the newest, and
// adds them to what is rolled up.
func compact(ctx context.Context, tx *sql.Tx, d due, now time.Time) error {
	xs, lastAt, lastSeq, err := collections(ctx, tx, d)
	if err != nil || len(xs) == 0 {
		return err
	}
	all := bySeries(xs)
	newest := xs[len(xs)-1].collected
	if newest >= millis(now.Add(-rawRetention)) {
		data, first, last := packChunk(all)
		if _, err := tx.ExecContext(ctx, `INSERT INTO sample_chunks (target_id, first_at, last_at, collected_at, data) VALUES (?,?,?,?,?)`,
			d.target, first, last, newest, data); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM sample_tail WHERE target_id = ? AND (collected_at, seq) <= (?, ?)`, d.target, lastAt, lastSeq); err != nil {
		return err
	}
	counters, err := counters(ctx, tx, d.target)
	if err != nil {
		return err
	}
	for _, r := range rollups {
		if err := rollUp(ctx, tx, d.target, r, all, counters); err != nil {
			return err
		}
	}
	return nil
}

// collections reads what is to be compressed, in the order in which it was
// collected, and up to where that goes.
func collections(ctx context.Context, tx *sql.Tx, d due) (xs []reading, lastAt, lastSeq int64, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT collected_at, seq, data FROM sample_tail WHERE target_id = ?1
		AND (?2 OR collected_at < (SELECT max(collected_at) FROM sample_tail WHERE target_id = ?1))
		ORDER BY collected_at, seq LIMIT ?3`, d.target, d.whole, maxCollections)
	if err != nil {
		return nil, 0, 0, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	for rows.Next() {
		var data sql.RawBytes
		if err := rows.Scan(&lastAt, &lastSeq, &data); err != nil {
			return nil, 0, 0, err
		}
		some, err := unpackTail(lastAt, data)
		if err != nil {
			return nil, 0, 0, err
		}
		xs = append(xs, some...)
	}
	return xs, lastAt, lastSeq, rows.Err()
}

func counters(ctx context.Context, tx *sql.Tx, target int64) (func(int64) bool, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, name FROM sample_series WHERE target_id = ?`, target)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	is := map[int64]bool{}
	for rows.Next() {
		var id int64
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			return nil, err
		}
		is[id] = Counts(name)
	}
	return func(id int64) bool { return is[id] }, rows.Err()
}

// rollUp adds series to the rows of a resolution that they fall into.
func rollUp(ctx context.Context, tx *sql.Tx, target int64, r rollup, all map[int64]*points, counter func(int64) bool) error {
	blocks := map[int64]map[int64]steps{}
	for id, p := range all {
		whole := steps{}
		whole.roll(p, r.step)
		for start, a := range whole {
			block := floor(start, r.block)
			if blocks[block] == nil {
				blocks[block] = map[int64]steps{}
			}
			if blocks[block][id] == nil {
				blocks[block][id] = steps{}
			}
			blocks[block][id].put(start, *a)
		}
	}
	for block, added := range blocks {
		var data []byte
		err := tx.QueryRowContext(ctx, `SELECT data FROM sample_rollups WHERE target_id = ? AND step = ? AND start_at = ?`,
			target, r.step.Milliseconds(), block).Scan(&data)
		if err == nil {
			var had map[int64]steps
			if had, err = unpackSteps(data, nil); err != nil {
				return err
			}
			for id, old := range had {
				if added[id] == nil {
					added[id] = steps{}
				}
				for start, a := range old {
					added[id].put(start, *a)
				}
			}
		}
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO sample_rollups (target_id, step, start_at, data) VALUES (?,?,?,?)
			ON CONFLICT (target_id, step, start_at) DO UPDATE SET data = excluded.data`, target, r.step.Milliseconds(), block, packSteps(added, counter)); err != nil {
			return err
		}
	}
	return nil
}
