package tfplan

import (
	"encoding/json"
	"strings"
	"testing"
)

// Every place in which Terraform prints a sensitive value holds "s3cret" here.
const plan = `{
  "variables": {"key": {"value": "s3cret"}, "name": {"value": "kept"}},
  "configuration": {"root_module": {
    "variables": {"key": {"sensitive": true, "default": "s3cret"}, "name": {"default": "kept"}},
    "module_calls": {"m": {"module": {"variables": {"inner": {"sensitive": true, "default": "s3cret"}}}}}}},
  "planned_values": {
    "outputs": {"o": {"sensitive": true, "value": "s3cret"}, "p": {"sensitive": false, "value": "kept"}},
    "root_module": {"child_modules": [{"resources": [{"values": {"a": ["s3cret", "kept"]}, "sensitive_values": {"a": [true]}}]}]}},
  "prior_state": {"values": {"root_module": {"resources": [{"values": {"a": "s3cret"}, "sensitive_values": {"a": true}}]}}},
  "resource_changes": [{"change": {"before": "s3cret", "before_sensitive": true, "after": {"a": "s3cret", "n": null}, "after_sensitive": {"a": true, "n": true}}}],
  "deferred_changes": [{"resource_change": {"change": {"after": {"a": "s3cret"}, "after_sensitive": {"a": true}}}}],
  "output_changes": {"o": {"after": "s3cret", "after_sensitive": true}},
  "action_invocations": [{"config_values": {"a": "s3cret", "b": "kept"}, "config_sensitive": {"a": true}}]
}`

func TestHide(t *testing.T) {
	var doc map[string]any
	if err := json.Unmarshal([]byte(plan), &doc); err != nil {
		t.Fatal(err)
	}
	Hide(doc)
	out, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	secrets := strings.Count(plan, `"s3cret"`)
	for text, n := range map[string]int{"s3cret": 0, Sensitive: secrets, `"kept"`: strings.Count(plan, `"kept"`), `"n":null`: 1} {
		if got := strings.Count(string(out), text); got != n {
			t.Errorf("%d × %s, want %d, in %s", got, text, n, out)
		}
	}
}
