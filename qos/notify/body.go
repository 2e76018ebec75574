package notify

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// Webhook is the body of a request to a webhook.
func Webhook(e *Event) ([]byte, error) { return encode(e) }

// encode is JSON without the escapes that HTML would need.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// slackText is how long the text of a section may be.
const slackText = 3000

// slackEscape is all that Slack takes for marks in a text
// (https://api.slack.com/reference/surfaces/formatting#escaping).
var slackEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

type slackPart struct {
	Type string `json:"type"`
	Text any    `json:"text,omitempty"`
	// Elements are those of a context block.
	Elements []slackPart `json:"elements,omitempty"`
}

// Slack is the body of a request to an incoming webhook of Slack, or of one that
// takes the same, such as Mattermost.
func Slack(e *Event) ([]byte, error) {
	title := slackEscape.Replace(e.Title())
	about := make([]string, 0, len(e.Labels)+1)
	about = append(about, slackEscape.Replace(line(e.Alert)))
	for _, name := range slices.Sorted(maps.Keys(e.Labels)) {
		about = append(about, slackEscape.Replace(line(name+"="+e.Labels[name])))
	}
	about = append(about, e.At().UTC().Format(time.RFC3339))
	section := func(text string) slackPart {
		return slackPart{Type: "mrkdwn", Text: cut(text, slackText)}
	}
	blocks := []slackPart{{Type: "section", Text: section(title)}}
	if e.Reaction != nil {
		blocks = append(blocks, slackPart{Type: "section", Text: section(slackEscape.Replace(text(e.Reaction.rows(!e.ResolvedAt.IsZero()))))})
	}
	return encode(map[string]any{
		"text":   cut(title, slackText),
		"blocks": append(blocks, slackPart{Type: "context", Elements: []slackPart{section(strings.Join(about, "  "))}}),
	})
}

// pagerDutySummary is how long a summary may be.
const pagerDutySummary = 1024

// PagerDuty is the body of a request to the Events API v2
// (https://developer.pagerduty.com/docs/send-alert-event).
func PagerDuty(e *Event, routingKey string) ([]byte, error) {
	body := map[string]any{"routing_key": routingKey, "dedup_key": e.DedupKey, "event_action": "resolve"}
	if !e.Resolved() {
		source := e.Labels["instance"]
		if source == "" {
			source = e.Deployment
		}
		details := map[string]any{}
		for name, value := range e.Labels {
			details[name] = value
		}
		if e.Reaction != nil {
			details["reaction"] = text(e.Reaction.rows(!e.ResolvedAt.IsZero()))
		}
		body["event_action"], body["client"] = "trigger", "skysail"
		body["payload"] = map[string]any{
			"summary": cut(e.subject(), pagerDutySummary), "source": source, "severity": e.pagerDutySeverity(),
			"timestamp": e.At().UTC().Format(time.RFC3339), "component": e.Deployment, "class": e.Alert, "custom_details": details,
		}
	}
	return encode(body)
}
