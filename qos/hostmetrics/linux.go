package hostmetrics

import (
	"strings"

	"skysail/qos/metric"
)

func (r *reader) clock(text string) {
	for line := range lines(text) {
		key, text, _ := strings.Cut(line, " ")
		v, ok := number(text)
		switch {
		case !ok || v <= 0:
		case key == "hz":
			r.hz = v
		case key == "now":
			r.now = v
			r.add("node_time_seconds", v)
		}
	}
}

// modes are the columns of a cpu line of /proc/stat. Old kernels have fewer.
// The guest columns are left out: they are counted in user and nice already.
var modes = []string{"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"}

func (r *reader) stat(text string) {
	seen := columns{}
	for line := range lines(text) {
		f := r.fields(line)
		if len(f) < 2 {
			continue
		}
		if cpu, ok := strings.CutPrefix(f[0], "cpu"); ok && cpu != "" {
			for i, mode := range modes[:min(len(modes), len(f)-1)] {
				if v, ok := number(f[i+1]); ok && seen.first(cpu, i) {
					r.addWith("node_cpu_seconds_total", v/r.hz, map[string]string{"cpu": cpu, "mode": mode})
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
			r.add("node_"+f[0], v)
		}
	}
}

func (r *reader) bootTime(v float64) {
	if v > 0 {
		r.add("node_boot_time_seconds", v)
	}
}

// uptime serves kernels whose /proc/stat has no btime.
func (r *reader) uptime(text string) {
	f := r.fields(head(text))
	if r.now == 0 || len(f) == 0 {
		return
	}
	if up, ok := number(f[0]); ok {
		r.bootTime(float64(int64(r.now - up)))
	}
}

func (r *reader) loadavg(text string) {
	if line := head(text); line != "" {
		r.loads(r.fields(line))
		return
	}
	// macOS: "vm.loadavg: { 1.46 1.58 1.60 }"
	if text, ok := r.sysctl("vm.loadavg"); ok {
		r.loads(r.fields(strings.Trim(text, "{} ")))
	}
}

func (r *reader) loads(f []string) {
	if len(f) < 3 {
		return
	}
	for i, name := range []string{"node_load1", "node_load5", "node_load15"} {
		if v, ok := number(f[i]); ok {
			r.add(name, v)
		}
	}
}

func (r *reader) meminfo(text string) {
	for line := range lines(text) {
		key, text, _ := strings.Cut(line, ":")
		f := r.fields(text)
		name := "node_memory_" + key + "_bytes"
		if _, known := metric.Lookup(name); !known || len(f) != 2 || f[1] != "kB" {
			continue
		}
		if v, ok := number(f[0]); ok {
			r.add(name, v*1024)
		}
	}
	if head(text) != "" {
		return
	}
	if text, ok := r.sysctl("hw.memsize"); ok {
		if v, ok := number(text); ok {
			r.add("node_memory_total_bytes", v)
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

func (r *reader) vmstat(text string) {
	for line := range lines(text) {
		if text, ok := strings.CutPrefix(line, "oom_kill "); ok {
			if v, ok := number(text); ok {
				r.add("node_vmstat_oom_kill", v)
			}
		}
	}
}

// netdevColumns are the columns of /proc/net/dev that are kept.
var netdevColumns = []struct {
	column int
	name   string
}{
	{0, "node_network_receive_bytes_total"},
	{1, "node_network_receive_packets_total"},
	{2, "node_network_receive_errs_total"},
	{3, "node_network_receive_drop_total"},
	{8, "node_network_transmit_bytes_total"},
	{9, "node_network_transmit_packets_total"},
	{10, "node_network_transmit_errs_total"},
	{11, "node_network_transmit_drop_total"},
}

func (r *reader) netdev(text string) {
	seen := columns{}
	for line := range lines(text) {
		// Old kernels glue the first number to the colon, and an alias has a
		// colon in its name.
		colon := strings.LastIndexByte(line, ':')
		if colon < 0 || strings.Contains(line, "|") {
			continue
		}
		device := strings.ToValidUTF8(strings.TrimSpace(line[:colon]), "\ufffd")
		f := r.fields(line[colon+1:])
		if len(f) != 16 || device == "" {
			continue
		}
		labels := map[string]string{"device": device}
		for _, c := range netdevColumns {
			if v, ok := number(f[c.column]); ok && seen.first(device, c.column) {
				r.addWith(c.name, v, labels)
			}
		}
	}
}

func (r *reader) sysctl(name string) (string, bool) {
	for line := range lines(r.parts["sysctl"]) {
		if text, ok := strings.CutPrefix(line, name+": "); ok {
			return strings.TrimSpace(text), true
		}
	}
	return "", false
}
