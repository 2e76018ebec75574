package qos

import (
	"encoding/json"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// Report says how one source of one target did.
type Report struct {
	Target
	Source string
	// Err is why there is no data; nil when there is.
	Err      error
	Duration time.Duration
	// ObservedAt is when the source was read, zero when it was not.
	ObservedAt time.Time
	// Kept is set when an earlier collection took the reading in already: its
	// samples are stored.
	Kept  bool
	Notes []string
	// Families are the service's own metrics, whole; see Reading.
	Families []*dto.MetricFamily
}

// MarshalJSON gives what is worth telling; the target's keys and addresses are
// not part of it.
func (r Report) MarshalJSON() ([]byte, error) {
	out := struct {
		Deployment string   `json:"deployment"`
		Instance   string   `json:"instance"`
		Source     string   `json:"source"`
		Up         bool     `json:"up"`
		Error      string   `json:"error,omitempty"`
		Kept       bool     `json:"kept,omitempty"`
		Seconds    float64  `json:"duration_seconds"`
		Notes      []string `json:"notes,omitempty"`
	}{
		Deployment: r.Deployment, Instance: r.Instance, Source: r.Source,
		Up: r.Err == nil, Kept: r.Kept, Seconds: r.Duration.Seconds(), Notes: r.Notes,
	}
	if r.Err != nil {
		out.Error = r.Err.Error()
	}
	return json.Marshal(out)
}

// Result is one collection.
type Result struct {
	Samples []Sample
	Reports []Report
}

// ByReport groups the samples: what it returns finds those of a report.
func (r Result) ByReport() func(*Report) []Sample {
	type key struct{ deployment, instance, source string }
	by := make(map[key][]Sample, len(r.Reports))
	for _, s := range r.Samples {
		k := key{s.Deployment, s.Instance, s.Source}
		by[k] = append(by[k], s)
	}
	return func(rep *Report) []Sample { return by[key{rep.Deployment, rep.Instance, rep.Source}] }
}

// New is the samples that no earlier collection has taken in.
func (r Result) New() []Sample {
	type key struct{ deployment, instance, source string }
	kept := map[key]bool{}
	for _, rep := range r.Reports {
		if rep.Kept {
			kept[key{rep.Deployment, rep.Instance, rep.Source}] = true
		}
	}
	out := make([]Sample, 0, len(r.Samples))
	for _, s := range r.Samples {
		if !kept[key{s.Deployment, s.Instance, s.Source}] {
			out = append(out, s)
		}
	}
	return out
}

// Detail returns in words what a source of an instance has to say beside its
// numbers: why it failed, or its notes. It is empty when there is nothing.
func (r Result) Detail(instance, source string) string {
	for _, rep := range r.Reports {
		if rep.Instance != instance || rep.Source != source {
			continue
		}
		if rep.Err != nil {
			return rep.Err.Error()
		}
		return strings.Join(rep.Notes, "; ")
	}
	return ""
}
