package selector

import (
	"fmt"
	"runtime"

	"skysail/catalog"
	"skysail/policies"
	"skysail/spec"
)

// Local is the result for a deployment on this machine.
func Local(svc *spec.Service) Result {
	r := Result{Rule: RuleLocal, Why: "without --remote a service runs on this machine", Providers: []string{policies.Local}}
	if why := localRefusal(svc); why != "" {
		r.Refused = []Refusal{{Provider: policies.Local, Reason: why, Count: 1}}
		return r
	}
	r.Candidates = []Candidate{{
		Offer: &catalog.Offer{Provider: policies.Local, Region: "local", Type: "local", Arch: runtime.GOARCH},
		by:    &ordering{rule: RuleLocal, listed: 1},
	}}
	return r
}

func localRefusal(svc *spec.Service) string {
	switch need := &svc.Resources; {
	case svc.Ranged():
		return fmt.Sprintf("the service asks for %d to %d instances, this machine runs one", svc.Instances, svc.MaxInstances)
	case svc.Instances > 1:
		return fmt.Sprintf("the service asks for %d instances, this machine runs one", svc.Instances)
	case need.GPU != nil:
		return "the service asks for a GPU, which is not handed out locally"
	case svc.Disk != nil:
		return fmt.Sprintf("the service asks for a disk at %s, and no disk of this machine is handed out locally", svc.Disk.Path)
	// A service that does not say runs on what this machine is.
	case need.Arch != "" && need.Arch != runtime.GOARCH:
		return fmt.Sprintf("the service asks for %s, this machine is %s", need.Arch, runtime.GOARCH)
	}
	return ""
}
