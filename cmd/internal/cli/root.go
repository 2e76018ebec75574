package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"skysail/internal/failure"
)

const exitHelp = `Exit status:
  0    done
  1    failed
  2    the input is wrong; nothing was changed
  3    nothing fits the service under the policy
  4    every candidate failed; all of it was removed
  5    something may be left behind; it is listed
  6    busy: another process works on it
  130  interrupted; what was begun was undone
`

// ownStream marks commands that write more than a result to standard output.
const ownStream = "own-stream"

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "skysail",
		Short: "Run a service on whichever cloud will take it, and watch it",
		Long: `skysail runs a service on this machine, or with --remote on the first cloud of
a policy that will take it, through Terraform that a person can review. When an
apply fails it removes what was half made and tries the next candidate. Then it
watches what it made.`,
		Example: `  skysail init && skysail validate
  skysail deploy service.hcl --sandbox
  skysail deploy service.hcl --remote`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().StringVarP(&a.output, "output", "o", "text", "output form: text, json (one object) or jsonl (events, the last line is that object)")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		switch a.output {
		case "text", "json":
		case "jsonl":
			if cmd.Annotations[ownStream] != "" {
				return failure.New(failure.Input, cmd.CommandPath()+" -o jsonl", "It has a stream of its own.", "Use -o json.")
			}
			a.output, a.events = "json", newEventStream(a.io.Out)
		default:
			bad := a.output
			a.output = "text"
			return failure.New(failure.Input, fmt.Sprintf("--output %q", bad), "The output form is text, json or jsonl.", "Use -o text, -o json or -o jsonl.")
		}
		return nil
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return failure.Wrap(err, failure.Input, cmd.CommandPath(), "", fmt.Sprintf("`%s --help` lists the flags.", cmd.CommandPath()))
	})
	root.SetUsageTemplate(root.UsageTemplate() + "\n" + exitHelp)
	root.AddCommand(
		newInit(a),
		newValidate(a),
		newSelect(a),
		newEstimate(a),
		newPlan(a),
		newShow(a),
		newApply(a),
		newDeploy(a),
		newUpdate(a),
		newRollback(a),
		newHistory(a),
		newDrift(a),
		newDestroy(a),
		newRecover(a),
		newAttach(a),
		newCancel(a),
		newOrphans(a),
		newList(a),
		newStatus(a),
		newExplain(a),
		newQoS(a),
		newTop(a),
		newLogs(a),
		newSSH(a),
		newOpen(a),
		newMonitor(a),
		newAlerts(a),
		newMaintenance(a),
		newOffers(a),
		newCatalog(a),
		newPolicy(a),
		newDoctor(a),
		newSandbox(a),
		newVersion(a),
	)
	return root
}
