package hostmetrics

import (
	"strings"

	"skysail/qos/metric"
)

func (r *reader) clock(lines []string) {
	for _, line := range lines {
		key, text, _ := strings.Cut(line, " ")
		v, ok := number(text)
		switch {
		case !ok || v <= 0:
		case key == "hz":
			r.hz = v
		case key == "now":
			r.now = v
			r.add(metric.One("node_time_seconds", v))
		}
	}
}

// modes are the columns of a cpu line of /proc/stat. Old kernels have fewer.
// The guest columns are left out: they are counted in user and nice already.
var modes = []string{"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"}

func (r *reader) stat(lines []string) {
	for _, line := range lines {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		if cpu, ok := strings.CutPrefix(f[0], "cpu"); ok && cpu != "" {
			for i, mode := range modes[:min(len(modes), len(f)-1)] {
				if v, ok := number(f[i+1]); ok {
					r.add(metric.With("node_cpu_seconds_total", v/r.hz, "cpu", cpu, "mode", mode))
				}
			}
			continue
		}
		v, ok := number(f[1])
		if !ok {
			continue
		}
		switch f[0] {
		case "btime":
			r.bootTime(v)
		case "procs_running", "procs_blocked":
			r.add(metric.One("node_"+f[0], v))
		}
	}
}

func (r *reader) bootTime(v float64) {
	if v > 0 && !r.boot {
		r.boot = true
		r.add(metric.One("node_boot_time_seconds", v))
	}
}

// uptime serves kernels whose /proc/stat has no btime.
func (r *reader) uptime(lines []string) {
	if r.now == 0 || len(lines) == 0 {
		return
	}
	f := strings.Fields(lines[0])
	if len(f) == 0 {
		return
	}
	if up, ok := number(f[0]); ok {
		r.bootTime(float64(int64(r.now - up)))
	}
}

func (r *reader) loadavg(lines []string) {
	if len(lines) > 0 {
		r.loads(strings.Fields(lines[0]))
		return
	}
	// macOS: "vm.loadavg: { 1.46 1.58 1.60 }"
	if text, ok := r.sysctl("vm.loadavg"); ok {
		r.loads(strings.Fields(strings.Trim(text, "{} ")))
	}
}

func (r *reader) loads(f []string) {
	if len(f) < 3 {
		return
	}
	for i, name := range []string{"node_load1", "node_load5", "node_load15"} {
		if v, ok := number(f[i]); ok {
			r.add(metric.One(name, v))
		}
	}
}

func (r *reader) meminfo(lines []string) {
	for _, line := range lines {
		key, text, _ := strings.Cut(line, ":")
		f := strings.Fields(text)
		name := "node_memory_" + key + "_bytes"
		if _, known := metric.Lookup(name); !known || len(f) != 2 || f[1] != "kB" {
			continue
		}
		if v, ok := number(f[0]); ok {
			r.add(metric.One(name, v*1024))
		}
	}
	if len(lines) > 0 {
		return
	}
	if text, ok := r.sysctl("hw.memsize"); ok {
		if v, ok := number(text); ok {
			r.add(metric.One("node_memory_total_bytes", v))
		}
	}
	// macOS: "kern.boottime: { sec = 1700000000, usec = 0 } Tue Nov 14 …"
	if text, ok := r.sysctl("kern.boottime"); ok {
		_, text, _ = strings.Cut(text, "sec = ")
		text, _, _ = strings.Cut(text, ",")
		if v, ok := number(text); ok {
			r.bootTime(v)
		}
	}
}

func (r *reader) vmstat(lines []string) {
	for _, line := range lines {
		if text, ok := strings.CutPrefix(line, "oom_kill "); ok {
			if v, ok := number(text); ok {
				r.add(metric.One("node_vmstat_oom_kill", v))
			}
		}
	}
}

// netdevColumns are the columns of /proc/net/dev that are kept.
var netdevColumns = map[int]string{
	0: "receive_bytes", 1: "receive_packets", 2: "receive_errs", 3: "receive_drop",
	8: "transmit_bytes", 9: "transmit_packets", 10: "transmit_errs", 11: "transmit_drop",
}

func (r *reader) netdev(lines []string) {
	for _, line := range lines {
		// Old kernels glue the first number to the colon, and an alias has a
		// colon in its name.
		colon := strings.LastIndexByte(line, ':')
		if colon < 0 || strings.Contains(line, "|") {
			continue
		}
		device := strings.ToValidUTF8(strings.TrimSpace(line[:colon]), "\ufffd")
		f := strings.Fields(line[colon+1:])
		if len(f) != 16 || device == "" {
			continue
		}
		for i, text := range f {
			column, kept := netdevColumns[i]
			if v, ok := number(text); ok && kept {
				r.add(metric.With("node_network_"+column+"_total", v, "device", device))
			}
		}
	}
}

func (r *reader) sysctl(name string) (string, bool) {
	for _, line := range r.parts["sysctl"] {
		if text, ok := strings.CutPrefix(line, name+": "); ok {
			return strings.TrimSpace(text), true
		}
	}
	return "", false
}
