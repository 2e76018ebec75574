// Package notify tells people of alerts: by webhook, Slack, PagerDuty and
// e-mail. What is sent is made by pure functions of an Event (Webhook, Slack,
// PagerDuty, Mail), a Sender sends it once, and a Courier takes what waits in
// the store and tries until it is delivered.
//
// Secrets (URLs, keys, passwords) are read from the environment at the moment
// of sending and are in no text that this package returns.
package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"skysail/policies"
)

// Event is one piece of news of an alert. Webhooks get it as it is.
type Event struct {
	Version int `json:"version"` // 1
	// ID is of this piece of news: who gets it twice has one to forget.
	ID string `json:"id"`
	// DedupKey is of the alert, from its first firing to its last resolution.
	DedupKey   string            `json:"dedup_key"`
	State      string            `json:"state"` // firing or resolved
	Alert      string            `json:"alert"`
	Severity   string            `json:"severity"`
	Deployment string            `json:"deployment"`
	Summary    string            `json:"summary"`
	Labels     map[string]string `json:"labels"`
	FiredAt    time.Time         `json:"fired_at"`
	ResolvedAt time.Time         `json:"resolved_at,omitzero"`
}

// Resolved says that the alert is over.
func (e *Event) Resolved() bool { return e.State == "resolved" }

// At is the time of the news.
func (e *Event) At() time.Time {
	if e.Resolved() {
		return e.ResolvedAt
	}
	return e.FiredAt
}

// Title is the news in one line.
func (e *Event) Title() string {
	word := "FIRING"
	if e.Resolved() {
		word = "RESOLVED"
	}
	return line("[" + e.Severity + "] " + word + " " + e.subject())
}

// subject says what is the matter with what.
func (e *Event) subject() string {
	mark := ""
	if e.Labels["sandbox"] != "" {
		mark = " [sandbox]"
	}
	return line(e.Deployment + mark + ": " + e.Summary)
}

// line is a text on one line, with no characters that steer anything.
func line(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError {
			return ' '
		}
		return r
	}, s)
}

// cut is a text of at most n bytes, at the end of a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const mark = "…"
	n -= len(mark)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + mark
}

// Digest is a short name for texts, the same for the same ones.
func Digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:12])
}

// Wants says whether a channel is told of alerts of that severity.
func Wants(n *policies.Notify, severity string) bool {
	if len(n.Severities) == 0 {
		return true
	}
	for _, s := range n.Severities {
		if s == severity {
			return true
		}
	}
	return false
}

// ParseChannel says in words what a stored channel is.
func ParseChannel(stored []byte) (string, error) {
	var n policies.Notify
	if err := json.Unmarshal(stored, &n); err != nil {
		return "", err
	}
	return Channel(&n), nil
}
