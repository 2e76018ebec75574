package hclfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// sample is a schema with everything a schema can have.
var sample = &Schema{
	What:       "a file",
	Attributes: []string{"text", "number", "whole", "truth", "list", "map"},
	Blocks: []Block{
		{Type: "service", Label: "name", Schema: &Schema{What: "a service block", Attributes: []string{"env", "size"}}},
		{Type: "port", Label: "name", Many: true, Path: "ports", Schema: &Schema{What: "a port block", Attributes: []string{"number"}}},
	},
}

type values struct {
	Text   string
	Number float64
	Whole  int
	Truth  bool
	List   []string
	Map    map[string]string
	Env    map[string]string
	Ports  []string
}

// decodeAll decodes whatever the sample schema knows.
func decodeAll(f *File) values {
	var v values
	root := f.Root(sample)
	root.String("text", &v.Text)
	root.Number("number", &v.Number)
	root.Int("whole", &v.Whole)
	root.Bool("truth", &v.Truth)
	root.Strings("list", &v.List)
	root.Map("map", &v.Map)
	if s := root.Child("service"); s != nil {
		s.Map("env", &v.Env)
	}
	for _, p := range root.Children("port") {
		v.Ports = append(v.Ports, p.Label)
	}
	return v
}

func decodeSource(t *testing.T, path, source string) (values, error) {
	t.Helper()
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"N": "2.5", "T": "true", "EMPTY": "", "BAD": "\xff"}[name]
		return v, ok
	}
	f, err := ParseSource(path, []byte(source), ParseOptions{LookupEnv: env})
	if err != nil {
		return values{}, err
	}
	v := decodeAll(f)
	return v, f.Err()
}

func TestValues(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"two": "line\n\n", "dos": "line\r\n", "bare": "line"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for source, want := range map[string]values{
		`number = env("N")`:                       {Number: 2.5},
		`truth = env("T")`:                        {Truth: true},
		`text = env("EMPTY")`:                     {},
		`text = "a-${env("N")}"`:                  {Text: "a-2.5"},
		`text = file("two")`:                      {Text: "line\n"},
		`text = file("dos")`:                      {Text: "line"},
		`text = file("bare")`:                     {Text: "line"},
		`text = null`:                             {},
		`list = null`:                             {},
		`list = []`:                               {List: []string{}},
		`list = ["a", 8080, true, 1.5]`:           {List: []string{"a", "8080", "true", "1.5"}},
		`list = true ? ["a"] : ["b"]`:             {List: []string{"a"}},
		`map = { a = 1, "b" = "x", (env("N"))=3}`: {Map: map[string]string{"a": "1", "b": "x", "2.5": "3"}},
		`map = true ? { a = 1 } : {}`:             {Map: map[string]string{"a": "1"}},
		"\ufefftext = \"after a mark\"":           {Text: "after a mark"},
		"text = <<EOT\n  a\nEOT\n":                {Text: "  a\n"},
		"whole = 1 + 2":                           {Whole: 3},
		"port \"a\" {\n}\nport \"b\" {\n}\n":      {Ports: []string{"a", "b"}},
	} {
		got, err := decodeSource(t, filepath.Join(dir, "f.hcl"), source)
		if err != nil {
			t.Errorf("%s\n%v", source, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s\n(-want +got):\n%s", source, diff)
		}
	}
}

func TestJSONValues(t *testing.T) {
	for source, want := range map[string]values{
		`{"number": "${env(\"N\")}", "truth": "${env(\"T\")}"}`: {Number: 2.5, Truth: true},
		`{"text": "$${kept} %%{kept}"}`:                         {Text: "${kept} %{kept}"},
		`{"//": "a comment", "whole": 3}`:                       {Whole: 3},
		`{"list": ["a", 1, "${env(\"N\")}"]}`:                   {List: []string{"a", "1", "2.5"}},
		`{"map": {"${x}": "name as it stands"}}`:                {Map: map[string]string{"${x}": "name as it stands"}},
		`{"port": {"a": {}, "b": {"number": 1}}}`:               {Ports: []string{"a", "b"}},
		`{"port": [{"a": {}}, {"b": {}}]}`:                      {Ports: []string{"a", "b"}},
		`{"service": {"env": {"env": {"A": "named env"}}}}`:     {Env: map[string]string{"A": "named env"}},
		`{"service": null, "port": {}, "list": null}`:           {},
		`{"service": [], "port": [{}, null]}`:                   {},
	} {
		got, err := decodeSource(t, "f.json", source)
		if err != nil {
			t.Errorf("%s\n%v", source, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s\n(-want +got):\n%s", source, diff)
		}
	}
}

func TestMistakes(t *testing.T) {
	for source, want := range map[string]string{
		`text = env("BAD")`:                          "holds bytes that are no UTF-8 text",
		`text = file("` + "x\x00" + `")`:             "invalid argument",
		`list = [for x in ["a"] : x]`:                "Loops are not supported",
		`list = ["a"][*]`:                            "Loops are not supported",
		`map = { for k, v in {} : k => v }`:          "Loops are not supported",
		`map = { (true ? null : "a") = 1 }`:          "must be a string",
		`map = { "a" = 1, "a" = 2 }`:                 "Name given twice",
		`list = "a"`:                                 "needs a list of strings",
		`map = ["a"]`:                                "needs a map of strings",
		`number = [1]`:                               "this is a list",
		`number = "${1}x"`:                           "this is a string",
		`text = (((1)))`:                             "this is a number",
		`text = -` + strings.Repeat("-", 6000) + `1`: "too complex",
		`list = [` + strings.Repeat(`file("/nowhere"),`, 1) + `]`: "File not found",
		`list = [` + strings.Repeat(`file("f"),`, 200) + `]`:      "Too many calls of file()",
		"service \"a\" {\n}\nservice \"b\" {\n}\n":                "More than one service block",
	} {
		path := filepath.Join(t.TempDir(), "f.hcl")
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), "f"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := decodeSource(t, path, source)
		if err == nil {
			t.Errorf("accepted: %.80s", source)
			continue
		}
		wantWords(t, err.Error(), want)
	}
}

func TestProblems(t *testing.T) {
	_, err := decodeSource(t, "f.hcl", "whole = 1.5\n\n  txt = 1\n")
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("want an *Error, got %v", err)
	}
	want := []Problem{
		{Summary: "Not a whole number", Detail: "The value of whole must be a whole number.", File: "f.hcl", Line: 1, Column: 9},
		{Summary: "Unknown argument", Detail: `A file has no argument named "txt".`, Hint: `did you mean "text"?`, File: "f.hcl", Line: 3, Column: 3},
	}
	if diff := cmp.Diff(want, e.Problems()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	diags := e.Diagnostics()
	if len(diags) != 2 || diags[1].Subject.Start.Line != 3 || !strings.Contains(diags[1].Detail, `Hint: did you mean "text"?`) {
		t.Errorf("other diagnostics than expected: %v", diags)
	}
}

func TestManyMistakesAreBounded(t *testing.T) {
	var source strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&source, "wrong_%d = 1\n", i)
	}
	_, err := decodeSource(t, "f.hcl", source.String())
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("want an *Error, got %v", err)
	}
	if n := len(e.Problems()); n != 5000 {
		t.Errorf("%d problems, want 5000", n)
	}
	wantWords(t, e.Error(), "… and 4900 more mistakes.")
	for i, p := range e.Problems() {
		if p.Line != i+1 {
			t.Fatalf("problem %d is of line %d: not sorted by place", i, p.Line)
		}
	}
}

// The time for a file of nonsense must not grow with the square of its size.
func TestLargeNonsenseTakesLittleTime(t *testing.T) {
	for _, source := range []string{
		strings.Repeat("a\n", MaxSize/2),
		strings.Repeat("[", MaxSize/4),
		strings.Repeat("\"${", MaxSize/12),
		"list = [" + strings.Repeat("x,", MaxSize/16) + "]",
	} {
		begin := time.Now()
		if _, err := decodeSource(t, "f.hcl", source); err == nil {
			t.Errorf("accepted: %.20q…", source)
		}
		if d := time.Since(begin); d > 45*time.Second {
			t.Errorf("%.20q… took %s", source, d)
		}
	}
}

func TestPrivateValuesStayPrivate(t *testing.T) {
	f, err := ParseSource("f.hcl", []byte(`text = env("X")`), ParseOptions{
		LookupEnv: func(string) (string, bool) { return "confidential", true },
	})
	if err != nil {
		t.Fatal(err)
	}
	root := f.Root(sample)
	var text string
	root.String("text", &text)
	root.Report(Mistake{Path: "text", Summary: "Bad", Detail: "{value} is bad.", Value: text, Guess: "did you mean confidential?"})
	if got := f.Err().Error(); strings.Contains(got, "confidential") {
		t.Errorf("the value is repeated:\n%s", got)
	}
	wantWords(t, f.Err().Error(), "The value (not shown, for it comes from env or file) is bad.")
}

func TestCheck(t *testing.T) {
	if err := Check("x", nil); err != nil {
		t.Errorf("no mistakes, and yet: %v", err)
	}
	err := Check(`service "a"`, []Mistake{
		{Path: "ports[0]#label", Summary: "Bad name", Detail: "{value} is bad.", Value: "x y", Hint: "mend it"},
		{Path: "#label", Summary: "Bad", Detail: "Bad.", Value: 1e6},
	})
	want := "Error: Bad name\n\n  at ports[0].name of service \"a\":\n\n\"x y\" is bad.\n\nHint: mend it\n\nError: Bad\n\n  at name of service \"a\":\n\nBad."
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSuggest(t *testing.T) {
	allowed := []string{"cpu", "gpu", "memory_gb", "storage_gb", "instances", "digitalocean"}
	for written, want := range map[string]string{
		"cpus": "cpu", "memory": "memory_gb", "MemoryGB": "memory_gb", "instnaces": "instances",
		"digital-ocean": "digitalocean", "storage": "storage_gb", "colour": "", "": "", "_": "",
		strings.Repeat("cpu", 1000): "",
	} {
		if got := Suggest(written, allowed); got != want {
			t.Errorf("Suggest(%.20q) = %q, want %q", written, got, want)
		}
	}
}

// What a person sees is one line of source, one of marks, and no byte that a
// terminal would obey, whatever the file holds.
func TestSnippetIsAlwaysPrintable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := rapid.SliceOf(rapid.Byte()).Draw(t, "src")
		from := rapid.IntRange(-1, len(src)+1).Draw(t, "from")
		to := rapid.IntRange(-1, len(src)+1).Draw(t, "to")
		line, mark := snippet(src, from, to)
		if strings.ContainsFunc(line+mark, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			t.Fatalf("control characters in %q, %q", line, mark)
		}
		if !strings.Contains(mark, "^") {
			t.Fatalf("no mark in %q", mark)
		}
		if columns := len([]rune(line)); columns > snippetWidth+2 {
			t.Fatalf("the line is %d characters wide", columns)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "\ufeff", "{", "}", `service "a" {`, `text = "${env("N")}"`, `text = "${`, "text = <<E\nE", "list = [[[[",
		`{"text": "\ud83d\ude00${x}"}`, `{"service": [[{}]]}`, `{"port": {"a": [[]]}}`, "[", "null", "\x00", "a = 1e9999",
		`map = {(null) = 1}`, `{"map": {"${1/0}": "%{if true}"}}`, `text = "${"${"${1}"}"}"`, `{"text":"\u`, `list = [1,2][0]`,
		`truth = !null`, `number = 0 % 0`, `text = "%{ for x in [] }%{ endfor }"`,
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, src []byte, json bool) {
		path := "f.hcl"
		if json {
			path = "f.json"
		}
		file, err := ParseSource(path, src, ParseOptions{LookupEnv: func(string) (string, bool) { return "1", true }})
		if err == nil {
			decodeAll(file)
			err = file.Err()
		}
		if err == nil {
			return
		}
		var e *Error
		if !errors.As(err, &e) || len(e.Problems()) == 0 {
			t.Fatalf("an error without a problem: %T %v", err, err)
		}
		if text := err.Error(); !strings.HasPrefix(text, "Error: ") || strings.ContainsAny(text, "\x00\x1b\r") {
			t.Fatalf("a text that is not fit to be read: %q", text)
		}
	})
}
