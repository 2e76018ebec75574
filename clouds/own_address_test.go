package clouds

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"skysail/internal/failure"
)

func TestOwnAddress(t *testing.T) {
	for body, want := range map[string]string{
		"203.0.113.7\n":           "203.0.113.7/32",
		"2001:db8::1":             "2001:db8::1/128",
		"::ffff:203.0.113.7":      "203.0.113.7/32",
		"":                        "",
		"0.0.0.0":                 "",
		"127.0.0.1":               "",
		"192.168.1.4":             "",
		"fe80::1%eth0":            "",
		strings.Repeat("7", 4096): "",
		"<html>please log in":     "",
		"203.0.113.7 203.0.113.8": "",
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))
		got, err := ownAddress(t.Context(), MapEnv(nil), s.URL)
		s.CloseClientConnections()
		s.Close()
		if got != want || (want == "") != (err != nil) {
			t.Errorf("%q: %q, %v", body, got, err)
		}
		if err != nil && (failure.CodeOf(err) != failure.Input || !strings.Contains(err.Error(), "ssh_from")) {
			t.Errorf("the error does not say what to do: %v", err)
		}
	}
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	if got, err := ownAddress(t.Context(), MapEnv(nil), s.URL); err == nil {
		t.Errorf("404 is the address %q", got)
	}
}

func TestOwnAddressThatCanNotBeAsked(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	if _, err := ownAddress(t.Context(), MapEnv(nil), closed.URL); failure.CodeOf(err) != failure.Input {
		t.Errorf("nobody listens: %v", err)
	}

	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer hangs.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err := ownAddress(ctx, MapEnv(nil), hangs.URL); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a server that hangs: %v", err)
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("waited %s", d)
	}

	if _, err := ownAddress(t.Context(), MapEnv(map[string]string{"SSL_CERT_FILE": "/nowhere/ca.pem"}), hangs.URL); err == nil || !strings.Contains(err.Error(), "SSL_CERT_FILE") {
		t.Errorf("a CA file that is not there: %v", err)
	}
}
