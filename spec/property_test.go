package spec

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"skysail/internal/hclfile"
)

// text draws strings with what is special to HCL, JSON, shells and YAML.
var text = rapid.StringOfN(rapid.RuneFrom([]rune("ab \t\"'\\$%{}#~<>&|;`=é名🙂")), 0, 20, -1)

func draw(t *rapid.T) *Service {
	s := &Service{
		Name:      rapid.StringMatching(`[b-m][a-z0-9]{3,20}`).Draw(t, "name"),
		Instances: rapid.IntRange(1, maxInstances).Draw(t, "instances"),
		Resources: Resources{
			CPU:       rapid.Float64Range(minAmount, maxCPU).Draw(t, "cpu"),
			MemoryGB:  rapid.Float64Range(minAmount, maxGiB).Draw(t, "memory"),
			StorageGB: float64(rapid.IntRange(0, maxGiB).Draw(t, "storage")) / 4,
		},
		Env: rapid.MapOfN(rapid.StringMatching(`[A-M_][A-Z0-9_]{0,10}`), text, 0, 5).Draw(t, "env"),
		// Names of secrets begin with a letter that no name in env has.
		Secrets: rapid.SliceOfNDistinct(rapid.StringMatching(`[T-Z][A-Z0-9_]{0,10}`), 0, 3, rapid.ID[string]).Draw(t, "secrets"),
	}
	if rapid.Bool().Draw(t, "gpu") {
		s.Resources.GPU = &GPU{Count: rapid.IntRange(1, maxGPUs).Draw(t, "count"), Model: rapid.SampledFrom([]string{"", "L4", "RTX 4000 Ada"}).Draw(t, "model")}
	}
	if rapid.Bool().Draw(t, "range") {
		s.MaxInstances = rapid.IntRange(s.Instances, maxInstances).Draw(t, "max instances")
	}
	s.Resources.Arch = rapid.SampledFrom([]string{"", "amd64", "arm64"}).Draw(t, "arch")
	if g := s.Resources.GPU; g != nil {
		g.MemoryGB = rapid.SampledFrom([]float64{0, 0.5, 24, maxGPUGiB}).Draw(t, "GPU memory")
	}
	if rapid.Bool().Draw(t, "disk") {
		s.Disk = &Disk{
			SizeGB: rapid.IntRange(1, maxDiskGB).Draw(t, "disk size"),
			Path:   rapid.StringMatching(`/(data|srv|mnt|home/x)(/[A-Za-z0-9_-]{1,8}(\.[a-z]{1,3})?){0,3}`).Draw(t, "disk path"),
		}
	}
	if rapid.Bool().Draw(t, "native") {
		args := rapid.SliceOfN(rapid.StringOfN(rapid.RuneFrom([]rune("ab -\"'\\$%{}é")), 0, 10, -1), 0, 4).Draw(t, "args")
		s.Source.Native = &Native{
			URL:    "https://example.com/" + rapid.StringMatching(`([a-z0-9$&=;?'()*!,+-]|%2[0-9F]){0,20}`).Draw(t, "url"),
			SHA256: rapid.StringMatching(`[0-9a-f]{64}`).Draw(t, "sha256"),
			Binary: rapid.StringMatching(`[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,2}`).Draw(t, "binary"),
			Args:   args,
		}
	} else {
		s.Source.Container = &Container{Image: rapid.StringMatching(`(ghcr\.io/)?[a-z0-9]{1,8}(/[a-z0-9]{1,8})?(:[A-Za-z0-9][A-Za-z0-9.-]{0,10})?`).Draw(t, "image")}
	}
	numbers := rapid.SliceOfNDistinct(rapid.IntRange(23, 65535), 0, 3, rapid.ID[int]).Draw(t, "numbers")
	for i, n := range numbers {
		s.Ports = append(s.Ports, Port{Name: "p" + string(rune('a'+i)), Number: n, Public: rapid.Bool().Draw(t, "public")})
	}
	if len(numbers) > 0 && rapid.Bool().Draw(t, "health") {
		s.Health = drawHealth(t)
		s.Objectives = drawObjectives(t)
	}
	if len(numbers) > 0 && rapid.Bool().Draw(t, "metrics") {
		s.Metrics = &Metrics{
			Port: "pa", Path: rapid.SampledFrom([]string{"/metrics", "/actuator/prometheus?x=1"}).Draw(t, "metrics path"),
			Interval: rapid.SampledFrom([]time.Duration{0, minMetricsInterval, 90 * time.Second, maxMetricsInterval}).Draw(t, "metrics interval"),
			Allow:    rapid.SliceOfN(rapid.StringMatching(`[a-z_*][a-z0-9_:*]{0,20}`), 0, 4).Draw(t, "allow"),
			Limit:    rapid.IntRange(0, maxMetricsLimit).Draw(t, "limit"),
		}
	}
	return s
}

func value(v any) cty.Value {
	switch v := v.(type) {
	case string:
		return cty.StringVal(v)
	case int:
		return cty.NumberIntVal(int64(v))
	case float64:
		return cty.NumberFloatVal(v)
	case bool:
		return cty.BoolVal(v)
	case []string:
		out := make([]cty.Value, 0, len(v))
		for _, s := range v {
			out = append(out, cty.StringVal(s))
		}
		return cty.TupleVal(out)
	case map[string]string:
		out := map[string]cty.Value{}
		for k, s := range v {
			out[k] = cty.StringVal(s)
		}
		return cty.ObjectVal(out)
	case map[string]int:
		out := map[string]cty.Value{}
		for k, n := range v {
			out[k] = cty.NumberIntVal(int64(n))
		}
		return cty.ObjectVal(out)
	}
	panic("no such type")
}

// writer makes HCL and HCL-JSON side by side.
type writer struct {
	hcl  *hclwrite.Body
	json map[string]any
}

func (w writer) set(name string, v any) {
	w.hcl.SetAttributeValue(name, value(v))
	w.json[name] = escaped(v)
}

func (w writer) block(kind string, labels ...string) writer {
	inner := map[string]any{}
	at := w.json
	path := append([]string{kind}, labels...)
	for _, p := range path[:len(path)-1] {
		next, ok := at[p].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[p] = next
		}
		at = next
	}
	at[path[len(path)-1]] = inner
	return writer{w.hcl.AppendNewBlock(kind, labels).Body(), inner}
}

// escaped is a value as HCL-JSON writes it, where strings are templates.
func escaped(v any) any {
	escape := strings.NewReplacer("${", "$${", "%{", "%%{")
	switch v := v.(type) {
	case string:
		return escape.Replace(v)
	case []string:
		out := []string{}
		for _, s := range v {
			out = append(out, escape.Replace(s))
		}
		return out
	case map[string]string:
		out := map[string]string{}
		for k, s := range v {
			out[k] = escape.Replace(s)
		}
		return out
	}
	return v
}

func write(s *Service) (hcl, jsonText []byte, err error) {
	file := hclwrite.NewEmptyFile()
	root := writer{file.Body(), map[string]any{}}
	service := root.block("service", s.Name)
	source := service.block("source")
	if c := s.Source.Container; c != nil {
		source.block("container").set("image", c.Image)
	}
	if n := s.Source.Native; n != nil {
		b := source.block("native")
		b.set("url", n.URL)
		b.set("sha256", n.SHA256)
		b.set("binary", n.Binary)
		b.set("args", n.Args)
	}
	r := service.block("resources")
	r.set("cpu", s.Resources.CPU)
	r.set("memory_gb", s.Resources.MemoryGB)
	r.set("storage_gb", s.Resources.StorageGB)
	if g := s.Resources.GPU; g != nil {
		b := r.block("gpu")
		b.set("count", g.Count)
		b.set("model", g.Model)
		if g.MemoryGB > 0 {
			b.set("memory_gb", g.MemoryGB)
		}
	}
	if s.Resources.Arch != "" {
		r.set("arch", s.Resources.Arch)
	}
	if d := s.Disk; d != nil {
		b := service.block("disk")
		b.set("size_gb", d.SizeGB)
		b.set("path", d.Path)
	}
	for _, p := range s.Ports {
		b := service.block("port", p.Name)
		b.set("number", p.Number)
		b.set("public", p.Public)
	}
	if s.Health != nil {
		writeHealth(service.block("health"), s.Health)
	}
	if m := s.Metrics; m != nil {
		b := service.block("metrics")
		b.set("port", m.Port)
		b.set("path", m.Path)
		if m.Interval > 0 {
			b.set("interval", m.Interval.String())
		}
		b.set("allow", m.Allow)
		if m.Limit > 0 {
			b.set("limit", m.Limit)
		}
	}
	writeObjectives(service, s.Objectives)
	if s.MaxInstances == 0 {
		service.set("instances", s.Instances)
	} else {
		service.set("instances", map[string]int{"min": s.Instances, "max": s.MaxInstances})
	}
	service.set("env", s.Env)
	service.set("secrets", s.Secrets)
	jsonText, err = json.MarshalIndent(root.json, "", "  ")
	return file.Bytes(), jsonText, err
}

// A service is the same whether HCL or JSON says it, and is what was said.
func TestHCLAndJSONAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := draw(t)
		if err := want.Validate(); err != nil {
			t.Fatalf("the service that was drawn is not valid:\n%v", err)
		}
		native, jsonText, err := write(want)
		if err != nil {
			t.Fatal(err)
		}
		for name, source := range map[string][]byte{"service.hcl": native, "service.json": jsonText} {
			got, err := parse(name, source, testOptions)
			if err != nil {
				t.Fatalf("%v\n%s", err, source)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("%s (-want +got):\n%s\n%s", name, diff, source)
			}
		}
	})
}

// Whatever the bytes are, there is a service that is valid or an error with a
// problem in it; never both, never a panic.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"invalid", "valid"} {
		entries, err := os.ReadDir("testdata/" + pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".txt") {
				continue
			}
			seed, err := os.ReadFile("testdata/" + pattern + "/" + e.Name())
			if err != nil {
				f.Fatal(err)
			}
			f.Add(seed, strings.HasSuffix(e.Name(), ".json"))
		}
	}
	f.Fuzz(func(t *testing.T, src []byte, isJSON bool) {
		path := "service.hcl"
		if isJSON {
			path = "service.json"
		}
		s, err := parse(path, src, testOptions)
		if err == nil {
			if err := s.Validate(); err != nil {
				t.Fatalf("loaded, but not valid:\n%v", err)
			}
			return
		}
		var e *hclfile.Error
		if s != nil || !errors.As(err, &e) || len(e.Problems()) == 0 || err.Error() == "" {
			t.Fatalf("%v and %T: %v", s, err, err)
		}
	})
}
