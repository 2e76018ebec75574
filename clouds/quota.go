package clouds

import (
	"fmt"
	"strconv"

	"skysail/clouds/faults"
)

// Want is what an attempt is about to ask of a provider.
type Want struct {
	Region string
	Zone   string // "" where the provider chooses
	Type   string // the provider's name of the instance type
	Spot   bool
	Count  int     // instances
	VCPU   float64 // of one instance
	GPUs   int     // of one instance
	// GPUModel is the catalog's name of the model, "" without a GPU.
	GPUModel string
}

// Room is what the account's limits leave for a Want. Of several limits it is
// the one that refuses, else the one that is nearest. The zero value says that
// it could not be told.
type Room struct {
	// Limit is the provider's name of the limit; empty means that nothing is
	// known, and then nothing else counts.
	Limit string
	// Max is the limit, Used what counts against it now and Need what the Want
	// would add, all in the limit's own unit (instances, vCPU, dollars, …).
	Max, Used, Need float64
	// Scope is how far the limit reaches: what shares it has no more room.
	// Empty is faults.ScopeRegion.
	Scope faults.Scope
}

// Known says whether the provider told.
func (r Room) Known() bool { return r.Limit != "" }

// Fits says whether there is room, as far as it is known.
func (r Room) Fits() bool { return !r.Known() || r.Used+r.Need <= r.Max }

// String says it for people.
func (r Room) String() string {
	if !r.Known() {
		return "the limits are not known"
	}
	n := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	return fmt.Sprintf("%s is %s, %s of it in use, and this needs %s", r.Limit, n(r.Max), n(r.Used), n(r.Need))
}
