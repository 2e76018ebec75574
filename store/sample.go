package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// sampleRetention bounds how long samples are kept.
const sampleRetention = 24 * time.Hour

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

// AddSamples records readings of one deployment and drops those of it that
// are older than a day.
func (s *Store) AddSamples(ctx context.Context, deploymentID string, samples []Sample) error {
	for _, x := range samples {
		if math.IsNaN(x.Value) {
			return fmt.Errorf("sample %s %s of instance %s is not a number", x.Source, x.Name, x.Instance)
		}
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM samples WHERE deployment_id = ? AND collected_at < ?`,
			deploymentID, millis(s.now().Add(-sampleRetention))); err != nil {
			return err
		}
		stmt, err := tx.PrepareContext(ctx, `INSERT INTO samples (deployment_id, instance, source, name, labels, value, observed_at, collected_at)
			VALUES (?,?,?,?,?,?,?,?)`)
		if err != nil {
			return err
		}
		defer stmt.Close() //nolint:errcheck // closed with the transaction
		for _, x := range samples {
			labels, err := json.Marshal(x.Labels)
			if err != nil {
				return err
			}
			if _, err := stmt.ExecContext(ctx, deploymentID, x.Instance, x.Source, x.Name, string(labels), x.Value,
				millis(x.ObservedAt), millis(x.CollectedAt)); err != nil {
				return err
			}
		}
		return nil
	})
}

// LatestSamples returns each source's newest collection for each instance of
// a deployment, ordered by instance, source, name and labels.
func (s *Store) LatestSamples(ctx context.Context, deploymentID string) ([]Sample, error) {
	rows, err := s.db.QueryContext(ctx, `
		SELECT d.name, x.instance, x.source, x.name, x.labels, x.value, x.observed_at, x.collected_at
		FROM samples x JOIN deployments d ON d.id = x.deployment_id
		JOIN (SELECT instance, source, max(collected_at) AS newest FROM samples WHERE deployment_id = ?1 GROUP BY instance, source) l
		  ON l.instance = x.instance AND l.source = x.source AND l.newest = x.collected_at
		WHERE x.deployment_id = ?1
		ORDER BY x.instance, x.source, x.name, x.labels`, deploymentID)
	if err != nil {
		return nil, s.writeError(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []Sample
	for rows.Next() {
		var x Sample
		var labels []byte
		var observed, collected int64
		if err := rows.Scan(&x.Deployment, &x.Instance, &x.Source, &x.Name, &labels, &x.Value, &observed, &collected); err != nil {
			return nil, s.writeError(err)
		}
		if err := json.Unmarshal(labels, &x.Labels); err != nil {
			return nil, err
		}
		x.ObservedAt, x.CollectedAt = fromMillis(observed), fromMillis(collected)
		out = append(out, x)
	}
	return out, s.writeError(rows.Err())
}
