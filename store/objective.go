package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// ObjectiveCount is how many readings of a minute counted for an objective of a
// deployment, and how many of them were good.
type ObjectiveCount struct {
	Deployment string // identifier
	Objective  string
	At         time.Time
	Good       int64
	Total      int64
}

// objectiveTiers are the steps in which counts are kept, and for how long. What
// is older is added to the next step. The alerts' windows begin within a step,
// so each is far shorter than the windows that reach back to it.
var objectiveTiers = []struct{ step, keep time.Duration }{
	{time.Minute, 3 * time.Hour},
	{10 * time.Minute, 3 * 24 * time.Hour},
	{time.Hour, 366 * 24 * time.Hour},
}

// compactEvery is how often counts are moved to longer steps.
const compactEvery = 10 * time.Minute

func addCount(ctx context.Context, tx *sql.Tx, c ObjectiveCount) error {
	step := objectiveTiers[0].step
	_, err := tx.ExecContext(ctx, `INSERT INTO objective_counts (deployment_id, objective, step, start_at, good, total) VALUES (?,?,?,?,?,?)
		ON CONFLICT DO UPDATE SET good = good + excluded.good, total = total + excluded.total`,
		c.Deployment, c.Objective, step.Milliseconds(), floor(millis(c.At), step), c.Good, c.Total)
	return err
}

// compactCounts adds what is too old for its step to the next one, and drops
// what is too old for the last.
func compactCounts(ctx context.Context, tx *sql.Tx, now time.Time) error {
	for i, t := range objectiveTiers {
		before := millis(now.Add(-t.keep))
		if i+1 < len(objectiveTiers) {
			next := objectiveTiers[i+1].step
			before = floor(before, next)
			if _, err := tx.ExecContext(ctx, `INSERT INTO objective_counts (deployment_id, objective, step, start_at, good, total)
				SELECT deployment_id, objective, ?1, start_at - start_at % ?1, sum(good), sum(total) FROM objective_counts
				WHERE step = ?2 AND start_at < ?3 GROUP BY deployment_id, objective, start_at - start_at % ?1
				ON CONFLICT DO UPDATE SET good = good + excluded.good, total = total + excluded.total`,
				next.Milliseconds(), t.step.Milliseconds(), before); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM objective_counts WHERE step = ? AND start_at < ?`, t.step.Milliseconds(), before); err != nil {
			return err
		}
	}
	return nil
}

// ObjectiveCounts sums the readings of a deployment's objectives over windows
// that end now, by objective and window: those of steps that began within each.
// A deployment that took another's place has the readings of that one as well. It
// is one query, whatever it is asked for.
func (s *Store) ObjectiveCounts(ctx context.Context, deployment string, windows map[string][]time.Duration, now time.Time) (map[string]map[time.Duration]ObjectiveCount, error) {
	out := make(map[string]map[time.Duration]ObjectiveCount, len(windows))
	parts := []part{}
	for _, name := range slices.Sorted(maps.Keys(windows)) {
		out[name] = make(map[time.Duration]ObjectiveCount, len(windows[name]))
		until := int64(math.MaxInt64)
		for _, w := range slices.Compact(slices.Sorted(slices.Values(windows[name]))) {
			from := millis(now.Add(-w))
			parts = append(parts, part{name, from, until, w})
			until = from
		}
	}
	if len(parts) == 0 {
		return out, nil
	}
	list, err := json.Marshal(parts)
	if err != nil {
		return nil, err
	}
	rows, err := s.db.QueryContext(ctx, countParts, deployment, string(list))
	if err != nil {
		return nil, s.writeError(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	sum := ObjectiveCount{Deployment: deployment, At: now}
	for rows.Next() {
		var i int
		var found []byte
		if err := rows.Scan(&i, &found); err != nil {
			return nil, s.writeError(err)
		}
		var counts [2]int64
		if err := json.Unmarshal(found, &counts); err != nil {
			return nil, err
		}
		p := &parts[i]
		if p.Objective != sum.Objective {
			sum.Objective, sum.Good, sum.Total = p.Objective, 0, 0
		}
		sum.Good, sum.Total = sum.Good+counts[0], sum.Total+counts[1]
		out[p.Objective][p.window] = sum
	}
	return out, s.writeError(rows.Err())
}

// part is what a window has beyond the next shorter one: of steps that began
// after From and up to Until, in milliseconds.
type part struct {
	Objective string
	From      int64
	Until     int64
	window    time.Duration
}

// countParts reads each step once, by the primary key: it sums disjoint parts,
// and windows are sums of those.
var countParts = fmt.Sprintf(`WITH RECURSIVE line (id) AS (
		SELECT ?1 UNION SELECT d.replaces FROM deployments d JOIN line ON d.id = line.id WHERE d.replaces <> ''),
	parts (i, objective, after, until) AS MATERIALIZED (SELECT key, value ->> 'Objective', value ->> 'From', value ->> 'Until' FROM json_each(?2))
	SELECT i, (SELECT json_array(coalesce(sum(good), 0), coalesce(sum(total), 0)) FROM objective_counts c
		WHERE c.deployment_id IN (SELECT id FROM line) AND c.objective = parts.objective AND c.step IN (%d, %d, %d) AND c.start_at > parts.after AND c.start_at <= parts.until)
	FROM parts ORDER BY i`, objectiveTiers[0].step.Milliseconds(), objectiveTiers[1].step.Milliseconds(), objectiveTiers[2].step.Milliseconds())
