package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"skysail/guardrails"
	"skysail/internal/hclfile"
	"skysail/policies"
	"skysail/spec"
)

func newValidate(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "validate [FILE...]",
		Short: "Check service and policy files and report every mistake",
		Long: `Checks each file as a service or as a policy, by the block that it holds, and
reports every mistake with its place. Without FILE: service.hcl, and policy.hcl
when there is one. Changes nothing.`,
		Example: `  skysail validate
  skysail validate examples/hello/service.hcl examples/policies/gpu.hcl`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"service.hcl"}
				if _, err := os.Stat("policy.hcl"); err == nil {
					args = append(args, "policy.hcl")
				}
			}
			return runValidate(a, args)
		},
	}
}

func runValidate(a *app, paths []string) error {
	type file struct {
		Path string `json:"path"`
		Kind string `json:"kind"`
		Name string `json:"name,omitempty"`
	}
	var files []file
	var errs []error
	for _, p := range paths {
		if st, err := os.Stat(p); err == nil && st.IsDir() {
			p = filepath.Join(p, "service.hcl")
		}
		kind, err := hclfile.Kind(p)
		f := file{Path: p, Kind: kind}
		switch {
		case err != nil:
		case kind == "policy":
			var policy policies.Policy
			if policy, err = policies.Load(p); err == nil {
				_, err = guardrails.Compile(policy.Guardrails)
			}
		default:
			f.Kind = "service"
			var svc *spec.Service
			if svc, err = spec.Load(p); err == nil {
				f.Name = svc.Name
			}
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		files = append(files, f)
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	if a.output == "json" {
		return a.printJSON(map[string]any{"valid": true, "files": files})
	}
	for _, f := range files {
		a.printf("%s: %s\n", f.Path, strings.TrimSpace("valid "+f.Kind+" "+f.Name))
	}
	return nil
}
