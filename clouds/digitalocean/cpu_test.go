package digitalocean

import (
	"math"
	"testing"
	"time"

	"github.com/digitalocean/godo/metrics"
)

func TestBusyShare(t *testing.T) {
	const start = 1_700_000_000
	type points map[int]float64 // second: value
	for name, c := range map[string]struct {
		modes map[string]points
		share float64
		at    int64
		ok    bool
	}{
		"nothing":   {},
		"one point": {modes: map[string]points{"idle": {0: 5}, "user": {0: 5}}},
		"a quarter": {
			modes: map[string]points{"idle": {0: 100, 60: 145}, "user": {0: 10, 60: 20}, "system": {0: 1, 60: 6}},
			share: 0.25, at: 60, ok: true,
		},
		"waiting for a disk is not busy": {
			modes: map[string]points{"idle": {0: 0, 60: 30}, "iowait": {0: 0, 60: 30}}, share: 0, at: 60, ok: true,
		},
		"only the last interval counts": {
			modes: map[string]points{"idle": {0: 0, 600: 0, 660: 60}, "user": {0: 0, 600: 600, 660: 600}}, share: 0, at: 660, ok: true,
		},
		"a reboot": {
			modes: map[string]points{"idle": {0: 1000, 60: 0, 120: 30}, "user": {0: 1000, 60: 0, 120: 30}}, share: 0.5, at: 120, ok: true,
		},
		"a reboot just now": {modes: map[string]points{"idle": {0: 1000, 60: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			var result []metrics.SampleStream
			for mode, ps := range c.modes {
				s := metrics.SampleStream{Metric: metrics.Metric{"mode": metrics.LabelValue(mode)}}
				for second, v := range ps {
					s.Values = append(s.Values, metrics.SamplePair{Timestamp: metrics.Time((start + int64(second)) * 1000), Value: metrics.SampleValue(v)})
				}
				result = append(result, s)
			}
			share, at, ok := busyShare(result)
			if ok != c.ok || math.Abs(share-c.share) > 1e-9 || ok && at.Unix() != start+c.at {
				t.Errorf("%v at %v, %v", share, at.Sub(time.Unix(start, 0)), ok)
			}
		})
	}
}
