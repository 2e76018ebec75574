package qos

import "skysail/qos/journald"

// ring keeps the newest entries.
type ring struct {
	max     int
	entries []journald.Entry
	next    int
}

func (r *ring) add(e journald.Entry) {
	if len(r.entries) < r.max {
		r.entries = append(r.entries, e)
		return
	}
	r.entries[r.next] = e
	r.next = (r.next + 1) % r.max
}

// all returns them, oldest first.
func (r *ring) all() []journald.Entry {
	return append(append([]journald.Entry{}, r.entries[r.next:]...), r.entries[:r.next]...)
}
