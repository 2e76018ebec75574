package review

import (
	"encoding/json"
	"strings"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"
)

// canary stands wherever Terraform prints a sensitive value in clear.
const canary = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAcanary\n-----END OPENSSH PRIVATE KEY-----\n"

// planOf reads a plan with CANARY in it, as `terraform show -json` has it.
func planOf(t *testing.T, text string) *tfjson.Plan {
	t.Helper()
	quoted, err := json.Marshal(canary)
	if err != nil {
		t.Fatal(err)
	}
	var p tfjson.Plan
	if err := json.Unmarshal([]byte(strings.ReplaceAll(text, `"CANARY"`, string(quoted))), &p); err != nil {
		t.Fatal(err)
	}
	return &p
}

const showJSON = `{
  "format_version": "1.2", "terraform_version": "1.11.4", "timestamp": "2026-09-20T10:30:00Z",
  "variables": {
    "ssh_host_keys": {"value": [{"private_key": "CANARY", "public_key": "ssh-ed25519 AAAAhost"}]},
    "name": {"value": "echo"}
  },
  "planned_values": {
    "outputs": {"key": {"sensitive": true, "value": "CANARY"}, "url": {"sensitive": false, "value": "http://x"}},
    "root_module": {
      "resources": [{"address": "a.b", "mode": "managed", "type": "a", "name": "b", "values": {"data": "CANARY", "n": 1234567890}, "sensitive_values": {"data": true}}],
      "child_modules": [{"resources": [{"address": "m.a.b", "mode": "managed", "type": "a", "name": "b",
        "values": {"list": [{"in": "CANARY", "out": "kept"}, {"in": "CANARY"}], "none": null}, "sensitive_values": {"list": [{"in": true}, true], "none": true}}]}]
    }
  },
  "prior_state": {"format_version": "1.0", "values": {
    "outputs": {"key": {"sensitive": true, "value": "CANARY"}},
    "root_module": {"resources": [{"address": "a.c", "mode": "data", "type": "a", "name": "c", "values": {"data": "CANARY"}, "sensitive_values": {"data": true}}]}
  }},
  "resource_drift": [{"address": "a.d", "change": {"actions": ["update"], "before": {"x": "CANARY"}, "before_sensitive": {"x": true}, "after": {"x": "CANARY"}, "after_sensitive": {"x": true}}}],
  "resource_changes": [
    {"address": "a.b", "mode": "managed", "change": {"actions": ["create"], "before": null, "before_sensitive": false, "after": {"user_data": "CANARY", "tags": {"a": "b"}}, "after_sensitive": {"user_data": true, "tags": {}}}},
    {"address": "a.e", "mode": "managed", "change": {"actions": ["create"], "before": null, "after": {"unmarked": "x CANARY", "indented": "INDENTED", "public": "ssh-ed25519 AAAAclient\n"}, "after_sensitive": {}}}
  ],
  "output_changes": {"key": {"actions": ["create"], "before": null, "after": "CANARY", "before_sensitive": false, "after_sensitive": true}},
  "relevant_attributes": [{"resource": "z", "attribute": ["id"]}, {"resource": "a", "attribute": []}],
  "configuration": {"root_module": {
    "variables": {"ssh_host_keys": {"sensitive": true, "default": "CANARY"}, "name": {"default": "echo"}},
    "module_calls": {"service": {"module": {"variables": {"key": {"sensitive": true, "default": "CANARY"}}}}}
  }}
}`

func redacted(t *testing.T, text string) string {
	t.Helper()
	text = strings.ReplaceAll(text, `"x CANARY"`, `"CANARY"`)
	text = strings.ReplaceAll(text, "INDENTED", strings.ReplaceAll(strings.ReplaceAll(canary, "\n", "\\n    "), `"`, `\"`))
	b, err := Redact(planOf(t, text), []string{canary}, []string{"ssh-ed25519 AAAAclient", "ssh-ed25519 AAAAhost"})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRedact(t *testing.T) {
	got := redacted(t, showJSON)
	if strings.Contains(got, "canary") || strings.Contains(got, "PRIVATE KEY") {
		t.Errorf("the canary is in it:\n%s", got)
	}
	if n := strings.Count(got, `"`+Sensitive+`"`); n != 15 {
		t.Errorf("%d values are hidden, wanted 15:\n%s", n, got)
	}
	for _, kept := range []string{`"echo"`, `"http://x"`, `"kept"`, `1234567890`, `"none": null`, `"` + Fresh + `"`, `"a": "b"`} {
		if !strings.Contains(got, kept) {
			t.Errorf("%s is lost:\n%s", kept, got)
		}
	}
	if strings.Contains(got, "AAAAclient") || strings.Contains(got, "timestamp") {
		t.Error("what is new with each plan is in it")
	}
}

// TestRedactByMarks holds the marks alone: nothing else is known.
func TestRedactByMarks(t *testing.T) {
	text := strings.ReplaceAll(strings.ReplaceAll(showJSON, `"x CANARY"`, `"x"`), "INDENTED", "x")
	b, err := Redact(planOf(t, text), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), "canary") {
		t.Errorf("the canary is in it:\n%s", b)
	}
}

func TestRedactIsDeterministic(t *testing.T) {
	other := strings.Replace(showJSON, `{"resource": "z", "attribute": ["id"]}, {"resource": "a", "attribute": []}`,
		`{"resource": "a", "attribute": []}, {"resource": "z", "attribute": ["id"]}`, 1)
	other = strings.Replace(other, "10:30:00", "11:30:00", 1)
	if other == showJSON {
		t.Fatal("nothing was changed")
	}
	if redacted(t, showJSON) != redacted(t, other) {
		t.Error("the same plan, made again, gives other bytes")
	}
}

// TestRedactedIsAPlan reads it as conftest and others do.
func TestRedactedIsAPlan(t *testing.T) {
	var p tfjson.Plan
	if err := json.Unmarshal([]byte(redacted(t, showJSON)), &p); err != nil {
		t.Fatal(err)
	}
	if len(p.ResourceChanges) != 2 || len(Changes(&p)) != 2 {
		t.Errorf("changes %+v", p.ResourceChanges)
	}
}
