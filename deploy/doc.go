// Package deploy places services: it selects a target, generates a bundle,
// applies it, falls back when that fails, registers what came out with QoS,
// and removes it again with proof.
//
// Deployer is the only way in which the commands deploy, and the way for a
// program that embeds skysail. Such a program calls RunHelper first in main:
// local services, Terraform plugins and the sandbox run as helper processes
// of the same executable.
package deploy

import (
	"skysail/internal/reexec"

	// The helpers that RunHelper must know.
	_ "skysail/clouds/local/plugin"
	_ "skysail/sandbox/plugin"
	_ "skysail/sandbox/vm"
)

// RunHelper runs the helper that this process was started as and exits, or
// returns at once in a process that a user started. Call it first in main,
// and in the TestMain of tests that deploy.
func RunHelper() { reexec.Main() }
