package selector

import (
	"testing"

	"skysail/catalog"
)

func TestModels(t *testing.T) {
	a100 := func(gb float64) catalog.GPU { return catalog.GPU{Model: "A100", Count: 1, MemoryGB: gb} }
	l4 := catalog.GPU{Model: "L4", Count: 1, MemoryGB: 22.4}
	for _, tt := range []struct {
		need string
		gpu  catalog.GPU
		want bool
	}{
		{"", l4, true},
		{"L4", l4, true},
		{"l4", l4, true},
		{"NVIDIA L4", l4, true},
		{"nvidia-l4", l4, true},
		{"NVIDIA_L4", l4, true},
		{"L40", l4, false},
		{"L4", catalog.GPU{Model: "L40S"}, false},
		{"A10", a100(40), false},
		{"A100", a100(40), true},
		{"A100", a100(80), true},
		{"A100-80GB", a100(80), true},
		{"a100 80 gb", a100(80), true},
		{"nvidia-a100-80gb", a100(79.6), true},
		{"A100-80GB", a100(40), false},
		{"A100-40GB", a100(80), false},
		{"A100-80GB", a100(0), false},
		{"A100", catalog.GPU{Model: "NVIDIA A100-80GB"}, true},
		{"A100 80G", catalog.GPU{Model: "NVIDIA A100-80GB"}, true},
		{"A100-40GB", catalog.GPU{Model: "NVIDIA A100-80GB"}, false},
		{"Tesla T4", catalog.GPU{Model: "T4"}, true},
		{"nvidia-tesla-t4", catalog.GPU{Model: "T4"}, true},
		{"T4", catalog.GPU{Model: "T4G"}, false},
		{"RTX 4000 Ada", catalog.GPU{Model: "RTX4000-Ada"}, true},
		{"RTX 4000", catalog.GPU{Model: "RTX 4000 Ada"}, false},
		{"AMD MI300X", catalog.GPU{Model: "MI300X"}, true},
		{"NVIDIA", l4, false},
	} {
		if got := newModels(tt.need).fits(&tt.gpu); got != tt.want {
			t.Errorf("%q and %+v: %v", tt.need, tt.gpu, got)
		}
	}
}
