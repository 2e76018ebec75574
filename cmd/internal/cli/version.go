package cli

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Version is set by the linker for releases.
var Version = "dev"

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Example: `  skysail version
  skysail version -o json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			revision := ""
			if bi, ok := debug.ReadBuildInfo(); ok {
				for _, s := range bi.Settings {
					if s.Key == "vcs.revision" {
						revision = s.Value
					}
				}
			}
			if a.output == "json" {
				return a.printJSON(map[string]any{
					"skysail": Version, "revision": revision, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
				})
			}
			a.printf("skysail %s %s %s/%s %s\n", Version, runtime.Version(), runtime.GOOS, runtime.GOARCH, revision)
			return nil
		},
	}
}
