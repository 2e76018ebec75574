package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"skysail/internal/failure"
	"skysail/policies"
	"skysail/spec"
)

// order is a service to deploy and the policy that goes with it.
type order struct {
	file    string
	service *spec.Service
	policy  *policies.Policy
}

// serviceFiles are the files that arguments name. A folder is its service.hcl,
// or without one those of its subfolders, by name. many says that a table and
// one answer for all are due: also for a folder in which there is only one.
func serviceFiles(args []string) (files []string, many bool, err error) {
	if len(args) == 0 {
		return []string{serviceFile(nil)}, false, nil
	}
	many = len(args) > 1
	for _, arg := range args {
		inside, err := subfolders(arg)
		if err != nil {
			return nil, false, err
		}
		if inside == nil {
			inside = []string{serviceFile([]string{arg})}
		} else {
			many = true
		}
		files = append(files, inside...)
	}
	return files, many, nil
}

// subfolders are the service files one level below a folder that has none of
// its own; nil for anything else.
func subfolders(arg string) ([]string, error) {
	if !isFolder(arg) || exists(filepath.Join(arg, "service.hcl")) {
		return nil, nil
	}
	entries, err := os.ReadDir(arg) // by name
	if err != nil {
		return nil, failure.Wrap(err, failure.Input, "folder "+arg, "Nothing was changed.", "")
	}
	var out []string
	for _, e := range entries {
		file := filepath.Join(arg, e.Name(), "service.hcl")
		if st, err := os.Stat(file); err == nil && st.Mode().IsRegular() {
			out = append(out, file)
		}
	}
	if out == nil {
		return nil, failure.New(failure.Input, fmt.Sprintf("neither %s nor a folder in it has a service.hcl", arg),
			"Nothing was changed.", "`skysail init` writes one; or name the file.")
	}
	return out, nil
}

func isFolder(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// loadAll reads every service and its policy; all mistakes of all files are
// reported.
func (t *target) loadAll(files []string) ([]order, error) {
	var out []order
	var errs []error
	by := map[string]string{} // file by name
	for _, f := range files {
		svc, policy, err := t.load([]string{f})
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if other, twice := by[svc.Name]; twice {
			errs = append(errs, failure.New(failure.Input, fmt.Sprintf("%s and %s both name their service %q", other, f, svc.Name),
				"A name belongs to one deployment at a time; nothing was changed.", "Give each service a name of its own."))
			continue
		}
		by[svc.Name] = f
		out = append(out, order{file: f, service: svc, policy: policy})
	}
	return out, errors.Join(errs...)
}
