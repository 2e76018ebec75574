package kubernetes

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"skysail/clouds/faults"
)

// Finding is one reason why a deployment is not ready.
type Finding struct {
	// Kind, Namespace and Name say of what: pod, replica_set, deployment,
	// namespace, or cluster where a call failed.
	Kind, Namespace, Name string
	Container             string
	// Reason is the cluster's word: FailedScheduling, ImagePullBackOff, …
	Reason string
	// Text is what the cluster said, made so that the fault table classifies
	// it, without secrets and of some KiB at the most. For a container that
	// ends it has the last lines of its log.
	Text string
	// Verdict is what the fault table says of Text.
	Verdict faults.Verdict
	// Pods is how many pods are held up by the same.
	Pods int
	// Since is when it was first seen, as far as the cluster tells.
	Since time.Time
	// ScaleUp says that the cluster's autoscaler is making a node for it.
	ScaleUp bool
}

// Diagnosis says how far a deployment is, and what holds it up.
type Diagnosis struct {
	// Wanted is how many pods there should be, Updated how many of them are of
	// the newest revision, Ready how many of those take requests.
	Wanted, Updated, Ready int
	// Done says that the newest revision stands whole, and the old one is gone.
	Done bool
	// Findings begin with what the fault table finds most telling.
	Findings []Finding
}

// Messages are the findings' texts for a fault table.
func (d Diagnosis) Messages() []string {
	out := make([]string, 0, len(d.Findings))
	for _, f := range d.Findings {
		out = append(out, f.Text)
	}
	return out
}

// Verdict is what the findings together mean for what to do next. A deployment
// that nothing is found about is a timeout.
func (d Diagnosis) Verdict() faults.Verdict {
	if len(d.Findings) == 0 {
		return faults.Verdict{Class: faults.Timeout, Scope: faults.Timeout.Scope(), Message: d.String()}
	}
	return Faults().Judge(d.Messages()...)
}

// String says it for people, in a line or more.
func (d Diagnosis) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d pods are ready", d.Ready, d.Wanted)
	if len(d.Findings) == 0 && !d.Done {
		b.WriteString(", and the cluster says nothing of why the others are not")
	}
	for _, f := range d.Findings {
		b.WriteString("\n" + f.Text)
		if f.Pods > 1 {
			fmt.Fprintf(&b, " (%d pods)", f.Pods)
		}
	}
	return b.String()
}

// add notes a finding; what holds several pods up in the same way is one.
func (d *Diagnosis) add(f Finding) {
	f.Text = faults.Clean(f.Text)
	f.Verdict = Faults().Judge(f.Text)
	i := slices.IndexFunc(d.Findings, func(o Finding) bool {
		return o.Kind == f.Kind && o.Container == f.Container && o.Reason == f.Reason && o.Verdict.Class == f.Verdict.Class
	})
	if i < 0 {
		d.Findings = append(d.Findings, f)
		return
	}
	old := &d.Findings[i]
	old.Pods += f.Pods
	old.ScaleUp = old.ScaleUp || f.ScaleUp
	if !f.Since.IsZero() && (old.Since.IsZero() || f.Since.Before(old.Since)) {
		old.Since = f.Since
	}
}

// sort puts the finding first that decides.
func (d *Diagnosis) sort() {
	table := Faults()
	rank := func(f Finding) int {
		for i := range table {
			if table[i].Pattern.MatchString(f.Text) {
				return i
			}
		}
		return len(table)
	}
	slices.SortStableFunc(d.Findings, func(a, b Finding) int { return rank(a) - rank(b) })
}
