//nolint:bodyclose // govultr has read and closed the bodies of the responses it returns
package vultr

import (
	"testing"
	"time"

	"skysail/sandbox/api"
)

// TestBandwidthByDay reads it with the official SDK.
func TestBandwidthByDay(t *testing.T) {
	c := newCloud(t)
	i := c.instance("web")
	got, _, err := c.Instance.GetBandwidth(t.Context(), i.ID)
	check(t, err)
	if len(got.Bandwidth) != 0 {
		t.Errorf("of an instance that nobody has looked at: %+v", got)
	}
	at := func(s string) time.Time {
		when, err := time.Parse(time.DateTime, s)
		check(t, err)
		return when
	}
	c.usage.set(
		i.ID,
		api.Usage{At: at("2026-05-01 23:59:59"), ReceivedBytes: 100, SentBytes: 10},
		api.Usage{At: at("2026-05-02 00:00:01"), ReceivedBytes: 150, SentBytes: 10},
		api.Usage{At: at("2026-05-02 12:00:00"), ReceivedBytes: 400, SentBytes: 70},
	)
	got, _, err = c.Instance.GetBandwidth(t.Context(), i.ID)
	check(t, err)
	first, second := got.Bandwidth["2026-05-01"], got.Bandwidth["2026-05-02"]
	if len(got.Bandwidth) != 2 || first.IncomingBytes != 100 || first.OutgoingBytes != 10 || second.IncomingBytes != 300 || second.OutgoingBytes != 60 {
		t.Errorf("by day: %+v", got.Bandwidth)
	}
	_, _, err = c.Instance.GetBandwidth(t.Context(), "00000000-0000-0000-0000-000000000000")
	wantError(t, err, "Invalid instance-id.")
}
