package spec

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"skysail/internal/duration"
	"skysail/internal/hclfile"
)

// Objective is a service level objective: of the health checks that were made
// within Window, the share Target is good.
type Objective struct {
	Name string `json:"name"` // ObjectiveAvailability or ObjectiveLatency
	// Target is a share, more than 0 and less than 1.
	Target float64       `json:"target"`
	Window time.Duration `json:"window"`
	// Threshold is the time that a good answer takes at most; for latency.
	Threshold time.Duration `json:"threshold,omitempty"`
}

// The objectives that a service can have, each once.
const (
	// ObjectiveAvailability: a check is good that passes.
	ObjectiveAvailability = "availability"
	// ObjectiveLatency: of those that pass, one is good that took at most the
	// threshold.
	ObjectiveLatency = "latency"
)

const (
	minObjectiveWindow = time.Hour
	maxObjectiveWindow = 365 * duration.Day
)

var (
	objectiveSchema = &hclfile.Schema{What: "an objective block", Attributes: []string{"target", "window", "threshold"}}
	objectiveNames  = []string{ObjectiveAvailability, ObjectiveLatency}
)

func decodeObjectives(service *hclfile.Body) []Objective {
	var out []Objective
	for _, b := range service.Children("objective") {
		o := Objective{Name: b.Label}
		b.Number("target", &o.Target)
		b.Require("target", "the share of good checks, for example target = 0.999")
		objectiveTime(b, "window", &o.Window)
		b.Require("window", `the time over which it is reckoned, for example window = "30d"`)
		objectiveTime(b, "threshold", &o.Threshold)
		if o.Name == ObjectiveLatency {
			b.Require("threshold", `the time that a good answer takes at most, for example threshold = "300ms"`)
		}
		out = append(out, o)
	}
	return out
}

func objectiveTime(b *hclfile.Body, name string, into *time.Duration) {
	text := ""
	b.String(name, &text)
	if !b.Has(name) {
		return
	}
	d, err := duration.Parse(text)
	if err == nil && d != 0 {
		*into = d
		return
	}
	m := hclfile.Mistake{
		Path: name, Summary: "Invalid " + name, Detail: "{value} is no time.", Value: text,
		Hint: `write a number and its unit: "300ms", "6h" or "30d"`,
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		m.Detail = "{value} has no unit."
	}
	if err == nil {
		m.Detail = "{value} is no time at all."
	}
	b.Report(m)
	b.Broken(name)
}

func (s *Service) objectiveMistakes() []mistake {
	var out []mistake
	seen := map[string]bool{}
	for i, o := range s.Objectives {
		at := fmt.Sprintf("objectives[%d]", i)
		switch {
		case !slices.Contains(objectiveNames, o.Name):
			out = append(out, mistake{
				Path: at + "#label", Summary: "Unknown objective", Detail: "{value} is no objective that can be measured.", Value: o.Name,
				Hint: hclfile.DidYouMean(o.Name, objectiveNames),
			})
		case seen[o.Name]:
			out = append(out, mistake{
				Path: at + "#label", Summary: "Duplicate objective", Detail: "There is an objective {value} already.", Value: o.Name, Hint: "keep one of the two",
			})
		}
		seen[o.Name] = true
		out = append(out, o.mistakes(at)...)
	}
	if len(s.Objectives) > 0 && s.Health == nil {
		out = append(out, mistake{
			Path: "objectives[0]", Summary: "Objective without a health check", Detail: "An objective counts health checks, and the service has none.",
			Hint: "add a health block",
		})
	}
	return out
}

func (o Objective) mistakes(at string) []mistake {
	var out []mistake
	if !(o.Target > 0 && o.Target < 1) {
		m := mistake{
			Path: at + ".target", Summary: "Invalid target", Detail: "A target is a share between 0 and 1, without them, and this is {value}.", Value: o.Target,
			Hint: "for 99.9 % write target = 0.999",
		}
		if o.Target == 1 {
			m.Detail = "A target of 1 leaves no room for any error: each bad check would break it."
		}
		out = append(out, m)
	}
	if o.Window < minObjectiveWindow || o.Window > maxObjectiveWindow {
		out = append(out, mistake{
			Path: at + ".window", Summary: "Invalid window", Detail: "A window is between one hour and 365 days, and this is {value}.", Value: duration.Text(o.Window),
			Hint: `for example window = "30d"`,
		})
	}
	switch {
	case o.Name == ObjectiveAvailability && o.Threshold != 0:
		out = append(out, mistake{
			Path: at + ".threshold", Summary: "Threshold without latency", Detail: "Availability counts which checks pass, however long they take.",
			Hint: `leave it out, or add objective "latency"`,
		})
	case o.Name == ObjectiveLatency && (o.Threshold < time.Millisecond || o.Threshold > maxTimeout):
		out = append(out, mistake{
			Path: at + ".threshold", Summary: "Invalid threshold", Detail: "A threshold is between 1ms and 1m, and this is {value}.", Value: o.Threshold,
			Hint: `for example threshold = "300ms"`,
		})
	}
	return out
}
