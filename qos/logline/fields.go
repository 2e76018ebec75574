// Package logline reads log lines: the fields of JSON and logfmt, the level and
// the time that a line tells, and the records of docker's and Kubernetes' log
// files. Everything here is bounded by the line's own length.
package logline

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Fields are the fields of a structured line. Those of objects in JSON are
// found by a path such as request.method.
type Fields struct {
	json   map[string]any
	logfmt map[string]string
}

// Get returns a field as text: numbers as they were written, true, false, and
// "" for null. Lists and objects are no text.
func (f Fields) Get(name string) (string, bool) {
	if f.logfmt != nil {
		v, ok := f.logfmt[name]
		return v, ok
	}
	return lookup(f.json, name)
}

func lookup(m map[string]any, name string) (string, bool) {
	if v, ok := m[name]; ok { // also a name with dots in it
		return text(v)
	}
	first, rest, nested := strings.Cut(name, ".")
	if inner, ok := m[first].(map[string]any); nested && ok {
		return lookup(inner, rest)
	}
	return "", false
}

func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return strconv.FormatBool(v), true
	case nil:
		return "", true
	default:
		return "", false
	}
}

// JSON reads a line that is one JSON object.
func JSON(line string) (Fields, bool) {
	line = strings.TrimSpace(line)
	if len(line) < 2 || line[0] != '{' || line[len(line)-1] != '}' {
		return Fields{}, false
	}
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber() // as it was written: no rounding of large IDs
	var m map[string]any
	if err := d.Decode(&m); err != nil || d.More() {
		return Fields{}, false
	}
	return Fields{json: m}, true
}

// Logfmt reads a line of key=value pairs; values with spaces stand in double
// quotes. Words without an equals sign are passed over; a line without any
// pair is no logfmt. Of a key that is there twice the last counts.
func Logfmt(line string) (Fields, bool) {
	m := map[string]string{}
	for len(line) > 0 {
		line = strings.TrimLeft(line, " \t")
		end := strings.IndexAny(line, "= \t")
		if end < 0 {
			break
		}
		key := line[:end]
		if line[end] != '=' {
			line = line[end:]
			continue
		}
		line = line[end+1:]
		value := line
		if quoted, err := strconv.QuotedPrefix(line); err == nil && line[0] == '"' {
			line = line[len(quoted):]
			value, _ = strconv.Unquote(quoted)
		} else if end := strings.IndexAny(line, " \t"); end >= 0 {
			value, line = line[:end], line[end:]
		} else {
			line = ""
		}
		if key != "" {
			m[key] = value
		}
	}
	return Fields{logfmt: m}, len(m) > 0
}
