package apiclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// get makes one call as an SDK does: what is not 200 is an error.
func get(client *http.Client, method, address string) func(context.Context) error {
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, method, address, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		if resp.StatusCode/100 != 2 {
			return errors.New(string(body))
		}
		return nil
	}
}

func start(t *testing.T, h http.HandlerFunc) (*httptest.Server, *http.Client) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	client := New(&http.Client{Transport: &http.Transport{}}, u, "secret", time.Millisecond)
	t.Cleanup(client.CloseIdleConnections)
	return s, client
}

func TestTokenGoesToTheAPIOnly(t *testing.T) {
	var other atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		other.Add(1)
		if r.Header.Get("Authorization") != "" {
			t.Error("another host was given the token")
		}
	}))
	defer elsewhere.Close()
	s, client := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("the API was given %q", r.Header.Get("Authorization"))
		}
		if r.URL.Path == "/away" {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}
	})
	if err := Do(t.Context(), get(client, http.MethodGet, s.URL)); err != nil {
		t.Error(err)
	}
	if err := Do(t.Context(), get(client, http.MethodGet, elsewhere.URL)); err != nil {
		t.Error(err)
	}
	if err := Do(t.Context(), get(client, http.MethodGet, s.URL+"/away")); Status(err) != http.StatusTemporaryRedirect || other.Load() != 1 {
		t.Errorf("a redirect was followed: %v", err)
	}
}

func TestRepeats(t *testing.T) {
	for name, c := range map[string]struct {
		answers []int
		calls   int32
		status  int // of the error, 0 for none
	}{
		"fine":                  {answers: []int{200}, calls: 1},
		"overloaded once":       {answers: []int{429, 200}, calls: 2},
		"broken four times":     {answers: []int{500, 502, 503, 504, 200}, calls: 5},
		"broken for good":       {answers: []int{500}, calls: 5, status: 500},
		"not there":             {answers: []int{404}, calls: 1, status: 404},
		"refused":               {answers: []int{401}, calls: 1, status: 401},
		"nothing like it there": {answers: []int{501}, calls: 1, status: 501},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			s, client := start(t, func(w http.ResponseWriter, _ *http.Request) {
				n := int(calls.Add(1))
				w.WriteHeader(c.answers[min(n, len(c.answers))-1])
				_, _ = io.WriteString(w, "the body")
			})
			err := Do(t.Context(), get(client, http.MethodDelete, s.URL))
			if calls.Load() != c.calls {
				t.Errorf("%d calls, want %d", calls.Load(), c.calls)
			}
			if Status(err) != c.status || (c.status != 0 && err.Error() != "the body") {
				t.Errorf("status %d of %v, want %d with the body", Status(err), err, c.status)
			}
		})
	}
}

func TestNoAnswer(t *testing.T) {
	s, client := start(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	err := Do(t.Context(), get(client, http.MethodGet, s.URL))
	if err == nil || Status(err) != 0 {
		t.Errorf("status %d of %v, want 0", Status(err), err)
	}
}

func TestRetryAfter(t *testing.T) {
	var calls atomic.Int32
	s, client := start(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			w.Header().Set("Retry-After", r.URL.Query().Get("after"))
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	before := time.Now()
	if err := Do(t.Context(), get(client, http.MethodGet, s.URL+"?after=1")); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(before); took < time.Second {
		t.Errorf("repeated after %s", took)
	}
	calls.Store(0)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := Do(ctx, get(client, http.MethodGet, s.URL+"?after=600"))
	if Status(err) != http.StatusTooManyRequests || calls.Load() != 1 {
		t.Errorf("%d calls, %v: want the refusal at once", calls.Load(), err)
	}
}

// A Removal may be given calls that go through Do already.
func TestDoTwice(t *testing.T) {
	s, client := start(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	err := Do(t.Context(), func(ctx context.Context) error { return Do(ctx, get(client, http.MethodGet, s.URL)) })
	if Status(err) != http.StatusTeapot {
		t.Errorf("status %d", Status(err))
	}
}

func TestRemoval(t *testing.T) {
	// Answers to DELETE and GET in turn; the last is kept.
	for name, c := range map[string]struct {
		del, get []int
		want     string // part of the error, empty for none
		deletes  int
	}{
		"at once":                    {del: []int{204}, get: []int{404}, deletes: 1},
		"in a while":                 {del: []int{204}, get: []int{200, 200, 404}, deletes: 1},
		"gone already":               {del: []int{404}, deletes: 1},
		"refused at first":           {del: []int{422, 409, 204}, get: []int{200, 200, 404}, deletes: 3},
		"refused, but gone":          {del: []int{422}, get: []int{404}, deletes: 1},
		"refused for good":           {del: []int{422}, get: []int{200}, want: "not gone after"},
		"never gone":                 {del: []int{204}, get: []int{200}, want: "still exists", deletes: 1},
		"not allowed":                {del: []int{403}, get: []int{200}, want: "deleting it: no", deletes: 1},
		"not allowed to look":        {del: []int{204}, get: []int{401}, want: "deleting it: no", deletes: 1},
		"looking fails for a moment": {del: []int{204}, get: []int{400, 404}, deletes: 1},
	} {
		t.Run(name, func(t *testing.T) {
			deletes := 0
			next := func(list *[]int) error {
				s := (*list)[0]
				if len(*list) > 1 {
					*list = (*list)[1:]
				}
				if s/100 == 2 {
					return nil
				}
				return &Error{Status: s, Err: errors.New("no")}
			}
			err := Removal{
				Name:     "it",
				Delete:   func(context.Context) error { deletes++; return next(&c.del) },
				Get:      func(context.Context) error { return next(&c.get) },
				Pause:    time.Millisecond,
				Patience: 100 * time.Millisecond,
			}.Run(t.Context())
			if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if c.deletes != 0 && deletes != c.deletes {
				t.Errorf("%d deletes, want %d", deletes, c.deletes)
			}
		})
	}
}
