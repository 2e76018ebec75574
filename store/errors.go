package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"skysail/internal/failure"
)

// ErrNotFound is returned for a deployment that the store does not hold.
var ErrNotFound = errors.New("no such deployment")

var errNewer = errors.New("the store was written by a newer skysail")

// openError says what an error while opening means and what to do.
func openError(path string, busy time.Duration, err error) error {
	if known := explain(path, busy, err); known != nil {
		return known
	}
	return noAccess(path, err)
}

// writeError says what an error of a read or a write means.
func (s *Store) writeError(err error) error {
	if err == nil {
		return nil
	}
	if known := explain(s.path, s.busy, err); known != nil {
		return known
	}
	return fmt.Errorf("store %s: %w", s.path, err)
}

func isBusy(err error) bool {
	var se *sqlite.Error
	return errors.As(err, &se) && (se.Code()&0xff == sqlite3.SQLITE_BUSY || se.Code()&0xff == sqlite3.SQLITE_LOCKED)
}

func noAccess(path string, err error) error {
	return failure.Wrap(err, failure.Failed, "store "+path, "skysail keeps what it made in this file. Nothing was changed.",
		"Check that the folder exists and can be written, or set SKYSAIL_HOME to another.")
}

// explain is the failure that err means, err itself where that says all, or
// nil when it is none of those that happen to a store.
func explain(path string, busy time.Duration, err error) error {
	const intact = "What was recorded before is intact."
	doing := "store " + path
	var f *failure.Error
	var se *sqlite.Error
	switch {
	case errors.As(err, &f), errors.Is(err, ErrNotFound), errors.Is(err, ErrUsed), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, errNewer):
		return failure.Wrap(err, failure.Failed, doing, "Nothing was changed.", "Use the newer skysail, or another SKYSAIL_HOME.")
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return failure.Wrap(err, failure.Failed, doing, "The disk is full. "+intact, "Free some space and run again.")
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return noAccess(path, err)
	case !errors.As(err, &se):
		return nil
	case se.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return ErrNotFound // every foreign key is a deployment's
	}
	switch se.Code() & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return failure.Wrap(err, failure.Failed, doing,
			"The file is damaged or is no SQLite database. What it recorded may still be running and cost money. Nothing was changed.",
			"Keep the file, restore it from a copy, or move it away and remove what carries the tag skysail at your providers.")
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return failure.Wrap(err, failure.Busy, doing, fmt.Sprintf("Another process kept the store locked for %s. Nothing was changed.", busy),
			"Wait for it to end and run again; `fuser "+path+"` shows who it is.")
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR:
		return failure.Wrap(err, failure.Failed, doing, "The disk is full, over its quota or failing. "+intact,
			"Free some space, or see the system's log for disk errors, and run again.")
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return noAccess(path, err)
	}
	return nil
}
