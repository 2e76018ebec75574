package aws

import (
	_ "embed" // the table

	"skysail/clouds/faults"
)

//go:embed faults.yaml
var faultsYAML []byte

var table = faults.WithCommon("clouds/aws/faults.yaml", faultsYAML)

// Faults classifies what Terraform prints when AWS refuses, by the code that
// AWS gives.
func (c *Cloud) Faults() faults.Table { return table() }
