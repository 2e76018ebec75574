package notify

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"skysail/policies"
	"skysail/qos/metric"
	"skysail/store"
)

// Outbox keeps what is to be sent; *store.Store is one. Its calls end with ctx,
// and each may be repeated.
type Outbox interface {
	// NotificationsDue says whether there is anything to claim.
	NotificationsDue(ctx context.Context) (bool, error)
	// ClaimNotifications returns what is due, for this process alone until the
	// lease is over.
	ClaimNotifications(ctx context.Context, limit int, lease time.Duration) ([]store.Notification, error)
	// EndNotification says that one was sent, or why it never will be.
	EndNotification(ctx context.Context, id int64, reason string) error
	// RetryNotification says when to try again, and why.
	RetryNotification(ctx context.Context, id int64, at time.Time, reason string) error
}

const (
	poll = time.Second
	// claim is how many are sent at once, and lease for how long no other
	// process sends them: longer than sending takes.
	claim = 16
	lease = 2 * time.Minute
	// The first pause after a failure, which doubles, up to the longest.
	firstPause   = 5 * time.Second
	longestPause = 15 * time.Minute
	// giveUp is the age at which news is none any more.
	giveUp = 24 * time.Hour
)

// Courier delivers what waits in an Outbox: each at least once, until it is
// taken, refused for good, or a day old.
type Courier struct {
	Outbox Outbox
	Sender *Sender

	mu    sync.Mutex
	stats map[string]*tally // by kind
}

type tally struct{ sent, failed, retries uint64 }

// Run delivers until ctx ends. An error of the outbox is tried again.
func (c *Courier) Run(ctx context.Context) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		c.Deliver(ctx)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// Deliver sends what is due now, once.
func (c *Courier) Deliver(ctx context.Context) {
	for ctx.Err() == nil {
		due, err := c.Outbox.NotificationsDue(ctx)
		if err != nil || !due {
			return
		}
		all, err := c.Outbox.ClaimNotifications(ctx, claim, lease)
		if err != nil || len(all) == 0 {
			return
		}
		var g errgroup.Group
		for _, n := range all {
			g.Go(func() error {
				c.one(ctx, n)
				return nil
			})
		}
		_ = g.Wait()
	}
}

// one sends a notification and says how that went. When that can not be said
// the lease ends, and it is sent again.
func (c *Courier) one(ctx context.Context, n store.Notification) {
	var channel policies.Notify
	var event Event
	err := errors.Join(json.Unmarshal(n.Channel, &channel), json.Unmarshal(n.Event, &event))
	if err == nil {
		err = c.Sender.Send(ctx, &channel, &event)
	}
	if err != nil && ctx.Err() != nil {
		return // cut off by the end: the lease ends as well
	}
	end := context.WithoutCancel(ctx)
	var failed *Error
	switch {
	case err == nil:
		c.count(channel.Kind, func(t *tally) { t.sent++ })
		_ = c.Outbox.EndNotification(end, n.ID, "")
	case errors.As(err, &failed) && !failed.Permanent && time.Since(n.CreatedAt) < giveUp:
		c.count(channel.Kind, func(t *tally) { t.retries++ })
		_ = c.Outbox.RetryNotification(end, n.ID, time.Now().Add(max(pause(n.Attempts), failed.After)), err.Error())
	default:
		c.count(channel.Kind, func(t *tally) { t.failed++ })
		_ = c.Outbox.EndNotification(end, n.ID, err.Error())
	}
}

// pause is how long to wait after so many attempts: between half and all of a
// time that doubles.
func pause(attempts int) time.Duration {
	d := min(firstPause<<min(max(attempts-1, 0), 20), longestPause)
	return d/2 + rand.N(d/2) //nolint:gosec // no secret
}

func (c *Courier) count(kind string, add func(*tally)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stats == nil {
		c.stats = map[string]*tally{}
	}
	if c.stats[kind] == nil {
		c.stats[kind] = &tally{}
	}
	add(c.stats[kind])
}

// Metrics are the courier's own numbers.
func (c *Courier) Metrics() []metric.Described {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []metric.Described
	for _, kind := range []string{policies.NotifyWebhook, policies.NotifySlack, policies.NotifyPagerDuty, policies.NotifyEmail} {
		t := c.stats[kind]
		if t == nil {
			t = &tally{}
		}
		add := func(name, help string, n uint64) {
			out = append(out, metric.Described{Metric: metric.With(name, float64(n), "channel", kind), Desc: metric.Desc{Kind: metric.Counter, Help: help}})
		}
		add("skysail_notifications_sent_total", "Notifications of alerts and reactions that were delivered.", t.sent)
		add("skysail_notifications_failed_total", "Notifications of alerts and reactions that were refused, or given up after a day.", t.failed)
		add("skysail_notification_retries_total", "Attempts to deliver a notification that failed and are repeated.", t.retries)
	}
	return out
}
