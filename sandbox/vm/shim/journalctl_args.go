package shim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

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
		case "--output-fields":
			if value, err = next(); err == nil {
				o.fields = strings.Split(value, ",")
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
