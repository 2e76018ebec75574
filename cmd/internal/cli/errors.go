package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"skysail/internal/failure"
	"skysail/internal/hclfile"
)

// errorJSON is the object that `-o json` prints on standard error.
type errorJSON struct {
	Code        failure.Code      `json:"code"`
	Cause       string            `json:"cause"`
	Meaning     string            `json:"meaning"`
	Next        string            `json:"next"`
	Diagnostics []hclfile.Problem `json:"diagnostics,omitempty"`
}

// asFailure gives every error the three parts of a failure.
func asFailure(err error) *failure.Error {
	var f *failure.Error
	if errors.As(err, &f) {
		return f
	}
	var h *hclfile.Error
	if errors.As(err, &h) {
		return failure.Wrap(err, failure.Input, "bad input", "Nothing was changed.", "Mend the places above and run again.")
	}
	// Cobra has no types for its own errors: they are all of wrong usage.
	if text := err.Error(); strings.HasPrefix(text, "unknown command") || strings.HasPrefix(text, "accepts ") || strings.HasPrefix(text, "requires at least") {
		return failure.New(failure.Input, text, "", "`skysail --help` lists the commands.")
	}
	return failure.New(failure.Failed, err.Error(), "", "")
}

func (a *app) printError(err error) {
	f := asFailure(err)
	var text strings.Builder
	var problems []hclfile.Problem
	for _, h := range hclfile.Errors(err) {
		text.WriteString(strings.TrimRight(h.Error(), "\n") + "\n")
		problems = append(problems, h.Problems()...)
	}
	if a.output == "json" {
		e := errorJSON{Code: f.Code, Cause: f.Cause, Meaning: f.Meaning, Next: f.Next, Diagnostics: problems}
		if len(problems) > 0 {
			e.Cause = strings.TrimRight(text.String(), "\n")
		}
		enc := json.NewEncoder(a.io.Err)
		enc.SetIndent("", "  ")
		_ = enc.Encode(map[string]any{"version": 1, "error": e})
		return
	}
	if len(problems) > 0 {
		_, _ = fmt.Fprint(a.io.Err, text.String())
		return
	}
	_, _ = fmt.Fprintf(a.io.Err, "Error: %s\n", f.Cause)
	for _, part := range []string{f.Meaning, f.Next} {
		if part != "" {
			_, _ = fmt.Fprintf(a.io.Err, "\n%s\n", part)
		}
	}
}
