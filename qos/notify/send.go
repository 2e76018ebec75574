package notify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"skysail/policies"
)

const (
	sendTimeout = 15 * time.Second
	// maxRetryAfter bounds what a server may ask to wait.
	maxRetryAfter = time.Hour
)

// pagerDutyURLs are those of PagerDuty's service regions.
var pagerDutyURLs = map[string]string{
	"us": "https://events.pagerduty.com/v2/enqueue",
	"eu": "https://events.eu.pagerduty.com/v2/enqueue",
}

// Error is why something was not sent. No secret is in its text.
type Error struct {
	// Permanent: trying again would bring the same.
	Permanent bool
	// After is how long the server asked to wait, 0 where it did not.
	After time.Duration
	Text  string
}

func (e *Error) Error() string { return e.Text }

// Sender sends events. The zero value is ready.
type Sender struct {
	// Lookup reads the environment; os.LookupEnv unless said otherwise.
	Lookup func(name string) (string, bool)
	// Transport is http.DefaultTransport unless said otherwise.
	Transport http.RoundTripper
	// PagerDutyURL is in the place of PagerDuty's own.
	PagerDutyURL string
	// RootCAs are trusted of mail servers; the system's unless said otherwise.
	RootCAs *x509.CertPool
}

// Send sends an event once, by one channel; an error is an *Error. It ends with
// ctx. Sending twice is harmless: the event's ID and DedupKey tell.
func (s *Sender) Send(ctx context.Context, n *policies.Notify, e *Event) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	switch n.Kind {
	case policies.NotifyWebhook:
		return s.webhook(ctx, n, e)
	case policies.NotifySlack:
		target, err := s.url(n.URLEnv)
		if err != nil {
			return err
		}
		body, err := Slack(e)
		return s.post(ctx, request{target, nil, body, err, []string{target}})
	case policies.NotifyPagerDuty:
		key, err := s.secret(n.RoutingKeyEnv)
		if err != nil {
			return err
		}
		body, err := PagerDuty(e, key)
		return s.post(ctx, request{cmp.Or(s.PagerDutyURL, pagerDutyURLs[cmp.Or(n.Region, "us")]), nil, body, err, []string{key}})
	case policies.NotifyEmail:
		return s.mail(ctx, n, e)
	}
	return &Error{Permanent: true, Text: fmt.Sprintf("there is no notification by %q", n.Kind)}
}

func (s *Sender) webhook(ctx context.Context, n *policies.Notify, e *Event) error {
	target, err := s.url(n.URLEnv)
	if err != nil {
		return err
	}
	secrets := []string{target}
	header := http.Header{"Idempotency-Key": {e.ID}}
	if n.TokenEnv != "" {
		token, err := s.secret(n.TokenEnv)
		if err != nil {
			return err
		}
		header.Set("Authorization", "Bearer "+token)
		secrets = append(secrets, token)
	}
	body, err := Webhook(e)
	return s.post(ctx, request{target, header, body, err, secrets})
}

// secret reads a variable. One that is not set is no permanent failure: the
// process is started anew with it, and what waits is sent then.
func (s *Sender) secret(name string) (string, error) {
	lookup := s.Lookup
	if lookup == nil {
		lookup = os.LookupEnv
	}
	v, ok := lookup(name)
	if v = strings.TrimSpace(v); !ok || v == "" {
		return "", &Error{Text: fmt.Sprintf("the variable %s is not set in the environment of this process: set it and start anew", name)}
	}
	if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", &Error{Text: fmt.Sprintf("the variable %s holds more than one line", name)}
	}
	return v, nil
}

func (s *Sender) url(name string) (string, error) {
	v, err := s.secret(name)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", &Error{Text: fmt.Sprintf("the variable %s does not hold an http or https URL", name)}
	}
	return v, nil
}

type request struct {
	url     string
	header  http.Header
	body    []byte
	err     error // of making the body
	secrets []string
}

func (s *Sender) post(ctx context.Context, r request) error {
	if r.err != nil {
		return &Error{Permanent: true, Text: "making the request: " + r.err.Error()}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(r.body))
	if err != nil {
		return &Error{Permanent: true, Text: "the URL can not be used"} // its text would hold it
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "skysail")
	client := &http.Client{
		Transport: s.Transport,
		// Another host is not told what this one is.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		var ue *url.Error
		if errors.As(err, &ue) { // its text has the whole URL
			err = ue.Err
		}
		return &Error{Text: hide(err.Error(), r.secrets)}
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	said, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return nil
	}
	text := "status " + strconv.Itoa(resp.StatusCode)
	if words := strings.TrimSpace(line(hide(string(said), r.secrets))); words != "" {
		text += ": " + cut(words, 200)
	}
	again := resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500
	return &Error{Permanent: !again, After: retryAfter(resp.Header.Get("Retry-After"), time.Now()), Text: text}
}

// retryAfter is how long a server asks to wait, in seconds or until a date.
func retryAfter(v string, now time.Time) time.Duration {
	d := time.Duration(0)
	if n, err := strconv.Atoi(v); err == nil {
		d = time.Duration(min(n, int(maxRetryAfter/time.Second))) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}

// hide takes secrets out of a text, and the path and query of those that are
// URLs.
func hide(text string, secrets []string) string {
	for _, s := range secrets {
		parts := []string{s}
		if u, err := url.Parse(s); err == nil && u.Host != "" {
			parts = append(parts, u.RequestURI(), u.Path, u.RawQuery)
			if u.User != nil {
				password, _ := u.User.Password()
				parts = append(parts, u.User.Username(), password)
			}
		}
		for _, p := range parts {
			if len(p) > 3 {
				text = strings.ReplaceAll(text, p, "(hidden)")
			}
		}
	}
	return text
}
