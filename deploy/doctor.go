package deploy

import (
	"context"
	"strings"
	"sync"
	"time"

	"skysail/clouds"
	"skysail/policies"
)

// doctorTimeout is the deadline of each check.
const doctorTimeout = 5 * time.Second

// CheckState is what a check came to.
type CheckState string

// The states. Absent is not wrong: something optional is not set up, or could
// not be looked at.
const (
	CheckOK     CheckState = "ok"
	CheckAbsent CheckState = "absent"
	CheckFailed CheckState = "failed"
)

// Check is one thing that Doctor looked at.
type Check struct {
	Group string     `json:"group"`
	Name  string     `json:"name"`
	State CheckState `json:"state"`
	// Detail is what was found. It never holds a secret.
	Detail string `json:"detail"`
	// Fix says what to do about it; empty when there is nothing to do.
	Fix string `json:"fix,omitempty"`
}

// The groups, in the order of Diagnosis.Checks.
const (
	GroupClouds    = "clouds"
	GroupTerraform = "terraform"
	GroupMachine   = "this machine"
	GroupNetwork   = "network"
	GroupPrices    = "prices"
)

// Diagnosis is what Doctor found.
type Diagnosis struct {
	Checks []Check
}

// Failed returns the checks that failed: what they say must be mended before a
// deployment can work.
func (d Diagnosis) Failed() []Check {
	var out []Check
	for _, c := range d.Checks {
		if c.State == CheckFailed {
			out = append(out, c)
		}
	}
	return out
}

// Ready returns where a deployment can go by what was found: the clouds whose
// credentials are valid, and this machine.
func (d Diagnosis) Ready() []string {
	network := true
	for _, c := range d.Failed() {
		switch c.Group {
		case GroupClouds:
		case GroupNetwork:
			network = false
		default:
			return []string{}
		}
	}
	out := []string{}
	for _, c := range d.Checks {
		if network && c.Group == GroupClouds && c.State == CheckOK {
			out = append(out, c.Name)
		}
	}
	return append(out, policies.Local)
}

// Doctor looks at everything that a deployment needs: each cloud's credentials
// (one cheap call where there are some), Terraform, the store, disk, clock,
// network, and the age of the prices; with Options.Sandbox at the simulated
// clouds in place of the real ones. The checks run side by side, each with a
// deadline of five seconds. Nothing is fetched or created but the store, which
// every command makes. An error means that it could not begin at all.
func Doctor(ctx context.Context, opts Options) (Diagnosis, error) {
	d, err := withoutStore(opts)
	if err != nil {
		return Diagnosis{}, err
	}
	doc := &doctor{d: d, now: time.Now, registry: registryURL, releases: releasesURL, sshHost: sshHost}
	return doc.examine(ctx), nil
}

// doctor is one examination.
type doctor struct {
	d   *Deployer
	now func() time.Time
	// Where the world is; tests have their own.
	registry, releases, sshHost string

	env clouds.Env
	// remote says that there are credentials of a real cloud, so that the
	// network is needed.
	remote bool
}

func (doc *doctor) examine(ctx context.Context) Diagnosis {
	var first []Check
	env, err := doc.d.environment(ctx, doc.d.opts.Sandbox)
	if err != nil {
		first = append(first, failedCheck(GroupClouds, "sandbox", err))
		env = clouds.MapEnv(nil)
	}
	doc.env = env
	providers := policies.Providers()
	doc.remote = !doc.d.opts.Sandbox && doc.anyCredentials(providers)

	checks := []func(context.Context) []Check{}
	for _, p := range providers {
		checks = append(checks, func(ctx context.Context) []Check { return doc.provider(ctx, p) })
	}
	checks = append(
		checks, doc.terraform, doc.plugins, doc.backend, doc.store, doc.disk, doc.containers,
		doc.proxy, doc.reach, doc.ssh, doc.prices,
	)
	parts := make([][]Check, len(checks))
	var wg sync.WaitGroup
	for i, check := range checks {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
			defer cancel()
			parts[i] = check(ctx)
		})
	}
	wg.Wait()
	out := Diagnosis{Checks: first}
	for _, p := range parts {
		out.Checks = append(out.Checks, p...)
	}
	return out
}

func (doc *doctor) anyCredentials(providers []string) bool {
	for _, p := range providers {
		if p == policies.Local {
			continue
		}
		if c, err := doc.d.cloud(p, doc.env); err == nil && c.Credentials() == nil {
			return true
		}
	}
	return false
}

// unlessNeeded makes a failure of what no deployment here needs one that only
// tells.
func (doc *doctor) unlessNeeded(c Check) Check {
	if c.State == CheckFailed && !doc.remote {
		c.State = CheckAbsent
	}
	return c
}

// failedCheck is a check whose error has its cause in the first line and what
// to do about it in the others.
func failedCheck(group, name string, err error) Check {
	detail, fix, _ := strings.Cut(err.Error(), "\n")
	return Check{Group: group, Name: name, State: CheckFailed, Detail: detail, Fix: strings.TrimSpace(fix)}
}
