package shim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
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

func parseJournalctl(args []string, now time.Time) (journalOptions, error) {
	o := journalOptions{output: "short", lines: -1}
	linesSet := false
	for i := 0; i < len(args); i++ {
		name, value, joined := splitOption(args[i])
		// next takes the option's value, from the next word if need be.
		next := func() (string, error) {
			if joined {
				return value, nil
			}
			if i+1 == len(args) {
				return "", fmt.Errorf("option %s requires an argument", name)
			}
			i++
			return args[i], nil
		}
		var err error
		switch name {
		case "-u", "--unit":
			o.query.Unit, err = next()
			if o.query.Unit != "" && !strings.ContainsRune(o.query.Unit, '.') {
				o.query.Unit += ".service"
			}
		case "-o", "--output":
			o.output, err = next()
		case "-n", "--lines":
			linesSet = true
			o.lines = defaultFollowLines
			if joined || (i+1 < len(args) && isCount(args[i+1])) {
				value, _ = next()
				o.lines, err = parseCount(value)
			}
		case "--after-cursor", "--cursor":
			o.query.AfterCursor, err = next()
			if name == "--cursor" {
				return o, errors.New("--cursor is not simulated; use --after-cursor")
			}
		case "-S", "--since":
			if value, err = next(); err == nil {
				o.query.Since, err = parseTime(value, now)
			}
		case "-U", "--until":
			if value, err = next(); err == nil {
				o.until, err = parseTime(value, now)
			}
		case "-f", "--follow":
			o.follow = true
		case "-q", "--quiet":
			o.quiet = true
		case "--utc":
			o.utc = true
		case "--show-cursor":
			o.showCursor = true
		case "--no-tail":
			o.noTail = true
		case "-r", "--reverse":
			o.reverse = true
		case "--no-hostname":
			o.noHost = true
		case "-a", "--all":
			o.all = true
		case "--no-pager", "-b", "--boot", "-e", "--pager-end", "-x", "--catalog", "-l", "--full", "--system", "-m", "--merge":
		default:
			return o, fmt.Errorf("unrecognized option '%s'", args[i])
		}
		if err != nil {
			return o, err
		}
	}
	if !slices.Contains([]string{"short", "short-iso", "short-iso-precise", "json", "cat"}, o.output) {
		return o, fmt.Errorf("the output format %q is not simulated; there are short, short-iso, short-iso-precise, json and cat", o.output)
	}
	if o.follow && !linesSet && !o.noTail && o.query.AfterCursor == "" && o.query.Since.IsZero() {
		o.lines = defaultFollowLines
	}
	// After a cursor, journalctl shows the first lines, else the last ones.
	switch {
	case o.lines == 0:
		o.query.Since = now.Add(365 * 24 * time.Hour)
		if o.follow {
			o.query.Since = now
		}
	case o.lines > 0 && o.query.AfterCursor != "":
		o.query.First = o.lines
	case o.lines > 0:
		o.query.Last = o.lines
	}
	return o, nil
}

// splitOption cuts "--name=value" and "-nVALUE".
func splitOption(a string) (name, value string, joined bool) {
	if strings.HasPrefix(a, "--") {
		return strings.Cut(a, "=")
	}
	if len(a) > 2 && a[0] == '-' && strings.IndexByte("unoSU", a[1]) >= 0 {
		return a[:2], a[2:], true
	}
	return a, "", false
}

func isCount(a string) bool {
	_, err := parseCount(a)
	return err == nil
}

func parseCount(a string) (int, error) {
	if a == "all" {
		return -1, nil
	}
	n, err := strconv.Atoi(a)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("failed to parse lines '%s'", a)
	}
	return n, nil
}

// parseTime reads the forms of systemd.time that scripts use: dates, "@" and
// seconds, "now", "today", "yesterday", and spans before now.
func parseTime(text string, now time.Time) (time.Time, error) {
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch text {
	case "now":
		return now, nil
	case "today":
		return midnight, nil
	case "yesterday":
		return midnight.AddDate(0, 0, -1), nil
	}
	if seconds, ok := strings.CutPrefix(text, "@"); ok {
		whole, fraction, _ := strings.Cut(seconds, ".")
		s, err := strconv.ParseInt(whole, 10, 64)
		micros, err2 := strconv.ParseInt((fraction + "000000")[:6], 10, 64)
		if err != nil || err2 != nil {
			return time.Time{}, fmt.Errorf("failed to parse timestamp: %s", text)
		}
		return time.UnixMicro(s*1_000_000 + micros), nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02", "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05 MST"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	span, ago := strings.CutSuffix(text, " ago")
	if before, ok := strings.CutPrefix(span, "-"); ok || ago {
		if d, err := parseSpan(before); err == nil {
			return now.Add(-d), nil
		}
	}
	return time.Time{}, fmt.Errorf("failed to parse timestamp: %s", text)
}

func parseSpan(text string) (time.Duration, error) {
	for long, short := range map[string]string{"hours": "h", "hour": "h", "minutes": "m", "minute": "m", "min": "m", "seconds": "s", "second": "s", "sec": "s"} {
		if n, ok := strings.CutSuffix(text, long); ok {
			text = strings.TrimSpace(n) + short
			break
		}
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		return time.Duration(n) * 24 * time.Hour, err
	}
	if _, err := strconv.Atoi(text); err == nil {
		text += "s"
	}
	return time.ParseDuration(text)
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
		line, err := json.Marshal(e)
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

func hostname(file string) string {
	if b, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(b)) != "" { //nolint:gosec // below the instance's root
		return strings.TrimSpace(string(b))
	}
	return "localhost"
}
