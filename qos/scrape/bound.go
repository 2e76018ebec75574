package scrape

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
)

// The reasons of Result.Dropped.
const (
	DroppedLimit    = "limit"    // there are more than Options.Limit
	DroppedName     = "name"     // a name that not every Prometheus takes, or a long one
	DroppedLabels   = "labels"   // too many labels, or a name or value that is too long
	DroppedReserved = "reserved" // a name that others tell
	DroppedTwice    = "twice"    // the same series again
)

// bound takes what is allowed and in the bounds. What is beyond the limit is
// the same each time, as long as the service tells the same series.
func bound(families map[string]*dto.MetricFamily, o Options) Result {
	out := Result{Dropped: map[string]int{}}
	for _, name := range slices.Sorted(maps.Keys(families)) {
		f := families[name]
		if !allowed(o.Allow, name) {
			continue
		}
		reason := ""
		switch {
		case len(name) > maxName || !model.LegacyValidation.IsValidMetricName(name):
			reason = DroppedName
		case o.Reserved != nil && o.Reserved(name):
			reason = DroppedReserved
		}
		var kept []*dto.Metric
		seen := map[string]bool{}
		slices.SortStableFunc(f.Metric, func(a, b *dto.Metric) int { return cmp.Compare(labelKey(a), labelKey(b)) })
		for _, m := range f.Metric {
			n, why, key := seriesOf(f.GetType(), m), cmp.Or(reason, unfit(m)), labelKey(m)
			switch {
			case why != "":
			case seen[key]:
				why = DroppedTwice
			case out.Series+n > o.Limit:
				why = DroppedLimit
			}
			if why != "" {
				out.Dropped[why] += n
				continue
			}
			seen[key] = true
			out.Series += n
			m.TimestampMs = nil // when it was read is told apart from it
			kept = append(kept, m)
		}
		if len(kept) > 0 {
			help := cut(strings.ToValidUTF8(f.GetHelp(), "\ufffd"), maxHelp)
			out.Families = append(out.Families, &dto.MetricFamily{Name: f.Name, Help: &help, Type: f.Type, Metric: kept})
		}
	}
	return out
}

func unfit(m *dto.Metric) string {
	if len(m.Label) > maxLabels {
		return DroppedLabels
	}
	for _, l := range m.Label {
		name := l.GetName()
		if len(name) > maxLabelName || len(l.GetValue()) > maxLabelValue {
			return DroppedLabels
		}
		// Those that begin with __ are Prometheus's own.
		if !model.LegacyValidation.IsValidLabelName(name) || strings.HasPrefix(name, "__") {
			return DroppedName
		}
	}
	return ""
}

// seriesOf is how many series Prometheus makes of a metric.
func seriesOf(kind dto.MetricType, m *dto.Metric) int {
	switch kind {
	case dto.MetricType_HISTOGRAM, dto.MetricType_GAUGE_HISTOGRAM:
		return len(m.GetHistogram().GetBucket()) + 2
	case dto.MetricType_SUMMARY:
		return len(m.GetSummary().GetQuantile()) + 2
	}
	return 1
}

func labelKey(m *dto.Metric) string {
	parts := make([]string, len(m.Label))
	for i, l := range m.Label {
		parts[i] = l.GetName() + "\xff" + l.GetValue()
	}
	slices.Sort(parts)
	return strings.Join(parts, "\xfe")
}

func allowed(patterns []string, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) })
}

// matches tells whether a name is what a pattern says, in which * stands for
// any text. It takes no more steps than the two have characters, multiplied.
func matches(pattern, name string) bool {
	p, n := 0, 0
	star, mark := -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, n
			p++
		case p < len(pattern) && pattern[p] == name[n]:
			p++
			n++
		case star >= 0:
			mark++
			p, n = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}
