package guardrails

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"skysail/internal/failure"
	"skysail/policies"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// forever makes a rule that counts through more than anybody waits for.
const forever = `package main
deny contains "x" if {
	some a in numbers.range(1, 5000)
	some b in numbers.range(1, 5000)
	some c in numbers.range(1, 5000)
	a * b * c == 0
}`

func TestEvaluationIsBoundInTime(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, errors.New("the caller has no time"))
	defer cancel()
	start := time.Now()
	_, err := Evaluate(ctx, Input{Plan: []byte(oneResource), Rules: user("", forever)})
	if failure.CodeOf(err) != failure.Input || !strings.Contains(err.Error(), "the caller has no time") || !strings.Contains(err.Error(), "rego/a.rego") {
		t.Errorf("got %v", err)
	}
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("took %s", d)
	}
}

func TestEvaluationIsBoundInMemory(t *testing.T) {
	old := memoryLimit
	memoryLimit = 32 << 20
	defer func() { memoryLimit = old }()
	_, err := Evaluate(t.Context(), Input{Plan: []byte(oneResource), Rules: user("", `package main
kilo := concat("", ["x" | some n in numbers.range(1, 1000)])
mega := replace(kilo, "x", kilo)
deny contains "x" if {
	big := [concat("", [mega, s]) | some n in numbers.range(1, 3000); s := sprintf("%d", [n])]
	count(big) == 1
}`)})
	if !errors.Is(err, ErrMemory) || failure.CodeOf(err) != failure.Input {
		t.Errorf("got %v", err)
	}
}

func TestResultsAreBound(t *testing.T) {
	_, err := Evaluate(t.Context(), Input{Plan: []byte(oneResource), Rules: user("", "package main\ndeny contains sprintf(\"%d\", [n]) if some n in numbers.range(1, 2000)")})
	if err == nil || !strings.Contains(err.Error(), "more than 1000 results") {
		t.Errorf("got %v", err)
	}
	v, err := Evaluate(t.Context(), Input{Plan: []byte(oneResource), Rules: user("", "package main\ndeny contains concat(\"\", [\"é\" | some n in numbers.range(1, 9000)])\ndeny contains concat(\"\", [x | some n in numbers.range(1, 9000); x := sprintf(\"%d\", [n])])")})
	if err != nil || len(v.Deny) != 2 || len(v.Deny[0].Message) > maxText+3 {
		t.Errorf("%v, %d", err, len(v.Deny))
	}
}

// A user's rules can not change what the built-in ones mean, nor what they
// see.
func TestRulesAreApart(t *testing.T) {
	doc := plan(t, "vultr")
	f := factsOf(doc, "vultr")
	price := 9.0
	f.Candidate.PriceUSDHour = &price
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	v, err := Evaluate(t.Context(), Input{Plan: raw, Facts: f, Rules: user("",
		"package builtin\ndeny_price := set()\nopenings := set()", "package skysail\nlimits := {}", "package main\nwarn contains \"w\"\nexception contains [\"price\"]")})
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Deny) != 1 || v.Deny[0].Rule != "deny_price" || v.Deny[0].Source != "builtin/price.rego" {
		t.Errorf("got %v", v.DenyTexts())
	}
}

func TestFactsAreWhatIsDocumented(t *testing.T) {
	doc := plan(t, "aws")
	v, err := Evaluate(t.Context(), Input{Plan: []byte(oneResource), Facts: factsOf(doc, "aws"), Rules: user("", `package main
warn contains sprintf("%s %s %s %v %v", [s.deployment, s.service.name, s.candidate.region, s.candidate.price_usd_hour, s.limits.max_hourly_usd]) if s := data.skysail`)})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"warn: dmbj0wy6tc7e echo us-east-1 0.07 1"}; len(v.Warn) != 1 || messages(v.Warn)[0] != want[0] {
		t.Errorf("got %v", messages(v.Warn))
	}
}

func TestSameInputSameVerdict(t *testing.T) {
	doc := plan(t, "aws")
	f := factsOf(doc, "aws")
	f.Service.Ports, f.Deployment = nil, "other"
	var first []byte
	for range 5 {
		got, err := json.Marshal(verdict(t, doc, f))
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = got
		}
		if !bytes.Equal(first, got) {
			t.Fatalf("%s\n%s", first, got)
		}
	}
}

func TestNoPlan(t *testing.T) {
	for _, text := range []string{"", "[]", "{}", `{"resource_changes": []} x`, "Plan: 3 to add"} {
		_, err := Evaluate(t.Context(), Input{Plan: []byte(text)})
		if failure.CodeOf(err) != failure.Input {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func TestSensitiveValuesAreHidden(t *testing.T) {
	in := `{"variables": {"key": {"value": "s3cret"}, "name": {"value": "n"}},
		"configuration": {"root_module": {"variables": {"key": {"sensitive": true}, "name": {}}}},
		"resource_changes": [{"change": {"before": "s3cret", "before_sensitive": true,
			"after": {"a": "s3cret", "b": ["x", "s3cret"], "c": {"d": "y"}, "n": null}, "after_sensitive": {"a": true, "b": [false, true], "c": {}, "n": true}}}],
		"output_changes": {"o": {"after": "s3cret", "after_sensitive": true}},
		"planned_values": {"outputs": {"o": {"sensitive": true, "value": "s3cret"}, "p": {"sensitive": false, "value": 7}},
			"root_module": {"child_modules": [{"resources": [{"values": {"a": "s3cret"}, "sensitive_values": {"a": true}}]}]}}}`
	doc, err := redacted([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	for text, n := range map[string]int{"s3cret": 0, Hidden: 7, `"x"`: 1, `"y"`: 1, `"value":7`: 1, `"n":null`: 1, `"value":"n"`: 1} {
		if got := strings.Count(string(out), text); got != n {
			t.Errorf("%d × %s, want %d, in %s", got, text, n, out)
		}
	}
	// And rules see no more than that.
	v, err := Evaluate(t.Context(), Input{Plan: []byte(in), Rules: user("", "package main\nwarn contains json.marshal(input)")})
	if err != nil || len(v.Warn) != 1 || strings.Contains(v.Warn[0].Message, "s3cret") {
		t.Errorf("%v %v", err, v.WarnTexts())
	}
}

func TestFactsOfPlan(t *testing.T) {
	for _, p := range append([]string{"local", "kubernetes"}, clouds...) {
		b, err := os.ReadFile("testdata/plans/" + p + ".json")
		if err != nil {
			t.Fatal(err)
		}
		f := FactsOfPlan(b)
		if f.Deployment != "dmbj0wy6tc7e" || f.Candidate.Provider != p || f.Candidate.Region == "" || f.Candidate.Type == "" ||
			f.Service.Name != "echo" || f.Service.Instances != 1 || len(f.Service.Ports) != 1 || f.Service.Ports[0].Number != 8080 {
			t.Errorf("%s: %+v %+v %+v", p, f, f.Candidate, f.Service)
		}
	}
	if f := FactsOfPlan([]byte(oneResource)); f.Candidate != nil || f.Service != nil {
		t.Errorf("got %+v", f)
	}
}

func TestCompileOnceEvaluateOften(t *testing.T) {
	r, err := Compile(policies.Guardrails{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 8)
	for range cap(done) {
		go func() {
			_, err := r.Evaluate(t.Context(), []byte(oneResource), Facts{})
			done <- err
		}()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
