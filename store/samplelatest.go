package store

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
)

// LatestSamples returns each source's newest collection for each instance of
// a deployment, ordered by instance, source, name and labels. A source that
// said nothing for a day while others did is left out.
func (s *Store) LatestSamples(ctx context.Context, deploymentID string) ([]Sample, error) {
	type row struct {
		Sample
		labels string
	}
	type newest struct {
		x         Sample
		collected int64
		readings  []reading
	}
	var all []newest
	var last int64
	rows, err := s.db.QueryContext(ctx, `
		SELECT d.name, t.instance, t.source, x.collected_at, x.data
		FROM sample_targets t JOIN deployments d ON d.id = t.deployment_id JOIN sample_tail x
		  ON x.target_id = t.id AND x.collected_at = (SELECT max(collected_at) FROM sample_tail WHERE target_id = t.id)
		WHERE t.deployment_id = ? ORDER BY t.instance, t.source, x.seq`, deploymentID)
	if err != nil {
		return nil, s.writeError(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	for rows.Next() {
		var n newest
		var data []byte
		if err := rows.Scan(&n.x.Deployment, &n.x.Instance, &n.x.Source, &n.collected, &data); err != nil {
			return nil, s.writeError(err)
		}
		if n.readings, err = unpackTail(n.collected, data); err != nil {
			return nil, err
		}
		last = max(last, n.collected)
		all = append(all, n)
	}
	if err := rows.Err(); err != nil || len(all) == 0 {
		return nil, s.writeError(err)
	}
	// After the samples, so that none has a series that is not there yet.
	series, err := s.series(ctx, s.db, deploymentID, nil)
	if err != nil {
		return nil, err
	}
	var out []row
	for _, n := range all {
		if n.collected < last-rawRetention.Milliseconds() {
			continue
		}
		for _, r := range n.readings {
			k, ok := series[r.series]
			if !ok {
				return nil, errSamples
			}
			x := n.x
			x.Name, x.Value, x.ObservedAt, x.CollectedAt = k.Name, r.value, fromMillis(r.observed), fromMillis(r.collected)
			if err := json.Unmarshal([]byte(k.labels), &x.Labels); err != nil {
				return nil, err
			}
			out = append(out, row{x, k.labels})
		}
	}
	slices.SortStableFunc(out, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Name, b.Name), cmp.Compare(a.labels, b.labels))
	})
	samples := make([]Sample, len(out))
	for i := range out {
		samples[i] = out[i].Sample
	}
	return samples, nil
}
