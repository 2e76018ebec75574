package shim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"skysail/internal/journal"
	"skysail/sandbox/vm/cloudinit"
)

// defaultFollowLines is what -f and a bare -n show of the past.
const defaultFollowLines = 10

// journalOptions are journalctl's, as far as scripts use them.
type journalOptions struct {
	query                journal.Query
	output               string
	lines                int // -1 for all
	follow, quiet, utc   bool
	showCursor, noTail   bool
	reverse, noHost, all bool
	until                time.Time
	fields               []string // of -o json; nil for all
}

// journalctl reads the instance's journal.
func journalctl(m machine, args []string) int {
	o, err := parseJournalctl(args, time.Now())
	if err != nil {
		return m.fail("journalctl", err)
	}
	if !m.readsJournal() {
		_, _ = fmt.Fprintln(m.stderr, "Hint: You are currently not seeing messages from other users and the system.\n"+
			"      Users in groups 'adm', 'systemd-journal' can see all messages.\n"+
			"No journal files were opened due to insufficient permissions.")
		return 1
	}
	if o.follow && m.answered {
		return elsewhere
	}
	path := filepath.Join(m.dir, JournalFile)
	last := ""
	show := func(e journal.Entry) error {
		if !o.until.IsZero() && e.Time.After(o.until) {
			return nil
		}
		last = e.Cursor
		return o.print(m, e)
	}
	if o.follow {
		ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
		defer cancel()
		err := journal.Follow(ctx, path, o.query, show)
		if errors.Is(err, context.Canceled) {
			return 0
		}
		return m.journalError(err)
	}
	entries, err := journal.Read(path, o.query)
	if err != nil {
		return m.journalError(err)
	}
	if o.reverse {
		slices.Reverse(entries)
	}
	for _, e := range entries {
		if err := show(e); err != nil {
			return m.journalError(err)
		}
	}
	if last == "" && !o.quiet && o.output != "json" && o.output != "cat" {
		_, _ = fmt.Fprintln(m.stdout, "-- No entries --")
	}
	if o.showCursor && last != "" {
		_, _ = fmt.Fprintln(m.stdout, "-- cursor:", last)
	}
	return 0
}

func (m machine) journalError(err error) int {
	switch {
	case errors.Is(err, syscall.EPIPE):
		return 0 // the reader has enough
	case errors.Is(err, journal.ErrCursor):
		_, _ = fmt.Fprintln(m.stderr, "Failed to seek to cursor: Invalid argument")
		return 1
	}
	return m.fail("journalctl", err)
}

// readsJournal follows the rule of a real machine: root, and the members of
// two groups.
func (m machine) readsJournal() bool {
	if m.user == "root" {
		return true
	}
	groups, err := cloudinit.Groups(m.root)
	if err != nil {
		return false
	}
	return slices.ContainsFunc([]string{"systemd-journal", "adm", "wheel"}, func(g string) bool {
		return slices.Contains(groups[m.user], g)
	})
}

// print writes an entry in the chosen form.
func (o journalOptions) print(m machine, e journal.Entry) error {
	at := e.Time.Local()
	if o.utc {
		at = at.UTC()
	}
	stamp := ""
	switch o.output {
	case "json":
		line, err := o.json(e)
		if err != nil {
			return err
		}
		_, err = m.stdout.Write(append(line, '\n'))
		return err
	case "cat":
		_, err := fmt.Fprintln(m.stdout, e.Message)
		return err
	case "short":
		stamp = at.Format("Jan 02 15:04:05")
	case "short-iso":
		stamp = at.Format("2006-01-02T15:04:05-0700")
	case "short-iso-precise":
		stamp = at.Format("2006-01-02T15:04:05.000000-0700")
	}
	host := ""
	if !o.noHost {
		host = " " + hostname(m.root.Join("/etc/hostname"))
	}
	pid := ""
	if e.PID > 0 {
		pid = fmt.Sprintf("[%d]", e.PID)
	}
	_, err := fmt.Fprintf(m.stdout, "%s%s %s%s: %s\n", stamp, host, e.Identifier, pid, e.Message)
	return err
}

// json is an entry with the fields that were asked for and those that
// journalctl always gives, whose names begin with two underscores.
func (o journalOptions) json(e journal.Entry) ([]byte, error) {
	line, err := json.Marshal(e)
	if err != nil || o.fields == nil {
		return line, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(line, &all); err != nil {
		return nil, err
	}
	maps.DeleteFunc(all, func(name string, _ json.RawMessage) bool {
		return !strings.HasPrefix(name, "__") && !slices.Contains(o.fields, name)
	})
	return json.Marshal(all)
}

func hostname(file string) string {
	if b, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(b)) != "" { //nolint:gosec // below the instance's root
		return strings.TrimSpace(string(b))
	}
	return "localhost"
}
