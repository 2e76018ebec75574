package notify

import (
	"bytes"
	"fmt"
	"maps"
	"mime"
	"mime/quotedprintable"
	"slices"
	"strings"
	"time"
)

// Mail is a message (RFC 5322) to some addresses. The news of one alert are one
// thread.
func Mail(e *Event, from string, to []string) ([]byte, error) {
	_, domain, _ := strings.Cut(from, "@")
	thread := Digest(e.DedupKey, e.FiredAt.UTC().Format(time.RFC3339Nano))
	id := func(state string) string { return line(fmt.Sprintf("<skysail-%s-%s@%s>", thread, state, domain)) }
	clean := make([]string, len(to))
	for i, a := range to {
		clean[i] = line(a)
	}
	var b bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	header("From", line(from))
	// Folded, as lines have at most 998 characters.
	header("To", strings.Join(clean, ",\r\n "))
	header("Subject", strings.ReplaceAll(mime.QEncoding.Encode("utf-8", cut(e.Title(), 250)), "?= =?", "?=\r\n =?"))
	header("Date", e.At().UTC().Format(time.RFC1123Z))
	header("Message-ID", id(e.State))
	if !e.ResolvedAt.IsZero() {
		header("In-Reply-To", id(e.first()))
		header("References", id(e.first()))
	}
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	header("Auto-Submitted", "auto-generated")
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, err := w.Write([]byte(mailText(e)))
	if err == nil {
		err = w.Close()
	}
	return b.Bytes(), err
}

// first is the state that a thread of news begins with.
func (e *Event) first() string {
	if e.Reaction != nil {
		return Begun
	}
	return "firing"
}

func mailText(e *Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", e.Title())
	row := func(name, value string) { fmt.Fprintf(&b, "%-12s %s\n", name, line(value)) }
	row("alert", e.Alert)
	for _, name := range slices.Sorted(maps.Keys(e.Labels)) {
		row(name, e.Labels[name])
	}
	began, ended, more := "fired", "resolved", "skysail alerts "+line(e.Deployment)
	if e.Reaction != nil {
		began, ended, more = "began", "ended", line(e.Reaction.More)
		for _, r := range e.Reaction.rows(!e.ResolvedAt.IsZero()) {
			if r.name != "more" {
				row(r.name, r.value)
			}
		}
	}
	row(began, e.FiredAt.UTC().Format(time.RFC3339))
	if !e.ResolvedAt.IsZero() {
		row(ended, e.ResolvedAt.UTC().Format(time.RFC3339))
	}
	fmt.Fprintf(&b, "\n%s\n", more)
	return b.String()
}
