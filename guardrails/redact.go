package guardrails

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"skysail/internal/tfplan"
)

// Hidden stands for a sensitive value.
const Hidden = tfplan.Sensitive

// redacted reads a plan in JSON and hides every value in it that Terraform
// marks as sensitive.
func redacted(plan []byte) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(plan))
	dec.UseNumber()
	var doc map[string]any
	if err := dec.Decode(&doc); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows after the plan's object")
	}
	if _, ok := doc["resource_changes"].([]any); !ok {
		if _, ok := doc["planned_values"].(map[string]any); !ok {
			return nil, errors.New("it has neither resource_changes nor planned_values")
		}
	}
	tfplan.Hide(doc)
	return doc, nil
}
