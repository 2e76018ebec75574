package cli

import (
	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/deploy/review"
)

func newShow(a *app) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "show DIR",
		Short: "Check a folder that was planned for review, and show it",
		Long: `Holds every file of a folder that ` + "`skysail plan --out DIR`" + ` wrote against its
manifest, and shows what it would do, the hash to approve, and whether it was
used. --format md is a summary for a pull request: short, with the details
folded, and never longer than a comment may be.`,
		Example: `  skysail show ./review
  skysail show ./review --format md`,
		Args: exactlyOneFolder,
		RunE: func(_ *cobra.Command, args []string) error {
			if err := a.takeFormat(&format); err != nil {
				return err
			}
			m, err := review.Open(args[0])
			if err != nil {
				return err
			}
			used, err := review.UseOf(args[0])
			if err != nil {
				return err
			}
			switch {
			case a.output == formJSON:
				return a.printJSON(map[string]any{"dir": args[0], "hash": m.Hash, "manifest": m, "used": used})
			case format != formText:
				a.printf("%s", m.Comment(deploy.MaxBundleAge))
			default:
				a.printf("%s", m.Text(deploy.MaxBundleAge))
			}
			if used != nil && format != formText {
				a.printf("\n**Used** by deployment `%s` at %s.\n", used.Deployment, used.At)
			} else if used != nil {
				a.printf("  used     by deployment %s at %s\n", used.Deployment, used.At)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&format, "format", formText, "text, json, or md: a summary for a pull request")
	return cmd
}
