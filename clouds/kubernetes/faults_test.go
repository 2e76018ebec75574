package kubernetes

import (
	"testing"

	"skysail/clouds/faults"
	"skysail/clouds/faults/cases"
)

func TestFaults(t *testing.T) {
	cases.Check(t, Faults(), len(Faults())-len(faults.Common()), "testdata/faults.yaml", 1)
}
