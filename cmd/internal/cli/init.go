package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"skysail/internal/failure"
	"skysail/policies"
	"skysail/spec"
)

func newInit(a *app) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write a commented service.hcl and policy.hcl to start from",
		Example: `  skysail init
  skysail init --name echo ./echo`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			return runInit(a, dir, name)
		},
	}
	cmd.Flags().StringVar(&name, "name", "hello", "the service's name")
	return cmd
}

func runInit(a *app, dir, name string) error {
	if err := spec.CheckName(name); err != nil {
		return failure.Wrap(err, failure.Input, "--name", "Nothing was written.", "Use lower-case letters, digits and dashes.")
	}
	files := []struct {
		path string
		data []byte
	}{
		{filepath.Join(dir, "service.hcl"), spec.Starter(name)},
		{filepath.Join(dir, "policy.hcl"), policies.Starter()},
	}
	for _, f := range files {
		if _, err := os.Lstat(f.path); !errors.Is(err, fs.ErrNotExist) {
			return failure.New(failure.Input, f.path+" exists already", "It was not overwritten; nothing was written.",
				"Choose another folder, or move the file away.")
		}
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	written := make([]string, 0, len(files))
	for _, f := range files {
		if err := os.WriteFile(f.path, f.data, 0o600); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		written = append(written, f.path)
	}
	if a.output == "json" {
		return a.printJSON(map[string]any{"written": written})
	}
	for _, p := range written {
		a.printf("wrote %s\n", p)
	}
	a.printf("Edit them, then: skysail validate %s\n", written[0])
	return nil
}
