package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"math/big"
)

// idDigits is the number of base-36 digits after the leading letter.
const idDigits = 11

// NextID returns the ID that the next deployment of that name will have:
// derived from this store's random installation key, the name, and how many
// deployments of the name there were. So two plans of a service are the same
// bytes, and two machines never make the same ID.
func (s *Store) NextID(ctx context.Context, name string) (string, error) {
	var key string
	var n int
	err := s.db.QueryRowContext(ctx, `SELECT (SELECT value FROM meta WHERE key = 'installation'),
		(SELECT count(*) FROM deployments WHERE name = ?)`, name).Scan(&key, &n)
	if err != nil {
		return "", s.writeError(err)
	}
	sum := sha256.Sum256([]byte(fmt.Sprintf("%s\x00%s\x00%d", key, name, n)))
	digits := new(big.Int).SetBytes(sum[:]).Text(36)
	return "d" + digits[len(digits)-idDigits:], nil
}

// Discard forgets a deployment that is still pending: nothing of it was ever
// applied, so the bundle that it was made of is not used either.
func (s *Store) Discard(ctx context.Context, id string) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM events WHERE deployment_id = ?1
			AND EXISTS (SELECT 1 FROM deployments WHERE id = ?1 AND phase = 'pending')`, id); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM skips WHERE deployment_id = ?1
			AND EXISTS (SELECT 1 FROM deployments WHERE id = ?1 AND phase = 'pending')`, id); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM revisions WHERE deployment_id = ?1
			AND EXISTS (SELECT 1 FROM deployments WHERE id = ?1 AND phase = 'pending')`, id); err != nil {
			return err
		}
		if err := one(tx.ExecContext(ctx, `DELETE FROM deployments WHERE id = ? AND phase = 'pending'`, id)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM used_bundles WHERE deployment_id = ?`, id)
		return err
	})
}
