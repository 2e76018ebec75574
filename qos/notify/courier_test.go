package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/policies"
	"skysail/store"
)

// outbox hands out what it is given once, and notes what became of it.
type outbox struct {
	mu      sync.Mutex
	waiting []store.Notification
	ended   map[int64]string
	retried map[int64]time.Duration
	err     error
}

func (o *outbox) NotificationsDue(context.Context) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.waiting) > 0, o.err
}

func (o *outbox) ClaimNotifications(_ context.Context, limit int, lease time.Duration) ([]store.Notification, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if lease < sendTimeout {
		return nil, fmt.Errorf("a lease of %s is shorter than sending", lease)
	}
	n := min(limit, len(o.waiting))
	out := o.waiting[:n]
	o.waiting = o.waiting[n:]
	return out, nil
}

func (o *outbox) EndNotification(_ context.Context, id int64, reason string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended[id] = reason
	return nil
}

func (o *outbox) RetryNotification(_ context.Context, id int64, at time.Time, _ string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.retried[id] = time.Until(at)
	return nil
}

// put adds a notification by a channel of that kind, which is sent to a path
// of the server that says what to answer.
func (o *outbox) put(t *testing.T, id int64, kind string, attempts int, age time.Duration) {
	t.Helper()
	channel, err := json.Marshal(policies.Notify{Kind: kind, URLEnv: fmt.Sprint("URL", id)})
	if err != nil {
		t.Fatal(err)
	}
	event, err := json.Marshal(firing())
	if err != nil {
		t.Fatal(err)
	}
	o.waiting = append(o.waiting, store.Notification{ID: id, Channel: channel, Event: event, Attempts: attempts, CreatedAt: time.Now().Add(-age)})
}

func newCourier(t *testing.T, answers map[string]int) (*Courier, *outbox) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/URL5" {
			w.Header().Set("Retry-After", "1800")
		}
		w.WriteHeader(answers[r.URL.Path[1:]])
	}))
	t.Cleanup(srv.Close)
	o := &outbox{ended: map[int64]string{}, retried: map[int64]time.Duration{}}
	lookup := func(name string) (string, bool) {
		_, ok := answers[name]
		return srv.URL + "/" + name, ok
	}
	return &Courier{Outbox: o, Sender: &Sender{Lookup: lookup, Transport: transport(t)}}, o
}

func TestDeliver(t *testing.T) {
	c, o := newCourier(t, map[string]int{"URL1": 200, "URL2": 503, "URL3": 404, "URL4": 500, "URL5": 429})
	const webhook, slack = policies.NotifyWebhook, policies.NotifySlack
	o.put(t, 1, webhook, 1, 0)
	o.put(t, 2, webhook, 3, time.Hour)
	o.put(t, 3, slack, 1, 0)
	o.put(t, 4, slack, 90, 25*time.Hour)
	o.put(t, 5, slack, 1, 0)
	o.put(t, 6, webhook, 1, 0) // its variable is not set
	o.put(t, 7, "fax", 1, 0)
	o.waiting = append(o.waiting, store.Notification{ID: 8, Channel: []byte("{"), Event: []byte("{}"), CreatedAt: time.Now()})
	c.Deliver(t.Context())
	ended := map[int64]bool{} // and whether it was delivered
	for id, reason := range o.ended {
		ended[id] = reason == ""
	}
	if diff := cmp.Diff(map[int64]bool{1: true, 3: false, 4: false, 7: false, 8: false}, ended); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for id, least := range map[int64]time.Duration{2: firstPause, 5: 29 * time.Minute, 6: firstPause/2 - time.Second} {
		if got, there := o.retried[id]; !there || got < least || got > time.Hour {
			t.Errorf("%d is tried again after %s", id, got)
		}
	}
	want := map[string]float64{
		"skysail_notifications_sent_total webhook": 1, "skysail_notification_retries_total webhook": 2,
		"skysail_notifications_failed_total slack": 2, "skysail_notification_retries_total slack": 1,
	}
	for _, m := range c.Metrics() {
		if name := m.Name + " " + m.Labels["channel"]; m.Value != want[name] {
			t.Errorf("%s is %g, want %g", name, m.Value, want[name])
		}
	}
}

// What was cut off by the end is neither sent nor failed: the lease brings it
// back.
func TestEndWhileSending(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c, o := newCourier(t, map[string]int{"URL1": 200})
	c.Sender.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		cancel()
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	o.put(t, 1, policies.NotifyWebhook, 1, 0)
	if err := c.Run(ctx); err == nil {
		t.Error("it ended without a reason")
	}
	if len(o.ended)+len(o.retried) > 0 {
		t.Errorf("%v, %v", o.ended, o.retried)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestPauses(t *testing.T) {
	last := time.Duration(0)
	for attempts := range 40 {
		whole := min(firstPause<<min(max(attempts-1, 0), 20), longestPause)
		for range 100 {
			if p := pause(attempts); p < whole/2 || p > whole {
				t.Fatalf("after %d attempts %s", attempts, p)
			}
		}
		if whole < last {
			t.Errorf("after %d attempts less than before", attempts)
		}
		last = whole
	}
	if last != longestPause {
		t.Errorf("the longest pause is %s", last)
	}
}
