package digitalocean

import (
	"slices"
	"time"
)

// cpuTimes are the counters of CPU seconds at one time.
type cpuTimes struct{ all, busy float64 }

func (t *cpuTimes) add(mode string, seconds float64) {
	t.all += seconds
	if mode != "idle" && mode != "iowait" {
		t.busy += seconds
	}
}

// lastShare is the busy share between the last counters and those about one
// interval earlier.
func lastShare(sums map[time.Time]*cpuTimes) (share float64, at time.Time, ok bool) {
	times := make([]time.Time, 0, len(sums))
	for t := range sums {
		times = append(times, t)
	}
	slices.SortFunc(times, time.Time.Compare)
	if len(times) < 2 {
		return 0, time.Time{}, false
	}
	at = times[len(times)-1]
	first := len(times) - 1
	for first > 0 && at.Sub(times[first-1]) <= metricsInterval {
		if sums[times[first-1]].all > sums[times[first]].all {
			break // a reboot
		}
		first--
	}
	from, to := sums[times[first]], sums[at]
	if to.all <= from.all {
		return 0, time.Time{}, false
	}
	return min(1, max(0, (to.busy-from.busy)/(to.all-from.all))), at, true
}
