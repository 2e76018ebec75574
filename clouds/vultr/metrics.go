package vultr

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/vultr/govultr/v3"
	"golang.org/x/sync/errgroup"

	"skysail/clouds"
)

const (
	// metricsInterval is how often Vultr's count by day is worth a call.
	metricsInterval = time.Hour
	// metricsAtOnce bounds the calls side by side: an account may make 30 a
	// second (https://www.vultr.com/api/), and deployments need some too.
	metricsAtOnce = 4
)

// MetricsCost is one call an instance; nothing is charged for it.
func (c *Cloud) MetricsCost(instances []clouds.Measured) clouds.MetricsCost {
	return clouds.MetricsCost{Calls: len(instances), Every: metricsInterval}
}

// Metrics reads what each instance received and sent since midnight UTC, all
// that Vultr measures, with one call an instance: the API has no call for
// several. Of instances that cannot be read the error tells; the readings of
// the others stand beside it.
func (c *Cloud) Metrics(ctx context.Context, instances []clouds.Measured) ([]clouds.Reading, error) {
	api, err := c.connect()
	if err != nil {
		return nil, err
	}
	defer api.close()
	var mu sync.Mutex
	var out []clouds.Reading
	var failed error
	var g errgroup.Group
	g.SetLimit(metricsAtOnce)
	for _, i := range instances {
		g.Go(func() error {
			got, err := api.day(ctx, i, time.Now().UTC())
			mu.Lock()
			defer mu.Unlock()
			out = append(out, got...)
			if err != nil && failed == nil {
				failed = fmt.Errorf("metrics of instance %s: %w", i.ID, api.explain(err))
			}
			return nil
		})
	}
	_ = g.Wait()
	return out, failed
}

// day is today's traffic, or nothing while Vultr has no entry for today.
func (c *client) day(ctx context.Context, i clouds.Measured, now time.Time) ([]clouds.Reading, error) {
	var b *govultr.Bandwidth
	err := call(ctx, func(ctx context.Context) error {
		var err error
		b, _, err = c.Instance.GetBandwidth(ctx, i.ID) //nolint:bodyclose // the SDK has read and closed it
		return err
	})
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, nil
	}
	today, ok := b.Bandwidth[now.Format(time.DateOnly)]
	if !ok {
		return nil, nil
	}
	return []clouds.Reading{
		{Instance: i.Name, Name: clouds.MetricReceiveDay, Value: float64(today.IncomingBytes), At: now},
		{Instance: i.Name, Name: clouds.MetricTransmitDay, Value: float64(today.OutgoingBytes), At: now},
	}, nil
}
