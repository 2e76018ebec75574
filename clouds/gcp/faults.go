package gcp

import (
	_ "embed" // the table

	"skysail/clouds/faults"
)

//go:embed faults.yaml
var faultsYAML []byte

var table = faults.WithCommon("clouds/gcp/faults.yaml", faultsYAML)

// Faults classifies what Terraform prints when Google Cloud refuses.
func (c *Cloud) Faults() faults.Table { return table() }
