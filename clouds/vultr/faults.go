package vultr

import (
	_ "embed" // the table

	"skysail/clouds/faults"
)

//go:embed faults.yaml
var faultsYAML []byte

var table = faults.WithCommon("clouds/vultr/faults.yaml", faultsYAML)

// Faults classifies what Terraform prints when Vultr refuses.
func (c *Cloud) Faults() faults.Table { return table() }
