package policies

import (
	"fmt"
	"strconv"
	"time"

	durations "skysail/internal/duration"
	"skysail/internal/hclfile"
)

const maxDuration = 3650 * durations.Day

// ParseDuration reads a duration as a policy file has it: "720h", "30d",
// "1d12h".
func ParseDuration(s string) (time.Duration, error) {
	d, err := durations.Parse(s)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration: write a number and its unit, such as 90m, 720h, 30d or 1d12h", s)
	}
	return d, nil
}

// duration decodes a duration and checks its bounds.
func duration(b *hclfile.Body, name string, into *time.Duration) {
	text := ""
	b.String(name, &text)
	if text == "" {
		if b.Has(name) {
			b.Report(durationMistake(name, text))
		}
		return
	}
	d, err := durations.Parse(text)
	if err != nil {
		b.Report(durationMistake(name, text))
		b.Broken(name)
		return
	}
	// A policy built by a program may say 0 for none; a file leaves it out.
	if d == 0 {
		b.Report(hclfile.Mistake{
			Path: name, Summary: "Invalid duration", Detail: "A duration must be more than 0.", Hint: "leave it out for the default",
		})
		b.Broken(name)
		return
	}
	*into = d
}

func durationMistake(name, text string) hclfile.Mistake {
	m := hclfile.Mistake{
		Path:    name,
		Summary: "Invalid duration",
		Detail:  "{value} is no duration.",
		Value:   text,
		Hint:    `write a number and its unit: "90s", "15m", "24h", "7d", or "1d12h"`,
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		m.Detail = "{value} has no unit."
	}
	return m
}

// bounds checks a duration that must be more than 0; optional ones may be 0,
// which is how a policy says that there is none.
func bounds(path string, d time.Duration, optional bool) []hclfile.Mistake {
	m := hclfile.Mistake{Path: path, Summary: "Invalid duration", Value: d}
	switch {
	case d == 0 && optional:
		return nil
	case d <= 0:
		m.Detail = "A duration must be more than 0, and this is {value}."
	case d < time.Second:
		m.Detail = "A duration is at least one second, and this is {value}."
		m.Hint = `write a number and its unit: "90s", "15m", "24h" or "7d"`
	case d > maxDuration:
		m.Detail = "A duration is at most ten years (3650d)."
	default:
		return nil
	}
	return []hclfile.Mistake{m}
}
