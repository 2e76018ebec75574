package hostmetrics

import (
	"errors"
	"fmt"
	"iter"
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
	parse func(r *reader, text string)
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
		return Reading{}, fmt.Errorf("%.80q is not the output of the host script", head(string(out)))
	}
	if !complete {
		return Reading{}, ErrTruncated
	}
	r := &reader{
		// Linux has shown 100 ticks a second to programs on every
		// architecture a cloud rents out, whatever the kernel's own rate.
		hz:    100,
		parts: parts,
		seen:  make(map[string]bool, 32),
	}
	r.out.Metrics = make([]metric.Metric, 0, 128)
	for _, s := range sections {
		text, asked := parts[s.name]
		if !asked {
			continue
		}
		before := len(r.out.Metrics)
		s.parse(r, text)
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
	parts map[string]string
	seen  map[string]bool
	few   []string // that fields gives, kept for the next line
	hz    float64
	now   float64
}

// add keeps the first of two equal series: a second one would make the whole
// scrape invalid.
func (r *reader) add(name string, v float64) {
	if !r.seen[name] {
		r.seen[name] = true
		r.out.Metrics = append(r.out.Metrics, metric.One(name, v))
	}
}

// addWith adds a series with labels, which may be the map of others.
func (r *reader) addWith(name string, v float64, labels map[string]string) {
	r.out.Metrics = append(r.out.Metrics, metric.Metric{Name: name, Value: v, Labels: labels})
}

// columns are those that a line of a table gave a metric, by number: of two
// lines with the same name the second gives what the first did not.
type columns map[string]uint32

func (c columns) first(name string, column int) bool {
	bit := uint32(1) << column
	had := c[name]
	c[name] = had | bit
	return had&bit == 0
}

// fields is strings.Fields; the next call overwrites what it returns.
func (r *reader) fields(s string) []string {
	r.few = slices.AppendSeq(r.few[:0], strings.FieldsSeq(s))
	return r.few
}

// number reads a decimal that the kernel prints. ParseFloat alone would take
// words like inf.
func number(s string) (float64, bool) {
	for i := range len(s) {
		if (s[i] < '0' || s[i] > '9') && s[i] != '.' {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil
}

// split returns the text of each section.
func split(out []byte) (parts map[string]string, complete bool) {
	parts = make(map[string]string, 16)
	text, name, start, at := string(out), "", 0, 0
	for line := range strings.Lines(text) {
		section, ok := strings.CutPrefix(line, marker)
		if ok {
			// What stands before the first marker is a greeting of the machine.
			if name != "" {
				parts[name] = text[start:at]
			}
			whole := strings.HasSuffix(section, "\n")
			name = strings.TrimRight(section, "\r\n")
			if name == "end" && whole {
				return parts, true
			}
			start = at + len(line)
		}
		at += len(line)
	}
	if name != "" {
		parts[name] = text[start:]
	}
	return parts, false
}

// lines are the lines of a section that are not empty.
func lines(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for line := range strings.Lines(text) {
			if line = strings.TrimRight(line, "\r\n"); line != "" && !yield(line) {
				return
			}
		}
	}
}

// head is the first line that is not empty.
func head(text string) string {
	for line := range lines(text) {
		return line
	}
	return ""
}
