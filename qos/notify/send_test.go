package notify

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"skysail/policies"
)

const secretPath = "/services/T0000/B0000/sEcReTsEcReT"

// env is an environment with a URL and secrets.
func env(url string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := map[string]string{
			"URL": url + secretPath + "?token=qUeRySeCrEt", "TOKEN": "tOkEnSeCrEt", "KEY": "kEySeCrEt", "EMPTY": " ", "LINES": "a\nb", "WORD": "no-url",
			"USER": "uSeR", "PASSWORD": "pAsSwOrD",
		}[name]
		return v, ok
	}
}

func channels() []policies.Notify {
	return []policies.Notify{
		{Kind: policies.NotifyWebhook, URLEnv: "URL", TokenEnv: "TOKEN"},
		{Kind: policies.NotifySlack, URLEnv: "URL"},
		{Kind: policies.NotifyPagerDuty, RoutingKeyEnv: "KEY"},
	}
}

func TestSend(t *testing.T) {
	type seen struct {
		path, auth, id string
		body           string
	}
	var got seen
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = seen{r.URL.String(), r.Header.Get("Authorization"), r.Header.Get("Idempotency-Key"), string(b)}
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %v", r.Method, r.Header)
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer srv.Close()
	s := &Sender{Lookup: env(srv.URL), PagerDutyURL: srv.URL + "/v2/enqueue", Transport: transport(t)}
	for i, want := range []seen{
		{path: secretPath + "?token=qUeRySeCrEt", auth: "Bearer tOkEnSeCrEt", id: "0123", body: `"state":"firing"`},
		{path: secretPath + "?token=qUeRySeCrEt", body: `"blocks":[`},
		{path: "/v2/enqueue", body: `"routing_key":"kEySeCrEt"`},
	} {
		if err := s.Send(t.Context(), &channels()[i], firing()); err != nil {
			t.Fatal(err)
		}
		if got.path != want.path || got.auth != want.auth || got.id != want.id || !strings.Contains(got.body, want.body) {
			t.Errorf("%+v", got)
		}
	}
}

// transport is one that keeps no connections open after the test.
func transport(t *testing.T) http.RoundTripper {
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// What an answer means, with no secret in the words, whatever the server
// repeats.
func TestAnswers(t *testing.T) {
	var status int
	var header http.Header
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for k, v := range header {
			w.Header()[k] = v
		}
		w.WriteHeader(status)
		b, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, "you sent\n"+r.URL.String()+" "+r.Header.Get("Authorization")+string(b))
	}))
	defer srv.Close()
	s := &Sender{Lookup: env(srv.URL), PagerDutyURL: srv.URL, Transport: transport(t)}
	for _, c := range []struct {
		status    int
		after     string
		permanent bool
		wait      time.Duration
	}{
		{400, "", true, 0},
		{401, "", true, 0},
		{404, "", true, 0},
		{410, "", true, 0},
		{302, "", true, 0},
		{429, "7", false, 7 * time.Second},
		{429, "", false, 0},
		{500, "", false, 0},
		{502, "", false, 0},
		{503, "Thu, 01 Jan 1970 00:00:00 GMT", false, 0},
		{503, "999999999", false, time.Hour},
		{503, "-5", false, 0},
		{503, "soon", false, 0},
	} {
		status, header = c.status, http.Header{"Retry-After": {c.after}, "Location": {"http://127.0.0.1:1/" + secretPath}}
		for _, n := range channels() {
			err := s.Send(t.Context(), &n, firing())
			var e *Error
			if !errors.As(err, &e) || e.Permanent != c.permanent || e.After != c.wait {
				t.Errorf("%d by %s: %+v", c.status, n.Kind, err)
				continue
			}
			if !strings.HasPrefix(e.Text, "status ") || leaks(e.Text) {
				t.Errorf("%d by %s: %q", c.status, n.Kind, e.Text)
			}
		}
	}
}

func leaks(text string) bool {
	for _, s := range []string{"sEcReT", "qUeRy", "tOkEn", "kEySe", "pAsS", "uSeR"} {
		if strings.Contains(text, s) {
			return true
		}
	}
	return false
}

// What never reaches a server names variables and not what is in them.
func TestNotSent(t *testing.T) {
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // without that the server does not see the client go
		<-r.Context().Done()
	}))
	defer hangs.Close()
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, c := range map[string]struct {
		url string
		n   policies.Notify
	}{
		"nobody listens":    {closed.URL, policies.Notify{Kind: policies.NotifySlack, URLEnv: "URL"}},
		"no such host":      {"http://" + strings.Repeat("a", 70) + ".invalid", policies.Notify{Kind: policies.NotifySlack, URLEnv: "URL"}},
		"it hangs":          {hangs.URL, policies.Notify{Kind: policies.NotifyWebhook, URLEnv: "URL"}},
		"not set":           {closed.URL, policies.Notify{Kind: policies.NotifyWebhook, URLEnv: "NOT_SET"}},
		"empty":             {closed.URL, policies.Notify{Kind: policies.NotifyPagerDuty, RoutingKeyEnv: "EMPTY"}},
		"two lines":         {closed.URL, policies.Notify{Kind: policies.NotifyWebhook, URLEnv: "LINES"}},
		"no URL":            {closed.URL, policies.Notify{Kind: policies.NotifySlack, URLEnv: "WORD"}},
		"token not set":     {closed.URL, policies.Notify{Kind: policies.NotifyWebhook, URLEnv: "URL", TokenEnv: "NOT_SET"}},
		"password not set":  {closed.URL, policies.Notify{Kind: policies.NotifyEmail, SMTP: "127.0.0.1:1", UserEnv: "USER", PasswordEnv: "NOT_SET"}},
		"no mail server":    {closed.URL, policies.Notify{Kind: policies.NotifyEmail, SMTP: strings.TrimPrefix(closed.URL, "http://")}},
		"not a mail server": {closed.URL, policies.Notify{Kind: policies.NotifyEmail, SMTP: strings.TrimPrefix(hangs.URL, "http://")}},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		s := &Sender{Lookup: env(c.url), Transport: transport(t)}
		err := s.Send(ctx, &c.n, firing())
		cancel()
		var e *Error
		if !errors.As(err, &e) || e.Permanent || e.Text == "" || leaks(e.Text) {
			t.Errorf("%s: %+v", name, err)
		}
	}
	var e *Error
	if err := (&Sender{}).Send(t.Context(), &policies.Notify{Kind: "fax"}, firing()); !errors.As(err, &e) || !e.Permanent {
		t.Errorf("a kind that there is not: %v", err)
	}
}
