package hostmetrics

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"skysail/qos/metric"
)

// Reading is what a machine told of itself.
type Reading struct {
	Metrics []metric.Metric
	// Missing says, in words, what this machine does not tell.
	Missing []string
}

// ErrTruncated is an output that ends before the script did.
var ErrTruncated = errors.New("the output of the host script is cut short")

// sections in the order in which their metrics are given, each with what is
// said when it yields nothing.
var sections = []struct {
	name  string
	parse func(r *reader, lines []string)
	what  string
}{
	{"clock", (*reader).clock, "the clock"},
	{"stat", (*reader).stat, "CPU time"},
	{"uptime", (*reader).uptime, ""},
	{"loadavg", (*reader).loadavg, "the load average"},
	{"meminfo", (*reader).meminfo, "memory"},
	{"vmstat", (*reader).vmstat, ""},
	{"netdev", (*reader).netdev, "network counters"},
	{"diskstats", (*reader).diskstats, "disk counters"},
	{"df", (*reader).df, "the root filesystem"},
	{"systemd", (*reader).systemd, "the state of the service (no systemctl, or it did not answer)"},
}

// Parse turns the script's output into metrics. A part that is missing or not
// understood yields no metric and is named in Missing; it is never guessed.
func Parse(out []byte) (Reading, error) {
	parts, complete := split(out)
	if len(parts) == 0 {
		return Reading{}, fmt.Errorf("%q is not the output of the host script", head(out))
	}
	if !complete {
		return Reading{}, ErrTruncated
	}
	r := &reader{
		// Linux has shown 100 ticks a second to programs on every
		// architecture a cloud rents out, whatever the kernel's own rate.
		hz:    100,
		parts: parts,
		seen:  make(map[string]bool, 128),
	}
	r.out.Metrics = make([]metric.Metric, 0, 128)
	for _, s := range sections {
		lines, asked := parts[s.name]
		if !asked {
			continue
		}
		before := len(r.out.Metrics)
		s.parse(r, lines)
		if len(r.out.Metrics) == before && s.what != "" {
			r.out.Missing = append(r.out.Missing, s.what)
		}
	}
	if len(r.out.Metrics) == 0 {
		return Reading{}, errors.New("the host script ran, but this system told nothing that is understood")
	}
	return r.out, nil
}

// reader gathers metrics; what a later section needs of an earlier one stands
// here.
type reader struct {
	out   Reading
	parts map[string][]string
	seen  map[string]bool
	key   []byte // that add makes, kept for the next
	hz    float64
	now   float64
	boot  bool
}

// add keeps the first of two equal series: a second one would make the whole
// scrape invalid.
func (r *reader) add(m metric.Metric) {
	var few [4]string
	names := few[:0]
	for l := range m.Labels {
		names = append(names, l)
	}
	slices.Sort(names)
	r.key = append(r.key[:0], m.Name...)
	for _, l := range names {
		r.key = append(append(append(append(r.key, 0xff), l...), 0xff), m.Labels[l]...)
	}
	if r.seen[string(r.key)] {
		return
	}
	r.seen[string(r.key)] = true
	r.out.Metrics = append(r.out.Metrics, m)
}

// number reads a decimal that the kernel prints. ParseFloat alone would take
// words like inf.
func number(s string) (float64, bool) {
	if s == "" || strings.Trim(s, "0123456789.") != "" {
		return 0, false
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil
}

func split(out []byte) (parts map[string][]string, complete bool) {
	parts = map[string][]string{}
	name := ""
	for line := range strings.Lines(string(out)) {
		whole := strings.HasSuffix(line, "\n")
		line = strings.TrimRight(line, "\r\n")
		if section, ok := strings.CutPrefix(line, marker); ok {
			if section == "end" && whole {
				return parts, true
			}
			name = section
			parts[name] = nil
			continue
		}
		// What stands before the first marker is a greeting of the machine.
		if name != "" && line != "" {
			parts[name] = append(parts[name], line)
		}
	}
	return parts, false
}

func head(out []byte) []byte {
	if i := bytes.IndexByte(out, '\n'); i >= 0 {
		out = out[:i]
	}
	return out[:min(len(out), 80)]
}
