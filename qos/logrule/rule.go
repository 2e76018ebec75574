// Package logrule makes metrics of log lines by the rules of a service file.
// What it holds is bounded: each rule has so many series and no more, and what
// went over is counted.
package logrule

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"skysail/qos/logline"
	"skysail/spec"
)

// prefix keeps the names of rules apart from those that skysail, node_exporter
// and blackbox_exporter have.
const prefix = "log_"

// maxLabel bounds the bytes of a label's value.
const maxLabel = 128

// defaultBuckets are client_golang's DefBuckets:
// https://pkg.go.dev/github.com/prometheus/client_golang/prometheus#pkg-variables
var defaultBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// Set are the rules of one service, ready to be used side by side.
type Set struct {
	rules  []*rule
	byName map[string]*rule // by the metric's name
}

type rule struct {
	spec.LogRule
	re      *regexp.Regexp
	metric  string
	bounds  []float64
	labels  []string // sorted
	id      string   // changes where old totals mean nothing any more
	maximum int
}

// Compile makes a set of rules, which spec has checked.
func Compile(rules []spec.LogRule) (*Set, error) {
	s := &Set{byName: map[string]*rule{}}
	for _, r := range rules {
		c := &rule{LogRule: r, metric: prefix + r.Name, maximum: r.MaxSeries, labels: slices.Sorted(maps.Keys(r.Labels)), id: r.Name}
		if c.maximum == 0 {
			c.maximum = spec.DefaultLogSeries
		}
		if r.Regex != "" {
			re, err := regexp.Compile(r.Regex)
			if err != nil {
				return nil, fmt.Errorf("log rule %s: %w", r.Name, err)
			}
			c.re = re
		}
		switch r.Kind() {
		case spec.LogCounter:
			if !strings.HasSuffix(c.metric, "_total") {
				c.metric += "_total" // as OpenMetrics wants counters
			}
		case spec.LogHistogram:
			if c.bounds = r.Buckets; len(c.bounds) == 0 {
				c.bounds = defaultBuckets
			}
			c.id += fmt.Sprint(c.bounds)
		}
		s.rules = append(s.rules, c)
		s.byName[c.metric] = c
	}
	return s, nil
}

// parsed is a line with what was found in it so far.
type parsed struct {
	text          string
	json, logfmt  logline.Fields
	isJSON, isFmt bool
	triedJSON     bool
	triedFmt      bool
}

func (p *parsed) asJSON() (logline.Fields, bool) {
	if !p.triedJSON {
		p.json, p.isJSON = logline.JSON(p.text)
		p.triedJSON = true
	}
	return p.json, p.isJSON
}

func (p *parsed) asLogfmt() (logline.Fields, bool) {
	if !p.triedFmt {
		p.logfmt, p.isFmt = logline.Logfmt(p.text)
		p.triedFmt = true
	}
	return p.logfmt, p.isFmt
}

// fields returns what a rule finds in a line, and whether it is for the line.
func (r *rule) fields(p *parsed) (get func(string) (string, bool), ok bool) {
	if !strings.Contains(p.text, r.Match) {
		return nil, false
	}
	var groups []string
	if r.re != nil {
		if groups = r.re.FindStringSubmatch(p.text); groups == nil {
			return nil, false
		}
	}
	var structured logline.Fields
	want := r.JSON
	switch {
	case r.JSON != nil:
		structured, ok = p.asJSON()
	case r.Logfmt != nil:
		want = r.Logfmt
		structured, ok = p.asLogfmt()
	default:
		ok = true
	}
	if !ok {
		return nil, false
	}
	for name, value := range want {
		if got, has := structured.Get(name); !has || got != value {
			return nil, false
		}
	}
	return func(name string) (string, bool) {
		if r.re != nil {
			if i := r.re.SubexpIndex(name); i > 0 {
				return groups[i], groups[i] != ""
			}
		}
		if want == nil {
			return "", false
		}
		return structured.Get(name)
	}, true
}

// number reads a value as programs write it; "1.5s" and the like are none.
func number(s string) (float64, bool) {
	v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return v, err == nil && v-v == 0 // neither NaN nor infinite
}

func labelValue(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	for len(s) > maxLabel {
		s = s[:maxLabel]
		s = strings.ToValidUTF8(s, "") // not within a character
	}
	return s
}
