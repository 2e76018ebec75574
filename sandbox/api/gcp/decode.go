package gcp

import (
	"bytes"
	"encoding/json"
	"net/http"

	"skysail/sandbox/api"
)

// longs are the 64-bit numbers of requests. The API answers with them as text
// and takes both, text and numbers; the SDK's types read text only.
var longs = map[string]bool{
	"sizeGb": true, "diskSizeGb": true, "seconds": true, "provisionedIops": true, "provisionedThroughput": true,
}

// decode reads a request's body and returns it as it was sent.
func decode(w http.ResponseWriter, r *http.Request, v any) ([]byte, error) {
	wrong := &apiError{status: http.StatusBadRequest, reason: "parseError", message: "Parse Error"}
	var body numbers
	raw, err := api.Body(w, r, &body)
	if err != nil {
		return nil, wrong
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return raw, nil
	}
	next, err := json.Marshal(asText(body.v))
	if err != nil {
		return nil, wrong
	}
	if err := json.Unmarshal(next, v); err != nil {
		return nil, wrong
	}
	return raw, nil
}

// asText makes text of the longs in a body, and leaves out what is null in
// lists, as the API does.
func asText(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if n, ok := e.(json.Number); ok && longs[k] {
				v[k] = n.String()
				continue
			}
			v[k] = asText(e)
		}
	case []any:
		// Terraform's provider sends [null] for an empty list.
		out := []any{}
		for _, e := range v {
			if e != nil {
				out = append(out, asText(e))
			}
		}
		return out
	}
	return v
}

// numbers decodes JSON with its numbers as they are written.
type numbers struct{ v any }

func (n *numbers) UnmarshalJSON(raw []byte) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(&n.v)
}
