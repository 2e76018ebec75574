package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// ErrUsed is returned for a reviewed bundle that was applied before.
var ErrUsed = errors.New("the bundle was used")

// BundleUse says which deployment a reviewed bundle became.
type BundleUse struct {
	Deployment string
	Name       string
	At         time.Time
}

// CreateOf is Create for a deployment of a reviewed bundle, whose hash is
// recorded in the same transaction; with a hash that was recorded before it
// fails with ErrUsed and changes nothing.
func (s *Store) CreateOf(ctx context.Context, d Deployment, bundle string) error {
	return s.create(ctx, d, func(tx *sql.Tx) error {
		if _, err := bundleUse(ctx, tx, bundle); err == nil {
			return ErrUsed
		} else if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO used_bundles (hash, deployment_id, name, at) VALUES (?,?,?,?)`,
			bundle, d.ID, d.Name, millis(s.now()))
		return err
	})
}

// BundleUse returns the use of a bundle by its hash; nil when there was none.
func (s *Store) BundleUse(ctx context.Context, hash string) (*BundleUse, error) {
	u, err := bundleUse(ctx, s.db, hash)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // not used is an answer
	}
	return u, s.writeError(err)
}

func bundleUse(ctx context.Context, q interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}, hash string,
) (*BundleUse, error) {
	var u BundleUse
	var at int64
	if err := q.QueryRowContext(ctx, `SELECT deployment_id, name, at FROM used_bundles WHERE hash = ?`, hash).Scan(&u.Deployment, &u.Name, &at); err != nil {
		return nil, err
	}
	u.At = fromMillis(at)
	return &u, nil
}

// Installation is a name of this store that tells nothing else of it.
func (s *Store) Installation(ctx context.Context) (string, error) {
	var key string
	if err := s.db.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = 'installation'`).Scan(&key); err != nil {
		return "", s.writeError(err)
	}
	sum := sha256.Sum256([]byte(fmt.Sprintf("installation\x00%s", key)))
	return hex.EncodeToString(sum[:8]), nil
}
