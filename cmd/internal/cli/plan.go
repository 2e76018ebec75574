package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/deploy/review"
	"skysail/internal/failure"
)

// detailedFlag makes exit status 2 mean that there are changes.
const detailedFlag = "detailed-exitcode"

// Forms that a plan is printed in, beside -o json.
const (
	formText     = "text"
	formJSON     = "json"
	formMarkdown = "markdown"
)

// planFlags are the flags of plan.
type planFlags struct {
	target
	out        string
	format     string
	candidates int
	detailed   bool
}

func newPlan(a *app) *cobra.Command {
	var p planFlags
	cmd := &cobra.Command{
		Use:   "plan [FILE]",
		Short: "Show what a deployment would create, and write it for review",
		Long: `Plans the best candidate and shows the result. Creates nothing.

With --out the candidates that a deployment would try are planned and written to
DIR for review: for each its Terraform, its saved plan and plan.json; over all
PLAN.md and manifest.json with the hash of every file. The same input gives the
same reviewable bytes, and no secret is in them: keys and saved plans lie in
DIR/private. ` + "`skysail apply DIR`" + ` applies exactly that, once.

With --detailed-exitcode the exit status is 0 when nothing would change, 2 when
something would, and 1 when the input is wrong; all others as below.`,
		Example: `  skysail plan examples/hello/service.hcl --remote --sandbox
  skysail plan service.hcl --remote --out ./review && terraform fmt -check -recursive ./review
  skysail plan service.hcl --remote --out ./review --candidates 3 --format markdown --detailed-exitcode`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.runPlan(cmd, &p, args) },
	}
	p.flags(cmd, true)
	f := cmd.Flags()
	f.StringVar(&p.out, "out", "", "write the candidates for review to this folder")
	f.IntVar(&p.candidates, "candidates", -1, "how many candidates --out plans at most; 0 is all (default: failover.max_attempts)")
	f.StringVar(&p.format, "format", formText, "text, json, or markdown: a summary for a pull request")
	f.BoolVar(&p.detailed, detailedFlag, false, "exit with 2 when something would change, 0 when nothing would")
	return cmd
}

func (a *app) runPlan(cmd *cobra.Command, p *planFlags, args []string) error {
	if err := a.takeFormat(&p.format); err != nil {
		return err
	}
	many := p.out != "" || p.format == formMarkdown
	if cmd.Flags().Changed("candidates") && (!many || p.candidates < 0) {
		return failure.New(failure.Input, fmt.Sprintf("--candidates %d", p.candidates),
			"It says how many candidates --out plans, from 0 (all).", "Add --out DIR, or leave it out.")
	}
	svc, policy, err := p.load(args)
	if err != nil {
		return err
	}
	progress := a.newProgress()
	defer progress.stop()
	opts := p.options(policy)
	opts.Progress = progress.event
	ctx := cmd.Context()
	return withDeployer(ctx, opts, func(d *deploy.Deployer) error {
		if dep, same, err := d.Unchanged(ctx, svc); err != nil || same {
			progress.stop()
			if err != nil {
				return err
			}
			return a.printUnchanged(p, dep)
		}
		if !many {
			v, err := d.Plan(ctx, svc)
			progress.stop()
			if err != nil {
				return err
			}
			return p.status(a.printPlan(v, nil), v.Changes)
		}
		m, err := d.PlanBundles(ctx, svc, deploy.BundleOptions{Out: p.out, Candidates: p.candidates, Version: Version})
		progress.stop()
		if err != nil {
			if m != nil && p.format == formMarkdown {
				a.printf("%s", m.Comment(deploy.MaxBundleAge))
			}
			return err
		}
		v := deploy.PreviewOf(m, p.out)
		if p.format == formMarkdown {
			a.printf("%s", m.Comment(deploy.MaxBundleAge))
			return p.status(nil, v.Changes)
		}
		return p.status(a.printPlan(v, m), v.Changes)
	})
}

// takeFormat makes --format json the same as -o json, and md short for markdown.
func (a *app) takeFormat(format *string) error {
	switch *format {
	case formJSON:
		a.output = formJSON
	case "md":
		*format = formMarkdown
	case formText, formMarkdown:
	default:
		return failure.New(failure.Input, fmt.Sprintf("--format %q", *format), "The form is text, json or md.", "")
	}
	return nil
}

// status makes the exit status of what was printed.
func (p *planFlags) status(err error, changes []deploy.Change) error {
	if err == nil && p.detailed && len(changes) > 0 {
		return &exitWith{status: 2}
	}
	return err
}

// exitWith ends the program with a status and no error text.
type exitWith struct{ status int }

func (e *exitWith) Error() string { return fmt.Sprintf("exit status %d", e.status) }

// detailedAsked says whether status 2 is taken, even when the flags could not
// be read: a script must not see changes in a mistake.
func detailedAsked(args []string) bool {
	for _, arg := range args {
		if arg == "--"+detailedFlag || strings.HasPrefix(arg, "--"+detailedFlag+"=") && arg != "--"+detailedFlag+"=false" {
			return true
		}
	}
	return false
}

func (a *app) printUnchanged(p *planFlags, dep deploy.Deployment) error {
	switch {
	case a.output == formJSON:
		return a.printJSON(map[string]any{
			"name": dep.Name, "id": dep.ID, "sandbox": dep.Sandbox, "changes": []deploy.Change{}, "unchanged": true, "deployment": dep,
		})
	case p.format == formMarkdown:
		a.printf("### skysail plan: %s\n\nNo changes: it runs on %s %s %s as described.\n", dep.Name, dep.Provider, dep.Region, dep.Type)
	default:
		a.printf("%s runs on %s, %s, %s%s as described: nothing would change.\n", dep.Name, dep.Provider, dep.Region, dep.Type, sandboxMark(dep.Sandbox))
		if p.out != "" {
			a.printf("Nothing was written to %s.\n", p.out)
		}
	}
	return nil
}

// printPlan prints a plan; m is what was written for review, nil for nothing.
func (a *app) printPlan(p deploy.Preview, m *review.Manifest) error {
	if a.output == formJSON {
		fallbacks := make([]candidateJSON, 0, len(p.Fallbacks))
		for i := range p.Fallbacks {
			fallbacks = append(fallbacks, candidateOf(&p.Fallbacks[i]))
		}
		out := map[string]any{
			"name": p.Name, "id": p.ID, "sandbox": p.Sandbox, "rule": p.Rule,
			"changes": p.Changes, "fallbacks": fallbacks, "max_usd_hour": p.MaxUSD, "out": p.Bundle,
			"warnings": nonNil(p.Warnings), "denied": nonNil(p.Denied),
		}
		if p.Candidate.Offer != nil {
			out["candidate"] = candidateOf(&p.Candidate)
		}
		if m != nil {
			out["hash"], out["planned"] = m.Hash, m.Candidates
		}
		return a.printJSON(out)
	}
	if m == nil {
		printPreview(a.io.Out, p)
		return nil
	}
	a.printf("%s", m.Text(deploy.MaxBundleAge))
	if p.Bundle != "" {
		a.printf("\nWritten to %[1]s; %[1]s/%[2]s is for reviewers.\nNext: skysail apply %[1]s --hash %[3]s\n", p.Bundle, review.PlanFile, m.Hash)
	}
	return nil
}

// nonNil makes [] of an empty list in JSON.
func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
