package aws

import (
	"encoding/json"
	"net/http"
	"strings"
)

// jsonForm is AWS's JSON protocol, version 1.1.
type jsonForm struct{}

func (jsonForm) answer(w http.ResponseWriter, _ *call, body any) { writeJSON(w, http.StatusOK, body) }

func (jsonForm) refuse(w http.ResponseWriter, _ *call, e *apiError) {
	writeJSON(w, e.status, map[string]string{"__type": e.code, "message": e.message})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone, then
}

// operation is the last part of X-Amz-Target.
func (c *call) operation() string {
	target := c.Header.Get("X-Amz-Target")
	return target[strings.LastIndex(target, ".")+1:]
}

func (c *call) decode(v any) error {
	if err := json.Unmarshal(c.body, v); err != nil {
		return badRequest("SerializationException", "%v", err)
	}
	return nil
}
