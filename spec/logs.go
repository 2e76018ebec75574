package spec

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"skysail/internal/hclfile"
	"skysail/internal/lazyregexp"
)

// Logs says which log lines of a service are kept, and what is counted in
// them. Its journal is read without it.
type Logs struct {
	// Files are log files of the instance, beside the service's journal.
	Files     []LogFile    `json:"files,omitempty"`
	Rules     []LogRule    `json:"rules,omitempty"`
	Retention LogRetention `json:"retention"`
}

// LogFile is a log file; its rotated files are beside it and have its name with
// more behind it: .1, .1.gz, -20260102.
type LogFile struct {
	Path   string `json:"path"`             // absolute and clean
	Format string `json:"format,omitempty"` // text, docker or cri; empty is text
}

// LogRetention bounds what is kept of a deployment's lines; 0 is the default.
type LogRetention struct {
	SizeMB int `json:"size_mb,omitempty"` // MiB on disk, compressed; 64
	Days   int `json:"days,omitempty"`    // 7
}

// The bounds of LogRetention where it does not say.
const (
	DefaultLogMB   = 64
	DefaultLogDays = 7
)

// LogRule makes a metric of the lines that it matches. All that it says of a
// line must hold.
type LogRule struct {
	// Name is the metric's, after log_: a rule errors counts in
	// log_errors_total.
	Name string `json:"name"`
	// Match is a text that the line holds.
	Match string `json:"match,omitempty"`
	// Regex is matched anywhere in the line (RE2); its named groups are fields.
	Regex string `json:"regex,omitempty"`
	// JSON and Logfmt, where they are not nil, want a line of that format with
	// these values in its fields, and make fields of all of them.
	JSON   map[string]string `json:"json"`
	Logfmt map[string]string `json:"logfmt"`
	// Metric is counter, gauge or histogram; empty is counter.
	Metric string `json:"metric,omitempty"`
	// Labels are from names of labels to fields.
	Labels map[string]string `json:"labels,omitempty"`
	// Value is the field with the number; a counter without one counts lines.
	Value string `json:"value,omitempty"`
	// Buckets are a histogram's upper bounds, ascending; none are those that
	// Prometheus's clients have.
	Buckets []float64 `json:"buckets,omitempty"`
	// MaxSeries bounds the label combinations of one instance; 0 is 100.
	MaxSeries int `json:"max_series,omitempty"`
}

// The kinds of metric that a rule makes.
const (
	LogCounter   = "counter"
	LogGauge     = "gauge"
	LogHistogram = "histogram"
)

const (
	// DefaultLogSeries is MaxSeries where it is not said.
	DefaultLogSeries = 100

	maxLogFiles   = 8
	maxLogRules   = 50
	maxLogSeries  = 2000
	maxLogLabels  = 10
	maxLogRegex   = 1000
	maxLogBuckets = 50
	maxLogMB      = 100_000
	maxLogDays    = 3650
)

var (
	logPath    = lazyregexp.New(`^/[A-Za-z0-9._/@+-]*[A-Za-z0-9_@+-]$`)
	metricName = lazyregexp.New(`^[a-z][a-z0-9_]{0,62}$`)
	labelName  = lazyregexp.New(`^[a-zA-Z][a-zA-Z0-9_]{0,62}$`)
	logFormats = []string{"text", "docker", "cri"}
	logMetrics = []string{LogCounter, LogGauge, LogHistogram}
	// ownLabels are what Prometheus and the exporter set themselves.
	ownLabels = []string{"deployment", "instance", "job", "le", "provider", "quantile", "region", "sandbox", "source"}
)

func (l *Logs) mistakes() []mistake {
	if l == nil {
		return nil
	}
	var out []mistake
	paths := map[string]bool{}
	for i, f := range l.Files {
		out = append(out, f.mistakes(fmt.Sprintf("logs.files[%d]", i), paths[f.Path])...)
		paths[f.Path] = true
	}
	if len(l.Files) > maxLogFiles {
		out = append(out, mistake{Path: fmt.Sprintf("logs.files[%d]", maxLogFiles), Summary: "Too many log files", Detail: fmt.Sprintf("At most %d are read.", maxLogFiles)})
	}
	names := map[string]bool{}
	for i := range l.Rules {
		out = append(out, l.Rules[i].mistakes(fmt.Sprintf("logs.rules[%d]", i), names[l.Rules[i].Name])...)
		names[l.Rules[i].Name] = true
	}
	if len(l.Rules) > maxLogRules {
		out = append(out, mistake{Path: fmt.Sprintf("logs.rules[%d]", maxLogRules), Summary: "Too many log rules", Detail: fmt.Sprintf("There are at most %d.", maxLogRules)})
	}
	out = append(out, within("logs.retention.size_mb", "size_mb", l.Retention.SizeMB, maxLogMB)...)
	return append(out, within("logs.retention.days", "days", l.Retention.Days, maxLogDays)...)
}

func within(at, name string, n, most int) []mistake {
	if n >= 0 && n <= most {
		return nil
	}
	return []mistake{{Path: at, Summary: "Invalid " + name, Detail: fmt.Sprintf("%s is between 1 and %d.", name, most), Hint: "leave it out for the default"}}
}

func (f LogFile) mistakes(at string, twice bool) []mistake {
	var out []mistake
	switch {
	case !logPath.MatchString(f.Path) || path.Clean(f.Path) != f.Path || len(f.Path) > 255:
		out = append(out, mistake{
			Path: at + "#label", Summary: "Invalid path of a log file", Value: f.Path,
			Detail: "{value} is no path that can be followed: it is absolute, written in the shortest way, and has letters, digits and . _ / @ + - only.",
			Hint:   `for example "/var/log/echo/access.log"`,
		})
	case strings.HasSuffix(f.Path, ".gz"):
		out = append(out, mistake{
			Path: at + "#label", Summary: "Invalid path of a log file", Value: f.Path,
			Detail: "{value} is a compressed file.", Hint: "name the file that is written; its rotated and compressed files are found beside it",
		})
	case twice:
		out = append(out, mistake{Path: at + "#label", Summary: "Duplicate log file", Detail: "{value} is followed already.", Value: f.Path, Hint: "keep one of the two"})
	}
	if f.Format != "" && !slices.Contains(logFormats, f.Format) {
		out = append(out, mistake{
			Path: at + ".format", Summary: "Unknown log format", Detail: "{value} is no format of a log file.", Value: f.Format,
			Hint: hclfile.DidYouMean(f.Format, logFormats) + "; JSON and logfmt lines are text, rules read them",
		})
	}
	return out
}

func decodeLogs(service *hclfile.Body) *Logs {
	block := service.Child("logs")
	if block == nil {
		return nil
	}
	l := &Logs{}
	for _, b := range block.Children("file") {
		f := LogFile{Path: b.Label}
		b.String("format", &f.Format)
		l.Files = append(l.Files, f)
	}
	for _, b := range block.Children("rule") {
		l.Rules = append(l.Rules, decodeLogRule(b))
	}
	if r := block.Child("retention"); r != nil {
		for name, into := range map[string]*int{"size_mb": &l.Retention.SizeMB, "days": &l.Retention.Days} {
			r.Int(name, into)
			if r.Has(name) && *into == 0 {
				*into = -1 // not the default that leaving it out means
			}
		}
	}
	return l
}
