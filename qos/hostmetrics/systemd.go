package hostmetrics

import (
	"strings"

	"skysail/qos/metric"
)

// systemd reads `systemctl show`. systemd before version 235 does not count
// restarts; then there is no such metric rather than a zero.
func (r *reader) systemd(text string) {
	values := map[string]string{}
	for line := range lines(text) {
		key, value, ok := strings.Cut(line, "=")
		if ok {
			values[key] = value
		}
	}
	state := values["ActiveState"]
	if state == "" {
		return
	}
	// A unit that reloads goes on serving.
	up := state == "active" || state == "reloading" || state == "refreshing"
	r.add(metric.ServiceUp, metric.Bool(up))
	if values["LoadState"] == "not-found" {
		r.out.Missing = append(r.out.Missing, "the service's unit: systemd does not know it, so it was not installed yet or was removed")
		return
	}
	if v, ok := number(values["NRestarts"]); ok {
		r.add(metric.ServiceRestarts, v)
	}
}
