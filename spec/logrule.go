package spec

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"skysail/internal/hclfile"
)

func decodeLogRule(b *hclfile.Body) LogRule {
	r := LogRule{Name: b.Label}
	b.String("match", &r.Match)
	b.String("regex", &r.Regex)
	for name, into := range map[string]*map[string]string{"json": &r.JSON, "logfmt": &r.Logfmt} {
		b.Map(name, into)
		if b.Has(name) && *into == nil {
			*into = map[string]string{}
		}
	}
	b.String("metric", &r.Metric)
	b.Map("labels", &r.Labels)
	b.String("value", &r.Value)
	b.Int("max_series", &r.MaxSeries)
	if b.Has("max_series") && r.MaxSeries == 0 {
		r.MaxSeries = -1 // not the default that leaving it out means
	}
	var buckets []string
	b.Strings("buckets", &buckets)
	for i, s := range buckets {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil && s != "" { // an empty one was reported already
			b.Report(mistake{Path: fmt.Sprintf("buckets[%d]", i), Summary: "Invalid bucket", Detail: "{value} is no number.", Value: s})
			b.Broken("buckets")
		}
		r.Buckets = append(r.Buckets, v)
	}
	return r
}

// Kind is Metric, or what it is where it is not said.
func (r *LogRule) Kind() string {
	if r.Metric == "" {
		return LogCounter
	}
	return r.Metric
}

func (r *LogRule) mistakes(at string, twice bool) []mistake {
	var out []mistake
	add := func(field, summary, detail string, value any, hint string) {
		out = append(out, mistake{Path: at + field, Summary: summary, Detail: detail, Value: value, Hint: hint})
	}
	switch {
	case !metricName.MatchString(r.Name):
		add("#label", "Invalid name of a log rule",
			"{value} is no name of a metric: it begins with a lower-case letter and has lower-case letters, digits and _, at most 63.", r.Name, `for example "errors"`)
	case twice:
		add("#label", "Duplicate log rule", "There is a rule {value} already.", r.Name, "give this one another name")
	}
	if r.Match == "" && r.Regex == "" && r.JSON == nil && r.Logfmt == nil {
		add("", "Log rule without a condition", "A rule says which lines it is for.", nil,
			`write match = "TEXT", regex = "EXPRESSION", json = { level = "error" } or logfmt = { … }`)
	}
	if r.JSON != nil && r.Logfmt != nil {
		add(".logfmt", "Two formats in one rule", "A line is JSON or logfmt, not both.", nil, "make two rules of it")
	}
	groups := r.regexMistakes(add)
	if !slices.Contains(logMetrics, r.Kind()) {
		add(".metric", "Unknown kind of metric", "{value} is no kind of metric.", r.Metric, hclfile.DidYouMean(r.Metric, logMetrics))
	}
	structured := r.JSON != nil || r.Logfmt != nil
	known := func(field string) bool { return structured || slices.Contains(groups, field) }
	if r.Value == "" && (r.Kind() == LogGauge || r.Kind() == LogHistogram) {
		add(".value", "Missing value", fmt.Sprintf("A %s needs the field that has its number.", r.Kind()), nil, `for example value = "duration"`)
	}
	if r.Value != "" && !known(r.Value) {
		add(".value", "Unknown field", "{value} is no field: the rule reads no format, and no group of its regex has that name.", r.Value,
			"name the group: (?P<"+fieldName(r.Value)+">[0-9.]+)")
	}
	for _, name := range slices.Sorted(maps.Keys(r.Labels)) {
		switch {
		case !labelName.MatchString(name):
			add(".labels["+name+"]#name", "Invalid label", "{value} is no name of a label: it begins with a letter and has letters, digits and _, at most 63.", name, "")
		case slices.Contains(ownLabels, name):
			add(".labels["+name+"]#name", "Reserved label", "The label {value} is set by skysail or Prometheus.", name, "give it another name")
		}
		if field := r.Labels[name]; !known(field) {
			add(".labels["+name+"]", "Unknown field", "{value} is no field: the rule reads no format, and no group of its regex has that name.", field,
				"name the group: (?P<"+fieldName(field)+">…)")
		}
	}
	if len(r.Labels) > maxLogLabels {
		add(".labels", "Too many labels", fmt.Sprintf("A rule has at most %d labels.", maxLogLabels), nil, "")
	}
	if r.MaxSeries < 0 || r.MaxSeries > maxLogSeries {
		add(".max_series", "Invalid max_series", fmt.Sprintf("max_series is between 1 and %d.", maxLogSeries), nil, "")
	}
	r.bucketMistakes(add)
	return out
}

type addMistake func(field, summary, detail string, value any, hint string)

// regexMistakes returns the names of the groups.
func (r *LogRule) regexMistakes(add addMistake) []string {
	if len(r.Regex) > maxLogRegex {
		add(".regex", "Regular expression too long", fmt.Sprintf("It has at most %d characters.", maxLogRegex), nil, "")
		return nil
	}
	re, err := regexp.Compile(r.Regex)
	if err != nil {
		add(".regex", "Invalid regular expression", "It is not one of RE2: "+err.Error()+".", nil,
			"the syntax is at https://github.com/google/re2/wiki/Syntax; there are no look-arounds and back-references")
		return nil
	}
	return re.SubexpNames()[1:]
}

func (r *LogRule) bucketMistakes(add addMistake) {
	if len(r.Buckets) > 0 && r.Kind() != LogHistogram {
		add(".buckets", "Buckets without a histogram", "Only a histogram has buckets.", nil, `write metric = "histogram"`)
	}
	if len(r.Buckets) > maxLogBuckets {
		add(".buckets", "Too many buckets", fmt.Sprintf("A histogram has at most %d.", maxLogBuckets), nil, "")
	}
	for i := 1; i < len(r.Buckets); i++ {
		if !(r.Buckets[i] > r.Buckets[i-1]) {
			add(fmt.Sprintf(".buckets[%d]", i), "Buckets out of order", "{value} is not more than the one before.", r.Buckets[i], "write the upper bounds in ascending order")
		}
	}
}

// fieldName is a field as a group of a regular expression can be named.
func fieldName(s string) string {
	if labelName.MatchString(s) {
		return s
	}
	return "NAME"
}
