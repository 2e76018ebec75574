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
	"sync"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver

	"skysail/internal/crash"
)

//go:embed migrations/*.sql
var migrations embed.FS

const busyTimeout = 10 * time.Second

// Store is an open store. Safe for concurrent use.
type Store struct {
	db   *sql.DB
	path string
	busy time.Duration
	now  func() time.Time

	samples sampleCache

	alerts    sync.Mutex
	compacted time.Time // when counts of objectives were, by this process
}

// Open opens the store at path, makes it when it is not there, and brings its
// schema up to date. A store that a newer skysail wrote, that is damaged or
// that another process keeps locked is an error that says what to do; the
// file is left as it is.
func Open(ctx context.Context, path string) (*Store, error) {
	return open(ctx, path, busyTimeout)
}

func open(ctx context.Context, path string, busy time.Duration) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, openError(path, busy, err)
	}
	if err := create(path); err != nil {
		return nil, openError(path, busy, err)
	}
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busy.Milliseconds()),
		"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		// KiB, taken as needed: the pages to which a monitor of 2,000 instances
		// appends, which otherwise are read again at each write.
		"cache_size(-32000)",
	}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, openError(path, busy, err)
	}
	db.SetMaxOpenConns(4)
	// SQLite does not wait for a lock when two processes make the file at
	// once, so that is done here.
	for begin := time.Now(); ; {
		if err = migrate(ctx, db); !isBusy(err) || time.Since(begin) >= busy {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		return nil, errors.Join(openError(path, busy, err), db.Close())
	}
	return &Store{db: db, path: path, busy: busy, now: time.Now}, nil
}

// create makes the file, empty and private, unless it is there. SQLite would
// make it with the mode of the umask; -wal and -shm copy the mode. A file that
// is there must not be opened here: closing it would drop the locks that
// another Store of this process has on it.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the caller's own store
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
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
	// transaction of its own, so the loser of the race for one sees it made,
	// and goes on with the next.
	for {
		_, err := p.Up(ctx)
		if err == nil {
			return nil
		}
		now, _, verr := p.GetVersions(ctx)
		if verr != nil || now <= current {
			return err
		}
		if current = now; current == target {
			return nil
		}
	}
}

// transition is write for a transition of the state machine, which has a name.
func (s *Store) transition(ctx context.Context, name string, fn func(*sql.Tx) error) error {
	err := s.write(ctx, fn)
	if err == nil {
		crash.Point(name)
	}
	return err
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
