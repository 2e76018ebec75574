// Package modules holds the Terraform modules that bundles are made of: one
// for each provider, with the same inputs and outputs, and cloudinit, which
// those that make virtual machines share.
package modules

import "embed"

// FS has one folder a module, named as the provider is.
//
// The chart has files whose names begin with a dot and an underscore.
//
//go:embed aws cloudinit digitalocean gcp kubernetes local vultr all:kubernetes/chart
var FS embed.FS
