// Package store keeps deployments, attempts, instances, events and samples in
// one SQLite file that several processes share.
//
// Every write is one immediate transaction: SQLite lets one process write at a
// time, others wait up to busyTimeout. A write that returned is on disk
// (synchronous=FULL), so what is journalled before a step survives a power
// cut in the middle of it.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"skysail/internal/failure"
)

//go:embed migrations/*.sql
var migrations embed.FS

const busyTimeout = 10 * time.Second

// ErrNotFound is returned for a deployment that the store does not hold.
var ErrNotFound = errors.New("no such deployment")

// Store is an open store. Safe for concurrent use.
type Store struct {
	db   *sql.DB
	path string
	now  func() time.Time
}

// Open opens the store at path, makes it when it is not there, and brings its
// schema up to date. A store that a newer skysail wrote, that is damaged or
// that another process keeps locked is an error that says what to do; the
// file is left as it is.
func Open(ctx context.Context, path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, openError(path, err)
	}
	// SQLite makes its files with the mode of the umask; -wal and -shm copy
	// the mode of the main file.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the caller's own store
	if err != nil {
		return nil, openError(path, err)
	}
	if err := f.Close(); err != nil {
		return nil, openError(path, err)
	}
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
		"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
	}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, openError(path, err)
	}
	db.SetMaxOpenConns(4)
	if err := migrate(ctx, db); err != nil {
		return nil, errors.Join(openError(path, err), db.Close())
	}
	return &Store{db: db, path: path, now: time.Now}, nil
}

// Close closes the store.
func (s *Store) Close() error { return s.db.Close() }

func migrate(ctx context.Context, db *sql.DB) error {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, sub)
	if err != nil {
		return err
	}
	current, target, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if current > target {
		return fmt.Errorf("%w: it has schema %d, this skysail knows %d", errNewer, current, target)
	}
	if current == target {
		return nil
	}
	// Another process may be migrating: goose runs each migration in a
	// transaction of its own, so the loser of the race sees a made schema.
	if _, err = p.Up(ctx); err == nil {
		return nil
	}
	if now, _, verr := p.GetVersions(ctx); verr == nil && now == target {
		return nil
	}
	return err
}

var errNewer = errors.New("the store was written by a newer skysail")

// openError says what an error while opening means and what to do.
func openError(path string, err error) error {
	const unchanged = "Nothing was changed."
	doing := "store " + path
	var se *sqlite.Error
	switch {
	case errors.Is(err, errNewer):
		return failure.Wrap(err, failure.Failed, doing, unchanged, "Use the newer skysail, or another SKYSAIL_HOME.")
	case errors.As(err, &se) && (se.Code()&0xff == sqlite3.SQLITE_CORRUPT || se.Code()&0xff == sqlite3.SQLITE_NOTADB):
		return failure.Wrap(err, failure.Failed, doing,
			"The file is damaged or is no SQLite database. What it recorded may still be running and cost money. "+unchanged,
			"Keep the file, restore it from a copy, or move it away and remove what carries the tag skysail at your providers.")
	case errors.As(err, &se) && (se.Code()&0xff == sqlite3.SQLITE_BUSY || se.Code()&0xff == sqlite3.SQLITE_LOCKED):
		return failure.Wrap(err, failure.Busy, doing, "Another process keeps the store locked. "+unchanged,
			"Wait for it to end and run again; `fuser "+path+"` shows who it is.")
	case isFull(err):
		return failure.Wrap(err, failure.Failed, doing, "The disk is full. "+unchanged, "Free some space and run again.")
	default:
		return failure.Wrap(err, failure.Failed, doing, "skysail keeps what it made in this file. "+unchanged,
			"Check that the folder exists and can be written, or set SKYSAIL_HOME to another.")
	}
}

func isFull(err error) bool {
	var se *sqlite.Error
	return errors.As(err, &se) && se.Code()&0xff == sqlite3.SQLITE_FULL ||
		strings.Contains(err.Error(), "no space left on device")
}

// write runs fn in one immediate transaction.
func (s *Store) write(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return s.writeError(err)
	}
	if err := fn(tx); err != nil {
		return errors.Join(s.writeError(err), ignoreDone(tx.Rollback()))
	}
	if err := tx.Commit(); err != nil {
		return s.writeError(err)
	}
	return nil
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

func (s *Store) writeError(err error) error {
	var f *failure.Error
	var se *sqlite.Error
	switch {
	case errors.As(err, &f), errors.Is(err, ErrNotFound), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &se) && se.Code()&0xff == sqlite3.SQLITE_BUSY:
		return failure.Wrap(err, failure.Busy, "store "+s.path,
			fmt.Sprintf("Another process kept the store locked for %s.", busyTimeout),
			"Wait for it to end and run again; `fuser "+s.path+"` shows who it is.")
	case isFull(err):
		return failure.Wrap(err, failure.Failed, "store "+s.path, "The disk is full; what was recorded before is intact.",
			"Free some space and run again.")
	default:
		return fmt.Errorf("store %s: %w", s.path, err)
	}
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
