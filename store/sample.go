package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// Sample is one QoS reading.
type Sample struct {
	Deployment  string            `json:"deployment"` // name
	Instance    string            `json:"instance"`
	Source      string            `json:"source"` // ssh, http, host, service, cloud
	Name        string            `json:"name"`
	Labels      map[string]string `json:"labels"`
	Value       float64           `json:"value"`
	ObservedAt  time.Time         `json:"observed_at"`
	CollectedAt time.Time         `json:"collected_at"`
}

// AddSamples records readings of one deployment; see AddAllSamples.
func (s *Store) AddSamples(ctx context.Context, deploymentID string, samples []Sample) error {
	return s.AddAllSamples(ctx, map[string][]Sample{deploymentID: samples})
}

// AddAllSamples records readings of deployments, by their identifiers, in one
// transaction, and does a part of the work of compressing earlier ones and of
// dropping those that are too old. The readings of a deployment that is not
// there, or one of which is no number, are refused; those of the others are
// kept all the same.
func (s *Store) AddAllSamples(ctx context.Context, byDeployment map[string][]Sample) error {
	var refused []error
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(byDeployment)) {
		if err := numbers(byDeployment[id]); err != nil {
			refused = append(refused, err)
		} else if len(byDeployment[id]) > 0 {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return errors.Join(refused...)
	}
	c := &s.samples
	c.mu.Lock()
	defer c.mu.Unlock()
	now := s.now()
	c.renew(now)
	if err := s.sweep(ctx, now); err != nil {
		return err
	}
	err := s.write(ctx, func(tx *sql.Tx) error {
		in, err := newIntake(ctx, tx, c, now)
		if err != nil {
			return err
		}
		for _, id := range ids {
			err := in.deployment(ctx, id, byDeployment[id])
			if errors.Is(err, ErrNotFound) {
				refused = append(refused, err)
			} else if err != nil {
				return err
			}
		}
		return s.housekeep(ctx, tx, now, in.rows)
	})
	if err != nil {
		c.forget() // it has what was rolled back
	}
	return errors.Join(append(refused, err)...)
}

func numbers(samples []Sample) error {
	for i := range samples {
		if x := &samples[i]; math.IsNaN(x.Value) {
			return fmt.Errorf("sample %s %s of instance %s is not a number", x.Source, x.Name, x.Instance)
		}
	}
	return nil
}

// intake writes samples in a transaction.
type intake struct {
	tx     *sql.Tx
	cache  *sampleCache
	now    time.Time
	insert *sql.Stmt
	more   *sql.Stmt // where there is a collection of the same moment
	series *sql.Stmt
	rows   int // that were written
}

func newIntake(ctx context.Context, tx *sql.Tx, c *sampleCache, now time.Time) (*intake, error) {
	in := &intake{tx: tx, cache: c, now: now}
	for stmt, query := range map[**sql.Stmt]string{
		&in.insert: `INSERT OR IGNORE INTO sample_tail (target_id, collected_at, seq, data) VALUES (?, ?, 0, ?)`,
		&in.more: `INSERT INTO sample_tail (target_id, collected_at, seq, data)
			VALUES (?1, ?2, (SELECT max(seq) + 1 FROM sample_tail WHERE target_id = ?1 AND collected_at = ?2), ?3)`,
		&in.series: `INSERT INTO sample_series (target_id, name, labels, seen_at) VALUES (?,?,?,?)
			ON CONFLICT DO UPDATE SET seen_at = excluded.seen_at RETURNING id`,
	} {
		var err error
		if *stmt, err = tx.PrepareContext(ctx, query); err != nil {
			return nil, err // those before end with the transaction
		}
	}
	return in, nil
}

// collection is what one source of one instance said at one moment.
type collection struct {
	target    *cachedTarget
	collected int64
	readings  []reading
}

func (in *intake) deployment(ctx context.Context, id string, samples []Sample) error {
	if err := in.cache.known(ctx, in.tx, id); err != nil {
		return err
	}
	type key struct {
		instance, source string
		collected        int64
	}
	var at key
	var current *collection
	byKey := map[key]*collection{}
	var all []*collection
	for i := range samples {
		x := &samples[i]
		k := key{x.Instance, x.Source, millis(x.CollectedAt)}
		if current == nil || k != at {
			at, current = k, byKey[k]
		}
		if current == nil {
			target, err := in.cache.target(ctx, in.tx, targetKey{id, x.Instance, x.Source})
			if err != nil {
				return err
			}
			current = &collection{target: target, collected: k.collected}
			byKey[k] = current
			all = append(all, current)
		}
		series, err := in.cache.seriesOf(ctx, in.series, in.now, current.target, x)
		if err != nil {
			return err
		}
		current.readings = append(current.readings, reading{series: series, observed: millis(x.ObservedAt), collected: k.collected, value: x.Value})
	}
	for _, c := range all {
		data := packTail(c.readings)
		res, err := in.insert.ExecContext(ctx, c.target.id, c.collected, data)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err == nil && n == 0 {
			_, err = in.more.ExecContext(ctx, c.target.id, c.collected, data)
		}
		if err != nil {
			return err
		}
	}
	in.rows += len(all)
	return nil
}
