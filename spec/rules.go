package spec

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"skysail/internal/hclfile"
)

// Bounds far above any offer: a number beyond them is a slip of the keyboard.
const (
	minAmount    = 0.001
	maxCPU       = 10_000
	maxGiB       = 1_000_000
	maxInstances = 10_000
	maxGPUs      = 1_000
	maxGPUGiB    = 10_000
	sshPort      = 22
)

type mistake = hclfile.Mistake

// Validate checks a service that was built by a program as Load checks one
// from a file. The error is an *hclfile.Error with every mistake.
func (s *Service) Validate() error {
	return hclfile.Check(fmt.Sprintf("service %s", hclfile.Quote(s.Name)), s.mistakes())
}

// mistakes are all that is wrong with the service.
func (s *Service) mistakes() []mistake {
	var out []mistake
	out = append(out, nameMistakes(s.Name)...)
	out = append(out, s.Source.mistakes()...)
	out = append(out, s.Resources.mistakes()...)
	out = append(out, s.instanceMistakes()...)
	out = append(out, portMistakes(s.Ports)...)
	out = append(out, s.healthMistakes()...)
	out = append(out, s.Disk.mistakes()...)
	out = append(out, s.Logs.mistakes()...)
	out = append(out, s.metricsMistakes()...)
	out = append(out, s.objectiveMistakes()...)
	out = append(out, s.envMistakes()...)
	return append(out, s.secretMistakes()...)
}

func (s *Service) instanceMistakes() []mistake {
	at := "instances"
	if s.MaxInstances != 0 {
		at += ".min"
	}
	m := mistake{
		Path: at, Summary: "Invalid number of instances", Value: s.Instances,
		Detail: fmt.Sprintf("A service has between 1 and %d instances, not {value}.", maxInstances),
	}
	var out []mistake
	if s.Instances < 1 || s.Instances > maxInstances {
		out = append(out, m)
	}
	m.Path, m.Value = "instances.max", s.MaxInstances
	switch {
	case s.MaxInstances == 0:
	case s.MaxInstances < 0 || s.MaxInstances > maxInstances:
		out = append(out, m)
	case s.MaxInstances < s.Instances:
		m.Summary, m.Detail = "Empty range of instances", fmt.Sprintf("There are at least %d instances and at most {value}.", s.Instances)
		m.Hint = "give max a larger number than min, or write one number"
		out = append(out, m)
	}
	return out
}

func (r Resources) mistakes() []mistake {
	out := amount("resources.cpu", "cpu", r.CPU, minAmount, maxCPU, "vCPU")
	out = append(out, amount("resources.memory_gb", "memory_gb", r.MemoryGB, minAmount, maxGiB, "GiB")...)
	out = append(out, amount("resources.storage_gb", "storage_gb", r.StorageGB, 0, maxGiB, "GiB")...)
	if r.Arch != "" && !slices.Contains(arches, r.Arch) {
		out = append(out, archMistake("resources.arch", r.Arch))
	}
	if r.GPU == nil {
		return out
	}
	out = append(out, amount("resources.gpu.memory_gb", "memory_gb", r.GPU.MemoryGB, 0, maxGPUGiB, "GiB")...)
	if r.GPU.Count < 1 || r.GPU.Count > maxGPUs {
		out = append(out, mistake{
			Path:    "resources.gpu.count",
			Summary: "Invalid number of GPUs",
			Detail:  fmt.Sprintf("An instance has between 1 and %d GPUs, not {value}.", maxGPUs),
			Value:   r.GPU.Count,
			Hint:    "for no GPU leave the gpu block out",
		})
	}
	if r.GPU.Model != "" && !gpuModel.MatchString(r.GPU.Model) {
		out = append(out, mistake{
			Path:    "resources.gpu.model",
			Summary: "Invalid GPU model",
			Detail:  "{value} is no name of a GPU model: it has letters, digits, spaces, dots and dashes, at most 64.",
			Value:   r.GPU.Model,
			Hint:    `for example "L4" or "H100"; leave model out for any`,
		})
	}
	return out
}

// arches are the GOARCH names of what clouds rent out.
var arches = []string{"amd64", "arm64"}

// otherArches are the names that compilers and kernels have for them.
var otherArches = map[string]string{
	"x86_64": "amd64", "x86-64": "amd64", "x64": "amd64", "x86": "amd64", "intel": "amd64", "amd": "amd64",
	"aarch64": "arm64", "arm": "arm64", "armv8": "arm64", "graviton": "arm64",
}

func archMistake(path, arch string) mistake {
	m := mistake{
		Path:    path,
		Summary: "Unknown architecture",
		Detail:  "{value} is no architecture that a service can ask for.",
		Value:   arch,
		Hint:    hclfile.DidYouMean(arch, arches),
	}
	if meant, ok := otherArches[strings.ToLower(arch)]; ok {
		m.Guess = fmt.Sprintf("did you mean %s?", hclfile.Quote(meant))
	}
	return m
}

func amount(path, name string, v, low, high float64, unit string) []mistake {
	m := mistake{Path: path, Summary: "Invalid " + name, Value: v}
	switch {
	case math.IsNaN(v):
		m.Detail = fmt.Sprintf("%s is not a number.", name)
	case v < low && low == 0:
		m.Detail = fmt.Sprintf("%s cannot be negative, and this is {value} %s.", name, unit)
	case v <= 0 && low > 0:
		m.Detail = fmt.Sprintf("%s must be more than 0, and this is {value} %s.", name, unit)
	case v < low:
		m.Detail = fmt.Sprintf("%s is at least %g %s, and this is {value}.", name, low, unit)
	case v > high:
		m.Detail = fmt.Sprintf("%s is at most %.0f %s, and this is {value}.", name, high, unit)
	default:
		return nil
	}
	return []mistake{m}
}

func portMistakes(ports []Port) []mistake {
	var out []mistake
	names, numbers := map[string]bool{}, map[int]string{}
	for i, p := range ports {
		label, number := fmt.Sprintf("ports[%d]#label", i), fmt.Sprintf("ports[%d].number", i)
		switch {
		case !portName(p.Name):
			out = append(out, mistake{
				Path:    label,
				Summary: "Invalid port name",
				Detail:  "{value} is no port name: that has lower-case letters, digits and single dashes inside, at least one letter, and at most 15 characters.",
				Value:   p.Name,
				Hint:    `for example "http"`,
			})
		case names[p.Name]:
			out = append(out, mistake{
				Path:    label,
				Summary: "Duplicate port name",
				Detail:  "There is a port {value} already.",
				Value:   p.Name,
				Hint:    "give this one another name",
			})
		}
		names[p.Name] = true
		first, taken := numbers[p.Number]
		switch {
		case p.Number < 1 || p.Number > math.MaxUint16:
			out = append(out, mistake{
				Path:    number,
				Summary: "Invalid port number",
				Detail:  fmt.Sprintf("A TCP port is between 1 and %d, not {value}.", math.MaxUint16),
				Value:   p.Number,
			})
		case p.Number == sshPort:
			out = append(out, mistake{
				Path:    number,
				Summary: "Port 22 is taken",
				Detail:  "On port 22 each instance answers SSH, by which its logs and metrics are read.",
				Hint:    "let the service listen on another port",
			})
		case taken:
			out = append(out, mistake{
				Path:    number,
				Summary: "Duplicate port number",
				Detail:  fmt.Sprintf("{value} is the number of port %s already.", hclfile.Quote(first)),
				Value:   p.Number,
				Hint:    "a port has one name",
			})
		default:
			numbers[p.Number] = p.Name
		}
	}
	return out
}
