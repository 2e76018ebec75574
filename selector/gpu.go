package selector

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"skysail/catalog"
)

// model is the name of a GPU without what people spell in several ways:
// vendor, case, and what stands between words. "NVIDIA A100-80GB",
// "nvidia-a100-80gb" and "A100 80 GB" are all the A100 with 80 GB.
type model struct {
	name     string
	memoryGB float64 // 0 when the name does not say
}

var (
	modelMemory = regexp.MustCompile(`^([0-9]+)G(?:I?B)?$`)
	modelNoise  = strings.NewReplacer(" ", "", "-", "", "_", "", ".", "")
)

func modelOf(name string) model {
	words := strings.FieldsFunc(strings.ToUpper(name), func(r rune) bool { return r == ' ' || r == '-' || r == '_' })
	// Not the last word: a GPU of that name would have none.
	for len(words) > 1 && (words[0] == "NVIDIA" || words[0] == "AMD" || words[0] == "TESLA") {
		words = words[1:]
	}
	// The memory is a word, or a number and its unit: 80GB, 80 GB.
	if n := len(words); n > 2 && (words[n-1] == "GB" || words[n-1] == "GIB") {
		words = append(words[:n-2:n-2], words[n-2]+words[n-1])
	}
	m := model{}
	if n := len(words); n > 1 {
		if found := modelMemory.FindStringSubmatch(words[n-1]); found != nil {
			if gb, err := strconv.ParseFloat(found[1], 64); err == nil {
				m.memoryGB, words = gb, words[:n-1]
			}
		}
	}
	m.name = modelNoise.Replace(strings.Join(words, ""))
	return m
}

// models reads the names of a market's GPUs, of which there are few.
type models struct {
	need  model
	known map[string]model
}

func newModels(need string) *models {
	return &models{need: modelOf(need), known: map[string]model{}}
}

// fits says whether the GPU is of the model that was asked for. Memory in
// both is that of the name, so it has to be the same to the nearest tenth:
// an 80 GB GPU reports 79.6 or 80 GiB.
func (m *models) fits(g *catalog.GPU) bool {
	if m.need.name == "" {
		return true
	}
	have, ok := m.known[g.Model]
	if !ok {
		have = modelOf(g.Model)
		m.known[g.Model] = have
	}
	if have.name != m.need.name {
		return false
	}
	if m.need.memoryGB == 0 {
		return true
	}
	gb := have.memoryGB
	if gb == 0 {
		gb = g.MemoryGB
	}
	return gb >= 0.9*m.need.memoryGB && gb <= 1.1*m.need.memoryGB
}

// onOffer are the models that somebody has, in order, with their memory.
func onOffer(offers []catalog.Offer, listed func(provider string) bool) []string {
	seen := map[catalog.GPU]bool{}
	var out []string
	for i := range offers {
		g := offers[i].GPU
		if g == nil || seen[catalog.GPU{Model: g.Model, MemoryGB: g.MemoryGB}] || !listed(offers[i].Provider) {
			continue
		}
		seen[catalog.GPU{Model: g.Model, MemoryGB: g.MemoryGB}] = true
		out = append(out, gpuText(g))
	}
	slices.Sort(out)
	return out
}

func gpuText(g *catalog.GPU) string {
	if g.MemoryGB > 0 {
		return g.Model + " (" + num(g.MemoryGB) + " GiB)"
	}
	return g.Model
}
