package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"skysail/clouds"
	"skysail/runner"
	"skysail/sandbox/vm/container"
	"skysail/store"
)

const (
	// enoughDisk is what a deployment needs at most: Terraform, one cloud's
	// provider and the service's own files.
	enoughDisk = 1 << 30

	day = 24 * time.Hour
)

// terraform says which engine runs, or that one is fetched.
func (doc *doctor) terraform(ctx context.Context) []Check {
	out := Check{Group: GroupTerraform, Name: "engine", State: CheckOK}
	kind := runner.EngineKind(doc.d.policy.Engine)
	e, missing, err := doc.d.engineFinder(kind).Look(ctx)
	if err != nil {
		return []Check{failedCheck(GroupTerraform, "engine", err)}
	}
	if e.Path != "" {
		v, err := e.Version(ctx)
		if err != nil {
			out = failedCheck(GroupTerraform, "engine", err)
			out.Fix = "Install " + kind.Name() + " " + kind.Constraint() + " and put it on PATH."
			return []Check{out}
		}
		out.Detail = kind.Name() + " " + v + ", " + e.Path
		return []Check{out}
	}
	if kind == runner.OpenTofu {
		out.State, out.Detail = CheckFailed, missing
		out.Fix = "Install OpenTofu and put tofu on PATH, or leave engine out of the policy to use Terraform."
		return []Check{out}
	}
	out.Detail = missing + "; " + runner.InstallVersion + " is fetched when it is needed"
	if err := doc.get(ctx, doc.releases, nil); err != nil {
		out.State = CheckFailed
		out.Detail = fmt.Sprintf("%s, and it can not be fetched: %v", missing, err)
		out.Fix = "Install Terraform " + runner.EngineConstraint + " and put it on PATH, or allow https to releases.hashicorp.com."
	}
	return []Check{out}
}

// plugins says where Terraform takes the clouds' providers from. Whether their
// registry can be reached is a check of the network.
func (doc *doctor) plugins(context.Context) []Check {
	out := Check{Group: GroupTerraform, Name: "providers", State: CheckOK}
	mirror := doc.d.opts.ProviderMirror
	switch {
	case mirror != "":
		found, err := filepath.Glob(filepath.Join(mirror, runner.EngineKind(doc.d.policy.Engine).Registry(), "*", "*"))
		if err != nil || len(found) == 0 {
			out.State = CheckFailed
			out.Detail = "the mirror " + mirror + " holds no providers"
			out.Fix = "Fill it with `terraform providers mirror` and unpack the archives, or unset SKYSAIL_PROVIDER_MIRROR to use the registry."
			break
		}
		for i := range found {
			found[i] = filepath.Base(found[i])
		}
		out.Detail = "mirror " + mirror + ": " + strings.Join(found, ", ")
	case doc.d.opts.Sandbox:
		out.Detail = "skysail's own stand-ins for the sandbox"
	default:
		out.Detail = "fetched from " + runner.EngineKind(doc.d.policy.Engine).Registry() + "; SKYSAIL_PROVIDER_MIRROR can name a mirror"
	}
	return []Check{out}
}

// store opens the store, as every command does, and takes its lock once.
func (doc *doctor) store(ctx context.Context) []Check {
	path := doc.d.storePath()
	st, err := store.Open(ctx, path)
	if err != nil {
		return []Check{failedCheck(GroupMachine, "store", err)}
	}
	defer st.Close() //nolint:errcheck // nothing was written
	schema, err := st.Check(ctx)
	if err != nil {
		return []Check{failedCheck(GroupMachine, "store", err)}
	}
	rows, err := st.List(ctx, false)
	if err != nil {
		return []Check{failedCheck(GroupMachine, "store", err)}
	}
	out := Check{Group: GroupMachine, Name: "store", State: CheckOK}
	out.Detail = fmt.Sprintf("%s, schema %d, %d live deployment(s)", path, schema, len(rows))
	var stuck []string
	for _, r := range rows {
		if r.Phase == store.Stuck {
			stuck = append(stuck, r.Name)
		}
	}
	if len(stuck) > 0 {
		out.Detail += "; stuck: " + strings.Join(stuck, ", ")
		out.Fix = "What is stuck may still cost something: `skysail destroy " + stuck[0] + "`."
	}
	return []Check{out}
}

// disk says how much room there is where skysail keeps its files.
func (doc *doctor) disk(context.Context) []Check {
	out := Check{Group: GroupMachine, Name: "disk", State: CheckOK}
	var st unix.Statfs_t
	dir := doc.d.home
	err := unix.Statfs(dir, &st)
	for errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir {
		dir = filepath.Dir(dir)
		err = unix.Statfs(dir, &st)
	}
	if err != nil {
		return []Check{{Group: GroupMachine, Name: "disk", State: CheckAbsent, Detail: fmt.Sprintf("%s does not say how full it is: %v", dir, err)}}
	}
	free := st.Bavail * uint64(st.Bsize) //nolint:gosec // the types differ from system to system
	out.Detail = fmt.Sprintf("%.1f GiB free in %s", float64(free)/(1<<30), doc.d.home)
	if free < enoughDisk {
		out.State = CheckFailed
		out.Fix = "Terraform and its providers need about 1 GiB: make room, or set SKYSAIL_HOME to a folder with more."
	}
	return []Check{out}
}

// containers says whether this machine can run containers: services that run
// here, and those of simulated instances, may be some.
func (doc *doctor) containers(ctx context.Context) []Check {
	out := Check{Group: GroupMachine, Name: "containers", State: CheckOK}
	lookup := clouds.Env(os.LookupEnv)
	e, err := container.Find(ctx, lookup.Get("PATH"))
	if err != nil {
		out.State = CheckAbsent
		out.Detail = "no podman or docker that works; only native services run here and in the sandbox"
		out.Fix = "Needed only to run container images here or in the sandbox: install podman (`apt install podman`) or start docker."
		return []Check{out}
	}
	out.Detail = filepath.Base(e.Path) + " works, " + e.Path
	return []Check{out}
}

// prices says how old the prices of each cloud are.
func (doc *doctor) prices(context.Context) []Check {
	sold, err := doc.d.catalog()
	if err != nil {
		return []Check{failedCheck(GroupPrices, "catalog", err)}
	}
	oldest := map[string]string{}
	count := map[string]int{}
	var names []string
	for _, o := range sold.Offers {
		if count[o.Provider]++; count[o.Provider] == 1 {
			names = append(names, o.Provider)
		}
		if was := oldest[o.Provider]; was == "" || o.AsOf < was {
			oldest[o.Provider] = o.AsOf
		}
	}
	// Where each instance pays for its address, that price is as old as any.
	for p, r := range sold.Rates {
		if was, ok := oldest[p]; ok && r.AddressUSD > 0 && r.AsOf < was {
			oldest[p] = r.AsOf
		}
	}
	limits := doc.d.policy.Limits
	var out []Check
	for _, p := range names {
		c := Check{Group: GroupPrices, Name: p, State: CheckOK}
		asOf, err := time.Parse(time.DateOnly, oldest[p])
		if err != nil {
			out = append(out, failedCheck(GroupPrices, p, err))
			continue
		}
		age := doc.now().Sub(asOf)
		c.Detail = fmt.Sprintf("%d offers, prices of %s and later (%d days)", count[p], oldest[p], int(age/day))
		if age > limits.MaxPriceAge {
			c.State = CheckAbsent
			c.Detail += fmt.Sprintf(", older than limits.max_price_age = %gh", limits.MaxPriceAge.Hours())
			c.Fix = "Ask the providers anew with `skysail catalog refresh`; until then a cap (limits.max_hourly_usd) refuses these offers."
		}
		out = append(out, c)
	}
	return out
}
