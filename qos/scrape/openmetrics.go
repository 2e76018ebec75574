package scrape

import (
	"bytes"
	"errors"
	"strings"
)

// errEnd is an exposition in OpenMetrics that was cut off.
var errEnd = errors.New("it does not end with # EOF")

// textTypes are the types of OpenMetrics as the text format has them.
var textTypes = map[string]string{
	"counter": "counter", "gauge": "gauge", "histogram": "histogram", "summary": "summary",
	"unknown": "untyped", "info": "gauge", "stateset": "gauge", "gaugehistogram": "untyped",
}

// toText makes the text format of OpenMetrics, in one pass: types and help get
// the names that the series have, and exemplars, timestamps, units and the
// times of creation are left out.
func toText(body []byte) ([]byte, error) {
	body = bytes.TrimSuffix(body, []byte("\n"))
	if !bytes.Equal(body, []byte("# EOF")) && !bytes.HasSuffix(body, []byte("\n# EOF")) {
		return nil, errEnd
	}
	types := map[string]string{}
	for line := range bytes.Lines(body) {
		if f := strings.Fields(string(line)); len(f) == 4 && f[0] == "#" && f[1] == "TYPE" {
			types[f[2]] = f[3]
		}
	}
	var out bytes.Buffer
	for line := range bytes.Lines(body) {
		text := strings.TrimSuffix(string(line), "\n")
		if strings.HasPrefix(text, "#") {
			describe(&out, text, types)
			continue
		}
		if sample := bare(text); !created(sample, types) {
			out.WriteString(sample + "\n")
		}
	}
	return out.Bytes(), nil
}

func describe(out *bytes.Buffer, line string, types map[string]string) {
	f := strings.SplitN(line, " ", 4)
	if len(f) < 4 || f[1] != "TYPE" && f[1] != "HELP" {
		return
	}
	name, rest := f[2], f[3]
	switch types[name] {
	case "counter":
		name += "_total"
	case "info":
		name += "_info"
	case "gaugehistogram":
		return // its series have no type that the text format has
	}
	if f[1] == "TYPE" {
		rest = textTypes[rest]
	} else {
		// In the text format a quote needs no escape.
		rest = strings.ReplaceAll(rest, `\"`, `"`)
	}
	if rest != "" {
		out.WriteString("# " + f[1] + " " + name + " " + rest + "\n")
	}
}

// bare is a sample without timestamp and exemplar.
func bare(line string) string {
	end := strings.IndexAny(line, "{ ")
	if end < 0 {
		return line
	}
	if line[end] == '{' {
		quoted := false
	labels:
		for end++; end < len(line); end++ {
			switch c := line[end]; {
			case quoted && c == '\\':
				end++
			case c == '"':
				quoted = !quoted
			case c == '}' && !quoted:
				end++
				break labels
			}
		}
	}
	end = min(end, len(line))
	value, _, _ := strings.Cut(strings.TrimLeft(line[end:], " "), " ")
	return line[:end] + " " + value
}

// created tells the time at which a counter, histogram or summary began, which
// the text format has no place for.
func created(sample string, types map[string]string) bool {
	name, _, _ := strings.Cut(sample, " ")
	name, _, _ = strings.Cut(name, "{")
	family, ok := strings.CutSuffix(name, "_created")
	if !ok {
		return false
	}
	switch types[family] {
	case "counter", "histogram", "summary":
		return true
	}
	return false
}
