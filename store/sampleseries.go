package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// renewSeries is how long identifiers are remembered. It must be far below
	// the time after which a series that nobody writes is dropped.
	renewSeries = 24 * time.Hour
	// maxCached bounds what is remembered: some 100 MB.
	maxCached = 500_000
)

// sampleCache has the identifiers of what is written again and again, and
// which targets are due for compression. mu is held for a whole transaction:
// there is one writer at a time anyhow.
type sampleCache struct {
	mu          sync.Mutex
	since       time.Time
	deployments map[string]bool
	targets     map[targetKey]*cachedTarget
	size        int
	key         []byte

	swept time.Time
	due   []due
}

type targetKey struct{ deployment, instance, source string }

type cachedTarget struct {
	id     int64
	series map[string]*cachedSeries
}

type cachedSeries struct {
	id int64
	// stale is of one that was not written for a day or more.
	stale bool
}

func (c *sampleCache) forget() {
	c.deployments, c.targets, c.size = map[string]bool{}, map[targetKey]*cachedTarget{}, 0
}

func (c *sampleCache) renew(now time.Time) {
	if c.targets == nil || c.size > maxCached || now.Sub(c.since) > renewSeries || now.Before(c.since) {
		c.forget()
		c.since = now
	}
}

func (c *sampleCache) known(ctx context.Context, tx *sql.Tx, deployment string) error {
	if c.deployments[deployment] {
		return nil
	}
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM deployments WHERE id = ?`, deployment).Scan(&n); err != nil {
		return err
	}
	if n == 0 {
		return fmt.Errorf("samples of %s: %w", deployment, ErrNotFound)
	}
	c.deployments[deployment] = true
	return nil
}

func (c *sampleCache) target(ctx context.Context, tx *sql.Tx, k targetKey) (*cachedTarget, error) {
	if t := c.targets[k]; t != nil {
		return t, nil
	}
	t := &cachedTarget{series: map[string]*cachedSeries{}}
	err := tx.QueryRowContext(ctx, `SELECT id FROM sample_targets WHERE deployment_id = ? AND instance = ? AND source = ?`,
		k.deployment, k.instance, k.source).Scan(&t.id)
	if errors.Is(err, sql.ErrNoRows) {
		err = tx.QueryRowContext(ctx, `INSERT INTO sample_targets (deployment_id, instance, source) VALUES (?,?,?) RETURNING id`,
			k.deployment, k.instance, k.source).Scan(&t.id)
	} else if err == nil {
		err = c.load(ctx, tx, t)
	}
	if err != nil {
		return nil, err
	}
	c.targets[k] = t
	c.size++
	return t, nil
}

// load reads the series that a target has.
func (c *sampleCache) load(ctx context.Context, tx *sql.Tx, t *cachedTarget) error {
	rows, err := tx.QueryContext(ctx, `SELECT id, name, labels, seen_at FROM sample_series WHERE target_id = ?`, t.id)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	for rows.Next() {
		var x Sample
		var id, seen int64
		var labels []byte
		if err := rows.Scan(&id, &x.Name, &labels, &seen); err != nil {
			return err
		}
		if err := json.Unmarshal(labels, &x.Labels); err != nil {
			return err
		}
		c.key = appendKey(c.key[:0], &x)
		t.series[string(c.key)] = &cachedSeries{id: id, stale: seen < millis(c.since.Add(-renewSeries))}
		c.size++
	}
	return rows.Err()
}

func (c *sampleCache) seriesOf(ctx context.Context, insert *sql.Stmt, now time.Time, t *cachedTarget, x *Sample) (int64, error) {
	c.key = appendKey(c.key[:0], x)
	known := t.series[string(c.key)]
	if known != nil && !known.stale {
		return known.id, nil
	}
	labels, err := json.Marshal(x.Labels)
	if err != nil {
		return 0, err
	}
	known = &cachedSeries{}
	if err := insert.QueryRowContext(ctx, t.id, x.Name, string(labels), millis(now)).Scan(&known.id); err != nil {
		return 0, err
	}
	t.series[string(c.key)] = known
	c.size++
	return known.id, nil
}

// appendKey appends what tells a series of a target from the others: cheaper
// than its labels as JSON.
func appendKey(b []byte, x *Sample) []byte {
	text := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	text(x.Name)
	if x.Labels == nil {
		return b
	}
	b = append(b, 0) // none is not the same as no map
	var few [8]string
	names := few[:0]
	for n := range x.Labels {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		text(n)
		text(x.Labels[n])
	}
	return b
}
