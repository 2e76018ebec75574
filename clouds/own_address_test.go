package clouds

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"skysail/internal/failure"
)

func TestOwnAddress(t *testing.T) {
	for body, want := range map[string]string{
		"203.0.113.7\n":           "203.0.113.7/32",
		"2001:db8::1":             "2001:db8::1/128",
		"":                        "",
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
