// Package notify tells people of alerts and reactions: by webhook, Slack, PagerDuty and
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
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"skysail/policies"
	"skysail/store"
)

// Event is one piece of news of an alert, or of a reaction. Webhooks get it as
// it is.
type Event struct {
	Version int `json:"version"` // 1
	// ID is of this piece of news: who gets it twice has one to forget.
	ID string `json:"id"`
	// DedupKey is of the alert, from its first firing to its last resolution, or
	// of one reaction.
	DedupKey   string            `json:"dedup_key"`
	State      string            `json:"state"` // firing, resolved, or that of a reaction
	Alert      string            `json:"alert"`
	Severity   string            `json:"severity"`
	Deployment string            `json:"deployment"`
	Summary    string            `json:"summary"`
	Labels     map[string]string `json:"labels"`
	FiredAt    time.Time         `json:"fired_at"`
	ResolvedAt time.Time         `json:"resolved_at,omitzero"`
	// Reaction is set in the news of one; FiredAt and ResolvedAt are then its
	// beginning and end.
	Reaction *Reaction `json:"reaction,omitempty"`
}

// Resolved says that it is over, and nobody must do anything.
func (e *Event) Resolved() bool { return e.State == "resolved" || e.State == Done }

// At is the time of the news.
func (e *Event) At() time.Time {
	if !e.ResolvedAt.IsZero() {
		return e.ResolvedAt
	}
	return e.FiredAt
}

// Title is the news in one line.
func (e *Event) Title() string {
	word := strings.ToUpper(e.State)
	if e.Reaction != nil {
		word = "REACTION " + word
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

// Address makes of an event a notification for each channel, in the outbox's
// order under key. ID is what tells this piece of news from all others.
func Address(e Event, key string, channels []policies.Notify, id ...string) ([]store.Notification, error) {
	var out []store.Notification
	for i := range channels {
		channel, err := json.Marshal(channels[i])
		if err != nil {
			return nil, err
		}
		e.ID = Digest(append(slices.Clone(id), string(channel))...)
		event, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		out = append(out, store.Notification{Dedupe: e.ID, Alert: key, Channel: channel, Event: event})
	}
	return out, nil
}

// Digest is a short name for texts, the same for the same ones.
func Digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:12])
}

// Wants says whether a channel is told of alerts of that severity.
func Wants(n *policies.Notify, severity string) bool {
	return len(n.Severities) == 0 || slices.Contains(n.Severities, severity)
}

// Told are the channels that are told of that severity.
func Told(all []policies.Notify, severity string) []policies.Notify {
	return slices.DeleteFunc(slices.Clone(all), func(n policies.Notify) bool { return !Wants(&n, severity) })
}

// ParseChannel says in words what a stored channel is.
func ParseChannel(stored []byte) (string, error) {
	var n policies.Notify
	if err := json.Unmarshal(stored, &n); err != nil {
		return "", err
	}
	return Channel(&n), nil
}
