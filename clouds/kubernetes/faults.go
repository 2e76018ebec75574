package kubernetes

import (
	_ "embed" // the table

	"skysail/clouds/faults"
)

//go:embed faults.yaml
var faultsYAML []byte

var table = faults.WithCommon("clouds/kubernetes/faults.yaml", faultsYAML)

// Faults classifies what Terraform prints when a cluster or Helm
// refuses.
func Faults() faults.Table { return table() }
