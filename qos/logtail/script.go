package logtail

import (
	"strconv"
	"strings"

	"skysail/qos/internal/shell"
	"skysail/qos/tail"
)

// journalSection asks journalctl for what is after a cursor. Its exit status
// comes last, so output without one was cut off. --output-fields is there
// since systemd 236 and keeps an entry to what is used of it.
const journalSection = `journal() {
	echo 'section journal'
	{
		journalctl "$@" -o json --no-pager --all --output-fields=MESSAGE,PRIORITY
		echo "@exit $?"
	} | head -c LIMIT | gzip -1c
}
trouble() {
	echo 'section trouble'
	journalctl "$@" -n 1 -o json --no-pager 2>&1 >/dev/null | head -c 2000 | gzip -1c
}
skip() {
	echo 'section skip'
	journalctl "$@" -o json --no-pager --output-fields=PRIORITY | head -n 1 | gzip -1c
}
`

// script is one batched read of everything that a target has.
func (t Target) script(s *state, limit int) string {
	var b strings.Builder
	b.WriteString(tail.Preamble)
	b.WriteString("now\n")
	if t.Unit != "" {
		b.WriteString(strings.Replace(journalSection, "LIMIT", strconv.Itoa(limit), 1))
		args := []string{"-u", t.Unit}
		if s.Journal.Cursor != "" {
			args = append(args, "--after-cursor="+s.Journal.Cursor)
		}
		words := shell.Quote(args...)
		switch {
		case s.Journal.Skip:
			b.WriteString("skip " + words + "\n")
		default:
			b.WriteString("journal " + words + "\n")
		}
		if s.Journal.Cursor == "" || s.Journal.Failed {
			b.WriteString("trouble " + words + "\n")
		}
	}
	for _, f := range t.files() {
		b.WriteString(s.file(f.Path).Tail.Call(f.Path, limit))
	}
	b.WriteString(tail.End)
	return b.String()
}
