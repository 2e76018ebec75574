package vm

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"skysail/internal/journal"
)

// bootLog takes what the boot says: into a file, as on a real machine, and
// line by line into the journal.
type bootLog struct {
	mu      sync.Mutex
	file    *os.File
	journal *journal.Journal
	rest    []byte
}

// maxBootLine is where a line without an end is cut.
const maxBootLine = 16 << 10

func openBootLog(dir string, j *journal.Journal) (*bootLog, error) {
	f, err := os.OpenFile(filepath.Join(dir, bootLogFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600) //nolint:gosec // the instance's folder
	if err != nil {
		return nil, err
	}
	// Where people look for it on the instance.
	link := rootOf(dir).Join("/var/log/cloud-init-output.log")
	if err := os.Symlink(filepath.Join("../../..", bootLogFile), link); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, errors.Join(err, f.Close())
	}
	return &bootLog{file: f, journal: j}, nil
}

// Write never fails for the journal's sake: scripts go on on a full disk.
func (l *bootLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 && len(l.rest) < maxBootLine {
			break
		}
		line := l.rest
		if i >= 0 {
			line, l.rest = l.rest[:i], l.rest[i+1:]
		} else {
			l.rest = nil
		}
		_ = l.journal.Append(journal.Entry{
			Priority: journal.PriorityInfo, Identifier: "cloud-init", Unit: "cloud-final.service", Message: string(line),
		})
	}
	_, _ = l.file.Write(p)
	return len(p), nil
}

// Close closes the file.
func (l *bootLog) Close() error { return l.file.Close() }
