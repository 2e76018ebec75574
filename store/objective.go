package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
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

// ObjectiveCounts sums the readings of an objective over windows that end now:
// those of steps that began within each. A deployment that took another's
// place has the readings of that one as well.
func (s *Store) ObjectiveCounts(ctx context.Context, deployment, objective string, windows []time.Duration, now time.Time) ([]ObjectiveCount, error) {
	out := make([]ObjectiveCount, len(windows))
	if len(windows) == 0 {
		return out, nil
	}
	args := []any{deployment, objective, millis(now.Add(-slices.Max(windows)))}
	columns := make([]string, len(windows))
	into := make([]any, 0, 2*len(windows))
	for i, w := range windows {
		out[i] = ObjectiveCount{Deployment: deployment, Objective: objective, At: now}
		args = append(args, millis(now.Add(-w)))
		columns[i] = fmt.Sprintf("coalesce(sum(good) FILTER (WHERE start_at > ?%[1]d), 0), coalesce(sum(total) FILTER (WHERE start_at > ?%[1]d), 0)", len(args))
		into = append(into, &out[i].Good, &out[i].Total)
	}
	query := `WITH RECURSIVE line (id) AS (
			SELECT ?1 UNION SELECT d.replaces FROM deployments d JOIN line ON d.id = line.id WHERE d.replaces <> '')
		SELECT ` + strings.Join(columns, ", ") + ` FROM objective_counts
		WHERE deployment_id IN (SELECT id FROM line) AND objective = ?2 AND start_at > ?3`
	return out, s.writeError(s.db.QueryRowContext(ctx, query, args...).Scan(into...))
}
