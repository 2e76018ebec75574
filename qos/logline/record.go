package logline

import (
	"encoding/json"
	"strings"
	"time"
)

// The formats of log files.
const (
	Text   = "text"   // a line is a line
	Docker = "docker" // docker's json-file: {"log":"…\n","stream":"stdout","time":"…"}
	CRI    = "cri"    // Kubernetes and podman's k8s-file: TIME STREAM P|F TEXT
)

// Record is what one line of a file says.
type Record struct {
	Time    time.Time // zero where the line does not tell
	Message string
	// Part is set for a piece of a line that goes on in the next record of the
	// same stream.
	Part   bool
	Stream string // stdout or stderr, where it is told
}

// ParseRecord reads a line of a log file in a format. What does not look like
// it is a message as it stands.
func ParseRecord(format, line string) Record {
	switch format {
	case Docker:
		// https://docs.docker.com/engine/logging/drivers/json-file/
		var r struct {
			Log    string    `json:"log"`
			Stream string    `json:"stream"`
			Time   time.Time `json:"time"`
		}
		if json.Unmarshal([]byte(line), &r) == nil && !r.Time.IsZero() {
			message, whole := strings.CutSuffix(r.Log, "\n")
			return Record{Time: r.Time, Message: message, Part: !whole, Stream: known(r.Stream)}
		}
	case CRI:
		// https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
		stamp, rest, _ := strings.Cut(line, " ")
		stream, rest, _ := strings.Cut(rest, " ")
		tags, message, ok := strings.Cut(rest, " ")
		tag, _, _ := strings.Cut(tags, ":")
		at, err := time.Parse(time.RFC3339Nano, stamp)
		if (ok || rest == tags) && err == nil && (tag == "F" || tag == "P") {
			return Record{Time: at, Message: message, Part: tag == "P", Stream: known(stream)}
		}
	}
	return Record{Time: Time(line), Message: line}
}

// known keeps the number of streams at two.
func known(stream string) string {
	if stream == "stderr" {
		return stream
	}
	return "stdout"
}

// timeFields are where structured lines have their time.
var timeFields = []string{"time", "ts", "timestamp", "@timestamp"}

// Time returns the time that a line tells: a field of JSON or logfmt, or what
// it begins with, in the format of RFC 3339 or with a space in place of the T.
// Times without a zone are taken as UTC. It is zero where there is none.
func Time(line string) time.Time {
	if len(line) > 16<<10 {
		line = line[:16<<10]
	}
	if strings.HasPrefix(line, "{") {
		if f, ok := JSON(line); ok {
			return fieldTime(f)
		}
	}
	if t := leading(line); !t.IsZero() {
		return t
	}
	if strings.Contains(line, "time") || strings.Contains(line, "ts=") {
		if f, ok := Logfmt(line); ok {
			return fieldTime(f)
		}
	}
	return time.Time{}
}

func fieldTime(f Fields) time.Time {
	for _, name := range timeFields {
		if v, ok := f.Get(name); ok {
			if t := leading(v); !t.IsZero() {
				return t
			}
		}
	}
	return time.Time{}
}

var layouts = []string{
	time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999 Z07:00",
	"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999",
}

// leading reads a time at the beginning of a text.
func leading(s string) time.Time {
	s = strings.TrimLeft(s, "[")
	if len(s) < 19 || s[4] != '-' || s[7] != '-' || s[13] != ':' || s[16] != ':' {
		return time.Time{}
	}
	end := 19
	for end < len(s) && end < 40 && strings.IndexByte("0123456789.,:+-Z", s[end]) >= 0 {
		end++
	}
	stamp := strings.TrimRight(strings.Replace(s[:end], ",", ".", 1), ":-.")
	for _, l := range layouts {
		if t, err := time.Parse(l, stamp); err == nil {
			return t
		}
	}
	return time.Time{}
}
