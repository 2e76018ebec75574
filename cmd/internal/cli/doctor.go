package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/internal/failure"
	"skysail/qos"
)

func newDoctor(a *app) *cobra.Command {
	var t target
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check credentials, Terraform, store, clock, disk and network, and say how to mend what is wrong",
		Long: `Looks at everything that a deployment needs, side by side, for five seconds each:
for every cloud where its credentials are and whether they are valid (one call
that costs nothing), then Terraform, the store, disk, clock, network, and the age
of the prices. Nothing is created. No secret is ever printed.

A line begins with ✓ (good), – (not set up, or could not be looked at; a
deployment elsewhere works) or ✗ (wrong: mend it first). The exit status is 1
when a line has ✗. A cloud without credentials is no failure.`,
		Example: `  skysail doctor
  skysail doctor --sandbox
  skysail doctor -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			policy, err := t.loadPolicy(serviceFile(nil))
			if err != nil {
				return err
			}
			found, err := deploy.Doctor(cmd.Context(), t.options(policy))
			if err != nil {
				return err
			}
			return a.printDiagnosis(found)
		},
	}
	t.flags(cmd, false)
	return cmd
}

func (a *app) printDiagnosis(d deploy.Diagnosis) error {
	if a.output == "json" {
		if err := a.printJSON(map[string]any{"checks": d.Checks, "ready": d.Ready()}); err != nil {
			return err
		}
	} else {
		a.printChecks(d)
	}
	bad := d.Failed()
	if len(bad) == 0 {
		return nil
	}
	names := make([]string, len(bad))
	for i, c := range bad {
		names[i] = c.Name
	}
	return failure.New(failure.Failed, fmt.Sprintf("%d check(s) failed: %s", len(bad), strings.Join(names, ", ")),
		"", "Mend what has ✗ as its line says, then run `skysail doctor` again.")
}

// marks begin the lines of the checks.
var marks = map[deploy.CheckState]string{deploy.CheckOK: "✓", deploy.CheckAbsent: "–", deploy.CheckFailed: "✗"}

func (a *app) printChecks(d deploy.Diagnosis) {
	width := 0
	var groups []string
	by := map[string][]deploy.Check{}
	for _, c := range d.Checks {
		width = max(width, len(c.Name))
		if by[c.Group] == nil {
			groups = append(groups, c.Group)
		}
		by[c.Group] = append(by[c.Group], c)
	}
	for _, g := range groups {
		a.printf("%s\n", upper(g))
		for _, c := range by[g] {
			indent := strings.Repeat(" ", width+6)
			wrap(a.io.Out, fmt.Sprintf("  %s %-*s  ", marks[c.State], width, c.Name), qos.Printable(c.Detail), a.width())
			if c.Fix != "" {
				wrap(a.io.Out, indent+"→ ", qos.Printable(c.Fix), a.width())
			}
		}
	}
	if ready := d.Ready(); len(ready) > 0 {
		a.printf("\nA deployment can go to: %s.\n", strings.Join(ready, ", "))
	}
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
