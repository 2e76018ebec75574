package store

import (
	"context"
	"database/sql"
)

// Check takes the lock that a write needs and gives it back, and returns the
// version of the schema. It changes nothing.
func (s *Store) Check(ctx context.Context) (schema int64, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version WHERE is_applied`).Scan(&schema)
	})
	return schema, err
}
