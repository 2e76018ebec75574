// Package runner drives Terraform through terraform-exec: it finds or
// installs the engine, runs init, plan, apply and destroy in one workspace,
// and turns Terraform's JSON stream into typed events and diagnostics.
//
// A Workspace makes a new tfexec.Terraform for each call, because ApplyJSON
// redirects an instance's standard output for good.
package runner
