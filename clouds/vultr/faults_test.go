package vultr

import (
	"testing"

	"skysail/clouds"
	"skysail/clouds/faults"
	"skysail/clouds/faults/cases"
)

func TestFaults(t *testing.T) {
	table := New(clouds.MapEnv(nil)).Faults()
	cases.Check(t, table, len(table)-len(faults.Common()), "testdata/faults.yaml", 2)
}
