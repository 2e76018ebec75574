package fleet

import (
	"time"

	"skysail/sandbox/api"
)

// How much of a machine's past is kept, and how thick.
const (
	keepAll   = 2 * time.Minute
	keepSome  = time.Hour
	someApart = 10 * time.Second
	keepDays  = 31 * 24 * time.Hour
)

// history is what one machine used, thinned out with age.
type history struct {
	readings []api.Usage // oldest first
	boot     string
	base     sums // of the runs before this boot
	last     sums // of this boot, as last seen
	disk     uint64
	diskAt   time.Time
}

type sums struct {
	cpu            float64
	received, sent uint64
}

// add notes a reading.
func (h *history) add(r Reading) {
	if r.Boot != h.boot {
		h.base = sums{h.base.cpu + h.last.cpu, h.base.received + h.last.received, h.base.sent + h.last.sent}
		h.boot, h.last = r.Boot, sums{}
	}
	// A process that ended while its parent was read is in neither for a
	// moment.
	h.last.cpu = max(h.last.cpu, r.CPUSeconds)
	h.last.received = max(h.last.received, r.ReceivedBytes)
	h.last.sent = max(h.last.sent, r.SentBytes)
	r.CPUSeconds = h.base.cpu + h.last.cpu
	r.ReceivedBytes = h.base.received + h.last.received
	r.SentBytes = h.base.sent + h.last.sent
	h.readings = append(h.readings, r.Usage)
	h.thin(r.At)
}

// thin drops what is too old, and of what is less old most.
func (h *history) thin(now time.Time) {
	kept := h.readings[:0]
	for i, u := range h.readings {
		age := now.Sub(u.At)
		newest := i == len(h.readings)-1
		switch {
		case newest || age <= keepAll:
		case age <= keepSome:
			// The last of each ten seconds: which it is does not change later.
			if u.At.Truncate(someApart).Equal(h.readings[i+1].At.Truncate(someApart)) {
				continue
			}
		case age <= keepDays:
			if u.At.Truncate(24 * time.Hour).Equal(h.readings[i+1].At.Truncate(24 * time.Hour)) {
				continue
			}
		default:
			continue
		}
		kept = append(kept, u)
	}
	h.readings = kept
}
