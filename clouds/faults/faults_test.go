package faults_test

import (
	"regexp"
	"testing"

	"skysail/clouds/faults"
	"skysail/clouds/faults/cases"
)

func TestCommon(t *testing.T) {
	cases.Check(t, faults.Common(), len(faults.Common()), "testdata/faults.yaml", 4)
}

// An apply of several instances fails with several messages. The rules'
// order decides, not that of the messages.
func TestClassifyOrder(t *testing.T) {
	table := faults.Table{
		{Class: faults.Quota, Pattern: regexp.MustCompile(`limit`)},
		{Class: faults.Capacity, Pattern: regexp.MustCompile(`stock`)},
	}
	if got := table.Classify("out of stock", "over the limit"); got != faults.Quota {
		t.Errorf("two messages are %s, want the class of the first rule", got)
	}
	if got := table.Classify("other", "out of stock"); got != faults.Capacity {
		t.Errorf("the second message was not looked at: %s", got)
	}
	if got := table.Classify(); got != faults.Unknown {
		t.Errorf("no message is %s", got)
	}
}

func TestSteps(t *testing.T) {
	for class, want := range map[faults.Class]faults.Step{
		faults.Capacity: faults.NextRegion, faults.Quota: faults.NextRegion,
		faults.Transient: faults.SameAgain,
		faults.Auth:      faults.NextProvider, faults.NotEnabled: faults.NextProvider,
		faults.Timeout: faults.NextProvider, faults.Unknown: faults.NextProvider,
		faults.Invalid: faults.Stop, faults.Service: faults.Stop, faults.Busy: faults.Wait,
	} {
		if got := class.Next(); got != want {
			t.Errorf("after %s comes %s, want %s", class, got, want)
		}
		if class.Remedy() == "" && class != faults.Unknown {
			t.Errorf("%s has no remedy", class)
		}
	}
}
