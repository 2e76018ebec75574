// Package alert makes alerts of what a monitor reads: it counts readings for
// objectives, keeps the state of each alert in the store, and writes what
// people are to be told together with it. So a restart forgets nothing and
// tells nobody twice.
package alert

import (
	"fmt"
	"time"

	"skysail/internal/duration"
	"skysail/policies"
	"skysail/qos/objective"
)

// Kind is one of the alerts that there are.
type Kind struct {
	Name     string
	Severity string
	// Always is told in maintenance, too.
	Always bool
	Help   string
}

// The alerts. The severity of a burning budget is that of its speed.
var (
	BudgetBurn = Kind{Name: "SkysailErrorBudgetBurn", Help: "An objective's error budget burns faster than it may."}
	Down       = Kind{
		Name: "SkysailInstanceDown", Severity: policies.SeverityPage,
		Help: "An instance failed twice as many checks in a row as its health block's failure_threshold.",
	}
	HostKey = Kind{
		Name: "SkysailHostKeyChanged", Severity: policies.SeverityPage, Always: true,
		Help: "Another SSH host key than the pinned one was shown at the address of an instance.",
	}
	Certificate = Kind{
		Name: "SkysailCertificateExpiry", Severity: policies.SeverityTicket,
		Help: fmt.Sprintf("A TLS certificate expires within %s.", duration.Text(CertificateLeft)),
	}
	Stale = Kind{
		Name: "SkysailSourceStale", Severity: policies.SeverityTicket,
		Help: fmt.Sprintf("A source of an instance could not be read for %s.", duration.Text(StaleAfter)),
	}
)

const (
	// CertificateLeft is how long before its end a certificate is to be renewed:
	// automatic renewal has had its chance by then.
	CertificateLeft = 14 * duration.Day
	// StaleAfter is how long a source may be silent: over a few turns that were
	// left out, and a reboot.
	StaleAfter = 10 * time.Minute
	// goneAfter is how long an instance of which nothing is heard counts as one
	// that is there.
	goneAfter = 15 * time.Minute
)

// finding is what an alert's rule says now.
type finding struct {
	Kind

	deployment string
	labels     map[string]string
	condition  objective.Condition
	summary    string
}

// key tells alerts apart. It has no identifier of the deployment, so that an
// alert goes on over a replacement.
func (f *finding) key() string { return f.named("objective", "burn_rate", "instance", "source") }

// group tells causes apart.
func (f *finding) group() string { return f.named("objective", "instance", "source") }

func (f *finding) named(labels ...string) string {
	key := f.deployment + "/" + f.Name
	for _, name := range labels {
		if v, ok := f.labels[name]; ok {
			key += "/" + v
		}
	}
	return key
}

// ofTarget are the alerts of one instance: each says what it knows, and in
// words why.
var ofTarget = []struct {
	Kind
	judge func(t *target, now time.Time) (objective.Condition, string)
}{
	{Down, func(t *target, _ time.Time) (objective.Condition, string) {
		return t.down, fmt.Sprintf("instance %s is down: %s", t.instance, t.why)
	}},
	{HostKey, func(t *target, _ time.Time) (objective.Condition, string) {
		return t.hostKey, fmt.Sprintf("instance %s shows another SSH host key than the pinned one: somebody else may answer at its address", t.instance)
	}},
	{Certificate, func(t *target, now time.Time) (objective.Condition, string) {
		if t.expiry.IsZero() {
			return objective.Unknown, ""
		}
		return objective.Is(t.expiry.Before(now.Add(CertificateLeft))),
			fmt.Sprintf("the TLS certificate of instance %s ends at %s: renew it", t.instance, t.expiry.UTC().Format(time.RFC3339))
	}},
}
