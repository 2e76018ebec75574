package spec

import (
	"time"

	"pgregory.net/rapid"
)

func drawObjectives(t *rapid.T) []Objective {
	var out []Objective
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(objectiveNames), 0, len(objectiveNames), rapid.ID[string]).Draw(t, "objectives") {
		o := Objective{
			Name: name, Target: rapid.Float64Range(0.0001, 0.9999).Draw(t, "target"),
			Window: time.Duration(rapid.IntRange(1, 365*24).Draw(t, "hours")) * time.Hour,
		}
		if name == ObjectiveLatency {
			o.Threshold = time.Duration(rapid.IntRange(1, 60_000).Draw(t, "threshold")) * time.Millisecond
		}
		out = append(out, o)
	}
	// HCL-JSON has them by name.
	if len(out) == 2 && out[0].Name == ObjectiveLatency {
		out[0], out[1] = out[1], out[0]
	}
	return out
}

func writeObjectives(service writer, all []Objective) {
	for _, o := range all {
		b := service.block("objective", o.Name)
		b.set("target", o.Target)
		b.set("window", o.Window.String())
		if o.Threshold > 0 {
			b.set("threshold", o.Threshold.String())
		}
	}
}
