package store

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skysail/internal/failure"
)

// checkFailure asks of an error that it says cause, meaning and next step.
func checkFailure(t *testing.T, err error, code failure.Code, meaning, next string) {
	t.Helper()
	var f *failure.Error
	if !errors.As(err, &f) {
		t.Fatalf("no failure: %v", err)
	}
	if f.Code != code || f.Cause == "" || !strings.Contains(f.Meaning, meaning) || !strings.Contains(f.Next, next) {
		t.Errorf("code %s, cause %q, meaning %q, next %q; want %s, %q, %q", f.Code, f.Cause, f.Meaning, f.Next, code, meaning, next)
	}
}

// filled is the path of a closed store that holds deployment d1 named echo.
func filled(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "skysail.db")
	s, err := Open(t.Context(), path)
	must(t, err)
	must(t, s.Create(t.Context(), deployment("d1", "echo")))
	for range 100 { // several pages
		must(t, s.SetPhase(t.Context(), "d1", Applying, strings.Repeat("x", 500)))
	}
	must(t, s.Close())
	return path
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return b
}

func TestFilesArePrivate(t *testing.T) {
	home := filepath.Join(t.TempDir(), "a", "b")
	s, err := Open(t.Context(), filepath.Join(home, "skysail.db"))
	must(t, err)
	defer s.Close()
	must(t, s.Create(t.Context(), deployment("d1", "echo")))
	for name, want := range map[string]fs.FileMode{"": 0o700, "skysail.db": 0o600, "skysail.db-wal": 0o600, "skysail.db-shm": 0o600} {
		info, err := os.Stat(filepath.Join(home, name))
		must(t, err)
		if info.Mode().Perm() != want {
			t.Errorf("%q has mode %v", name, info.Mode())
		}
	}
}

func TestHostilePath(t *testing.T) {
	for _, name := range []string{"a b.db", "a?mode=memory.db", "a#b.db", "a%20b.db", "a&_pragma=x.db", "ä'\".db"} {
		path := filepath.Join(t.TempDir(), name)
		s, err := Open(t.Context(), path)
		must(t, err)
		must(t, s.Create(t.Context(), deployment("d1", "echo")))
		must(t, s.Close())
		if len(read(t, path)) == 0 {
			t.Errorf("%s: the file is empty", name)
		}
		s, err = Open(t.Context(), path)
		must(t, err)
		if _, err := s.Get(t.Context(), "echo"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		must(t, s.Close())
	}
}

func TestRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	s, err := Open(t.Context(), "skysail.db")
	must(t, err)
	must(t, s.Create(t.Context(), deployment("d1", "echo")))
	must(t, s.Close())
	if len(read(t, "skysail.db")) == 0 {
		t.Error("the file is empty")
	}
}

func TestSchemaIsAsTheMigrationsSay(t *testing.T) {
	s := openTest(t)
	var version int64
	must(t, s.db.QueryRowContext(t.Context(), `SELECT count(*) FROM goose_db_version WHERE is_applied AND version_id > 0`).Scan(&version))
	files, err := fs.Glob(migrations, "migrations/*.sql")
	must(t, err)
	if int(version) != len(files) {
		t.Errorf("%d of %d migrations are applied", version, len(files))
	}
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "integrity_check": "ok"} {
		var got string
		must(t, s.db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
		if got != want {
			t.Errorf("%s is %s", pragma, got)
		}
	}
}

func TestNewerStoreIsLeftAlone(t *testing.T) {
	path := filled(t)
	s, err := Open(t.Context(), path)
	must(t, err)
	_, err = s.db.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
	must(t, err)
	must(t, s.Close())
	before := read(t, path)
	_, err = Open(t.Context(), path)
	checkFailure(t, err, failure.Failed, "Nothing was changed", "newer skysail")
	if !strings.Contains(err.Error(), "schema 9999") {
		t.Errorf("got %v", err)
	}
	if !bytes.Equal(before, read(t, path)) {
		t.Error("the file was changed")
	}
}

func TestDamagedFile(t *testing.T) {
	tests := map[string]func([]byte) []byte{
		"no database":     func([]byte) []byte { return []byte(strings.Repeat("to do: buy milk\n", 300)) },
		"a broken header": func(b []byte) []byte { return append(bytes.Repeat([]byte{0xff}, 64), b[64:]...) },
		"broken pages":    func(b []byte) []byte { return append(b[:1024:1024], bytes.Repeat([]byte{0xa5}, len(b)-1024)...) },
		"cut short":       func(b []byte) []byte { return b[:len(b)/8] },
	}
	for name, damage := range tests {
		t.Run(name, func(t *testing.T) {
			path := filled(t)
			damaged := damage(read(t, path))
			must(t, os.WriteFile(path, damaged, 0o600))
			s, err := Open(t.Context(), path)
			if err == nil { // the schema is whole: then a read meets the damage
				_, err = s.Get(t.Context(), "echo")
				must(t, s.Close())
			}
			checkFailure(t, err, failure.Failed, "damaged", "Keep the file")
			if !bytes.Equal(damaged, read(t, path)) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestNoPlaceForTheFile(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	must(t, os.Mkdir(filepath.Join(dir, "skysail.db"), 0o700))
	must(t, os.Symlink("nowhere/at/all", filepath.Join(dir, "dangling")))
	for name, path := range map[string]string{
		"a folder in its place":   filepath.Join(dir, "skysail.db"),
		"a file in the folder's":  filepath.Join(dir, "file", "skysail.db"),
		"a link that leads away":  filepath.Join(dir, "dangling"),
		"a name that is too long": filepath.Join(dir, strings.Repeat("x", 300)),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), path)
			checkFailure(t, err, failure.Failed, "Nothing was changed", "SKYSAIL_HOME")
		})
	}
}

func TestOpenHonoursItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, filepath.Join(t.TempDir(), "skysail.db")); !errors.Is(err, context.Canceled) || failure.CodeOf(err) != failure.Failed {
		t.Errorf("got %v", err)
	}
}

func TestFullDatabase(t *testing.T) {
	s := openTest(t)
	must(t, s.Create(t.Context(), deployment("d1", "echo")))
	s.db.SetMaxOpenConns(1) // the limit belongs to a connection
	_, err := s.db.ExecContext(t.Context(), `PRAGMA max_page_count = 30`)
	must(t, err)
	written := 0
	for ; written < 1000; written++ {
		if err = s.SetPhase(t.Context(), "d1", Applying, strings.Repeat("x", 1000)); err != nil {
			break
		}
	}
	checkFailure(t, err, failure.Failed, "intact", "Free some space")
	events, err := s.Events(t.Context(), "d1")
	if err != nil || len(events) != written || written == 0 {
		t.Errorf("%d of %d acknowledged writes are there: %v", len(events), written, err)
	}
}

func TestOpenWaitsNoLongerThanBusy(t *testing.T) {
	path := filled(t)
	other, err := Open(t.Context(), path)
	must(t, err)
	defer other.Close()
	tx, err := other.db.BeginTx(t.Context(), nil)
	must(t, err)
	s, err := open(t.Context(), path, 200*time.Millisecond)
	must(t, err) // reading needs no lock
	defer s.Close()
	begin := time.Now()
	err = s.SetPhase(t.Context(), "d1", Stuck, "")
	checkFailure(t, err, failure.Busy, "locked for 200ms", "fuser")
	if d := time.Since(begin); d < 150*time.Millisecond || d > 5*time.Second {
		t.Errorf("waited %s", d)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.SetPhase(ctx, "d1", Stuck, ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a context that ends while waiting: %v", err)
	}
	must(t, tx.Rollback())
	must(t, s.SetPhase(t.Context(), "d1", Stuck, ""))
}
