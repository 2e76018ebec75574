package notify

import (
	"encoding/json"
	"flag"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"skysail/policies"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "rewrite the expected bytes in testdata")

func golden(t *testing.T, name string, got []byte, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func firing() *Event {
	return &Event{
		Version: 1, ID: "0123", DedupKey: "skysail-abc", State: "firing", Alert: "SkysailErrorBudgetBurn", Severity: policies.SeverityPage,
		Deployment: "echo", Summary: "availability burns its <budget> & \"more\"\r\nBcc: all@example.com ü",
		Labels:  map[string]string{"objective": "availability", "window": "1h"},
		FiredAt: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC),
	}
}

func resolved() *Event {
	e := firing()
	e.State, e.ResolvedAt, e.Severity = "resolved", e.FiredAt.Add(time.Hour), policies.SeverityTicket
	e.Labels["instance"], e.Labels["sandbox"] = "echo-1", "true"
	return e
}

// reaction is the news of one that replaces a deployment.
func reaction(state string) *Event {
	e := &Event{
		Version: 1, ID: "0123", DedupKey: "skysail-def", State: state, Alert: ReactionName, Severity: ReactionSeverity(state), Deployment: "echo",
		Summary: "failover begins, as echo-0 is not healthy", Labels: map[string]string{"on_unhealthy": "failover"},
		FiredAt: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC),
		Reaction: &Reaction{
			Kind: "failover", Seen: []string{"echo-0: health since 11:57:00Z (12 readings: the http check <fails> from here); login since 11:57:10Z (9 readings: no answer)"},
			Did: "a new deployment is being made at another provider", More: "skysail explain echo",
		},
	}
	switch state {
	case Done:
		e.Summary, e.Reaction.Did, e.Reaction.Replacement, e.Reaction.USD = "failover done", "replaced by echo-2b", "echo-2b", 0.0125
	case Failed:
		e.Summary, e.Reaction.Did, e.Reaction.USD = "failover failed: every candidate failed", "every candidate failed", 0.0125
	case DryRun:
		e.Summary, e.Reaction.Did, e.Reaction.DryRun = "failover would begin, as echo-0 is not healthy; nothing is done, as the policy has dry_run", "nothing, as the policy has dry_run", true
	case Held:
		e.Summary, e.Reaction.Did = "no failover: there were 3 reactions in 24 hours", "nothing before 2026-11-24 18:00:00Z: somebody must look"
	}
	if state == Done || state == Failed {
		e.ResolvedAt = e.FiredAt.Add(3 * time.Minute)
	}
	return e
}

func TestBodies(t *testing.T) {
	for name, e := range map[string]*Event{
		"firing": firing(), "resolved": resolved(),
		Begun: reaction(Begun), Done: reaction(Done), Failed: reaction(Failed), DryRun: reaction(DryRun), Held: reaction(Held),
	} {
		b, err := Webhook(e)
		golden(t, name+".webhook.json", b, err)
		b, err = Slack(e)
		golden(t, name+".slack.json", b, err)
		b, err = PagerDuty(e, "ROUTINGKEY")
		golden(t, name+".pagerduty.json", b, err)
		b, err = Mail(e, "skysail@example.com", []string{"ops@example.com", "lead@example.com"})
		golden(t, name+".eml", b, err)
	}
}

// Whatever an alert says, JSON is JSON, a mail has the headers that it has, and
// nothing is longer than the other side takes.
func TestHostileTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("a <>&\r\n\x00\"'@:;,=?ü🙂\u2028")), 0, 4000, -1)
		e := firing()
		e.Summary, e.Deployment, e.Alert = text.Draw(t, "summary"), text.Draw(t, "deployment"), text.Draw(t, "alert")
		e.Labels = map[string]string{text.Draw(t, "label"): text.Draw(t, "value")}
		e.State = rapid.SampledFrom([]string{"firing", "resolved", Begun, Failed}).Draw(t, "state")
		if e.State == Begun || e.State == Failed {
			e.Reaction = &Reaction{Kind: e.Alert, Seen: []string{e.Summary, e.Alert}, Did: e.Summary, More: e.Deployment}
		}
		for name, make := range map[string]func(*Event) ([]byte, error){
			"webhook": Webhook, "slack": Slack, "pagerduty": func(e *Event) ([]byte, error) { return PagerDuty(e, "k") },
		} {
			b, err := make(e)
			if err != nil || !json.Valid(b) || !utf8.Valid(b) {
				t.Fatalf("%s: %v, %q", name, err, b)
			}
		}
		raw, err := Mail(e, "a@example.com", []string{"b@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		m, err := mail.ReadMessage(strings.NewReader(string(raw)))
		if err != nil {
			t.Fatalf("%v in\n%s", err, raw)
		}
		for name := range m.Header {
			switch name {
			case "From", "To", "Subject", "Date", "Message-Id", "In-Reply-To", "References", "Mime-Version", "Content-Type", "Content-Transfer-Encoding", "Auto-Submitted":
			default:
				t.Fatalf("a header %q came in from outside:\n%s", name, raw)
			}
		}
		for l := range strings.SplitSeq(string(raw), "\r\n") {
			if len(l) > 998 {
				t.Fatalf("a line of %d bytes", len(l))
			}
		}
	})
}

func TestSlackMarks(t *testing.T) {
	e := firing()
	e.Summary = "<!channel> <https://evil.example.com|ok> &"
	b, err := Slack(e)
	if err != nil || strings.Contains(string(b), "<") || !strings.Contains(string(b), "&lt;!channel&gt;") {
		t.Errorf("%v: %s", err, b)
	}
}

func TestMailReadsAsWritten(t *testing.T) {
	raw, err := Mail(firing(), "skysail@example.com", []string{"ops@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	m, err := mail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	e := firing()
	if err != nil || subject != e.Title() {
		t.Errorf("%q, %v", subject, err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil || !strings.Contains(string(body), "ü") || !strings.Contains(string(body), "skysail alerts echo") {
		t.Errorf("%s, %v", body, err)
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{{"abc", 3, "abc"}, {"abcdef", 5, "ab…"}, {"üüüü", 6, "ü…"}, {"", 5, ""}} {
		if got := cut(c.text, c.n); got != c.want {
			t.Errorf("cut(%q, %d) = %q", c.text, c.n, got)
		}
	}
}
