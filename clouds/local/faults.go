package local

import (
	_ "embed" // the table

	"skysail/clouds/faults"
)

//go:embed faults.yaml
var faultsYAML []byte

var table = faults.WithCommon("clouds/local/faults.yaml", faultsYAML)

// Faults classifies what Terraform prints when the local provider fails.
func (c *Cloud) Faults() faults.Table { return table() }
