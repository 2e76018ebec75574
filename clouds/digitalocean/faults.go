package digitalocean

import (
	_ "embed" // the table

	"skysail/clouds/faults"
)

//go:embed faults.yaml
var faultsYAML []byte

var table = faults.WithCommon("clouds/digitalocean/faults.yaml", faultsYAML)

// Faults classifies what Terraform prints when DigitalOcean refuses.
func (c *Cloud) Faults() faults.Table { return table() }
