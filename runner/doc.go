// Package runner drives Terraform through terraform-exec: it finds or
// installs the engine, runs init, plan, apply and destroy in one workspace,
// and turns Terraform's JSON stream into typed events and diagnostics.
//
// A Workspace keeps one tfexec.Terraform, which asks the engine for its version
// once, and sets its output before each call: ApplyJSON redirects that for good.
package runner
