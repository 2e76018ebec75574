package policies

import (
	"fmt"
	"net"
	"net/mail"
	"slices"
	"strconv"
	"strings"

	"skysail/internal/hclfile"
	"skysail/internal/lazyregexp"
)

// The kinds of channel by which people are told of alerts.
const (
	NotifyWebhook   = "webhook"
	NotifySlack     = "slack"
	NotifyPagerDuty = "pagerduty"
	NotifyEmail     = "email"
)

// The severities of alerts: a page wakes somebody, a ticket waits for the
// morning.
const (
	SeverityPage   = "page"
	SeverityTicket = "ticket"
)

// Notify is a channel by which people are told of alerts. What is secret in it
// is the name of a variable in the environment of the process that watches.
type Notify struct {
	Kind string `json:"kind"`
	// Severities are those that it is told of; none is all.
	Severities []string `json:"severities,omitempty"`
	// URLEnv has the URL of a webhook or of Slack, TokenEnv a bearer token that
	// is sent to a webhook.
	URLEnv   string `json:"url_env,omitempty"`
	TokenEnv string `json:"token_env,omitempty"`
	// RoutingKeyEnv has the integration key of PagerDuty (Events API v2), and
	// Region is us (or empty) or eu.
	RoutingKeyEnv string `json:"routing_key_env,omitempty"`
	Region        string `json:"region,omitempty"`
	// SMTP is host:port of a mail server; UserEnv and PasswordEnv have what it
	// wants to know, if anything.
	SMTP        string   `json:"smtp,omitempty"`
	From        string   `json:"from,omitempty"`
	To          []string `json:"to,omitempty"`
	UserEnv     string   `json:"user_env,omitempty"`
	PasswordEnv string   `json:"password_env,omitempty"`
}

const (
	maxNotify     = 20
	maxRecipients = 50
)

// notifyFields are what a channel of each kind can have beside severities; what
// it must have has a hint.
var notifyFields = map[string]map[string]string{
	NotifyWebhook:   {"url_env": `the variable that holds the URL, for example url_env = "ALERTS_URL"`, "token_env": ""},
	NotifySlack:     {"url_env": `the variable that holds the webhook's URL, for example url_env = "SLACK_URL"`},
	NotifyPagerDuty: {"routing_key_env": `the variable that holds the integration key, for example routing_key_env = "PAGERDUTY_KEY"`, "region": ""},
	NotifyEmail: {
		"smtp": `the mail server, for example smtp = "mail.example.com:587"`, "from": `for example from = "skysail@example.com"`,
		"to": `for example to = ["ops@example.com"]`, "user_env": "", "password_env": "",
	},
}

var (
	notifyKinds  = []string{NotifyWebhook, NotifySlack, NotifyPagerDuty, NotifyEmail}
	severities   = []string{SeverityPage, SeverityTicket}
	variable     = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)
	notifySchema = &hclfile.Schema{
		What: "a notify block",
		Attributes: []string{
			"severities", "url_env", "token_env", "routing_key_env", "region", "smtp", "from", "to", "user_env", "password_env",
		},
	}
)

func decodeNotify(policy *hclfile.Body) []Notify {
	var out []Notify
	for _, b := range policy.Children("notify") {
		n := Notify{Kind: b.Label}
		b.Strings("severities", &n.Severities)
		notEmpty(b, "severities", len(n.Severities), "leave severities out for all")
		b.Strings("to", &n.To)
		for name, into := range n.texts() {
			b.String(name, into)
		}
		for _, name := range sortedKeys(notifyFields[n.Kind]) {
			if hint := notifyFields[n.Kind][name]; hint != "" {
				b.Require(name, hint)
			}
		}
		out = append(out, n)
	}
	return out
}

// texts are the fields that hold a text, by their names.
func (n *Notify) texts() map[string]*string {
	return map[string]*string{
		"url_env": &n.URLEnv, "token_env": &n.TokenEnv, "routing_key_env": &n.RoutingKeyEnv, "region": &n.Region,
		"smtp": &n.SMTP, "from": &n.From, "user_env": &n.UserEnv, "password_env": &n.PasswordEnv,
	}
}

func notifyMistakes(all []Notify) []hclfile.Mistake {
	var out []hclfile.Mistake
	for i := range all {
		out = append(out, all[i].mistakes(fmt.Sprintf("notify[%d]", i))...)
	}
	if len(all) > maxNotify {
		out = append(out, hclfile.Mistake{Path: fmt.Sprintf("notify[%d]", maxNotify), Summary: "Too many notify blocks", Detail: fmt.Sprintf("There are at most %d.", maxNotify)})
	}
	return out
}

func (n *Notify) mistakes(at string) []hclfile.Mistake {
	fields, known := notifyFields[n.Kind]
	if !known {
		return []hclfile.Mistake{{
			Path: at + "#label", Summary: "Unknown kind of notification", Detail: "{value} is no way to tell anybody.", Value: n.Kind,
			Hint: hclfile.DidYouMean(n.Kind, notifyKinds),
		}}
	}
	var out []hclfile.Mistake
	texts := n.texts()
	for _, name := range sortedKeys(texts) {
		hint, has := fields[name]
		out = append(out, fieldMistakes(at+"."+name, n.Kind, *texts[name], has, hint)...)
	}
	for i, s := range n.Severities {
		if !slices.Contains(severities, s) {
			out = append(out, hclfile.Mistake{
				Path: fmt.Sprintf("%s.severities[%d]", at, i), Summary: "Unknown severity", Detail: "{value} is no severity of an alert.", Value: s,
				Hint: hclfile.DidYouMean(s, severities),
			})
		}
	}
	return append(out, n.recipientMistakes(at)...)
}

// fieldMistakes checks a text: whether it is there, and what its name says that
// it is.
func fieldMistakes(at, kind, v string, has bool, hint string) []hclfile.Mistake {
	name := at[strings.LastIndexByte(at, '.')+1:]
	m := hclfile.Mistake{Path: at, Summary: "Invalid " + name, Value: v, Hint: hint}
	switch {
	case v == "" && hint == "":
		return nil
	case !has:
		m.Summary, m.Detail, m.Hint = "Argument of another kind", fmt.Sprintf("A notification by %s has no %s.", kind, name), "leave it out"
	case v == "":
		m.Detail = name + " is empty."
	case strings.HasSuffix(name, "_env"):
		if variable.MatchString(v) {
			return nil
		}
		// It may be the secret itself.
		m.Value, m.Confidential = nil, true
		m.Detail = "The value is no name of a variable. What is secret stands in the environment, and only the name of its variable in the file."
	case name == "region":
		if v == "us" || v == "eu" {
			return nil
		}
		m.Detail, m.Hint = "{value} is no service region of PagerDuty.", hclfile.DidYouMean(v, []string{"us", "eu"})
	case name == "smtp":
		host, port, err := net.SplitHostPort(v)
		if number, bad := strconv.ParseUint(port, 10, 16); err == nil && bad == nil && number > 0 && host != "" && !strings.ContainsAny(host, "\r\n /@") {
			return nil
		}
		m.Detail = "{value} is no host:port."
	default:
		if mailAddress(v) {
			return nil
		}
		m.Detail = "{value} is no mail address."
	}
	return []hclfile.Mistake{m}
}

// mailAddress takes a bare address: names beside it are of no use here.
func mailAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

func (n *Notify) recipientMistakes(at string) []hclfile.Mistake {
	if n.Kind != NotifyEmail {
		if len(n.To) > 0 {
			return fieldMistakes(at+".to", n.Kind, n.To[0], false, "")
		}
		return nil
	}
	var out []hclfile.Mistake
	if len(n.To) == 0 || len(n.To) > maxRecipients {
		out = append(out, hclfile.Mistake{
			Path: at + ".to", Summary: "Invalid to", Detail: fmt.Sprintf("A mail has between 1 and %d recipients.", maxRecipients), Hint: notifyFields[NotifyEmail]["to"],
		})
	}
	for i, to := range n.To {
		path := fmt.Sprintf("%s.to[%d]", at, i)
		switch {
		case !mailAddress(to):
			out = append(out, hclfile.Mistake{Path: path, Summary: "Invalid to", Detail: "{value} is no mail address.", Value: to, Hint: notifyFields[NotifyEmail]["to"]})
		case slices.Contains(n.To[:i], to):
			out = append(out, duplicate(path, to))
		}
	}
	if (n.UserEnv == "") != (n.PasswordEnv == "") {
		out = append(out, hclfile.Mistake{
			Path: at, Summary: "Half of a login", Detail: "user_env and password_env go together.", Hint: "give both, or none for a server that wants no login",
		})
	}
	return out
}
