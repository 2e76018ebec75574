package review

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"skysail/internal/lazyregexp"
)

var (
	hexSum     = lazyregexp.New(`^[0-9a-f]{64}$`)
	folderName = lazyregexp.New(`^[0-9]{2,}-[a-z0-9][a-z0-9._-]*$`)
)

// check refuses a manifest that leads out of its folder or leaves open what it
// means, whoever sealed it.
func (m *Manifest) check(file string) error {
	bad := func(format string, args ...any) error {
		return refused(file+": "+fmt.Sprintf(format, args...), "skysail does not write such a manifest.")
	}
	if m.Name == "" || m.ID == "" || m.Name != m.Service.Name {
		return bad("name %q, ID %q, service %q", m.Name, m.ID, m.Service.Name)
	}
	if err := m.Service.Validate(); err != nil {
		return bad("the service in it is not valid: %v", err)
	}
	seen := map[string]string{}
	for name, sum := range m.Files {
		if !fs.ValidPath(name) || strings.ContainsAny(name, "\\\x00") || !ownPath(name) {
			return bad("%q is no path inside of the folder", name)
		}
		if !hexSum.MatchString(sum) {
			return bad("%s: %q is no SHA-256 sum", name, sum)
		}
		// On a disk that does not tell cases apart they would be one file.
		if other, twice := seen[strings.ToLower(name)]; twice {
			return bad("%s and %s differ in case only", other, name)
		}
		seen[strings.ToLower(name)] = name
	}
	if m.Files[PlanFile] == "" {
		return bad("it lists no %s", PlanFile)
	}
	folders := map[string]bool{}
	for i, e := range m.Candidates {
		switch {
		case e.N != i+1:
			return bad("candidate %d stands at place %d", e.N, i+1)
		case !folderName.MatchString(e.Folder) || folders[e.Folder]:
			return bad("candidate %d: %q is no folder of its own", e.N, e.Folder)
		}
		folders[e.Folder] = true
		if e.Refusal() != "" {
			continue
		}
		for _, need := range []string{e.BundlePath("main.tf"), e.BundlePath(".terraform.lock.hcl"), e.PrivatePath("plan.tfplan")} {
			if m.Files[need] == "" {
				return bad("candidate %d: it lists no %s", e.N, need)
			}
		}
	}
	return nil
}

// ownPath says whether skysail writes files at such a place.
func ownPath(name string) bool {
	top, rest, deeper := strings.Cut(name, "/")
	switch top {
	case PlanFile:
		return !deeper
	case CandidatesDir, PrivateDir:
		return deeper && rest != ""
	default:
		return false
	}
}

// BundlePath is the path in the folder of a file of the candidate's Terraform.
func (e *Entry) BundlePath(name string) string {
	return path.Join(CandidatesDir, e.Folder, BundleDir, name)
}

// PrivatePath is the path in the folder of a private file of the candidate.
func (e *Entry) PrivatePath(name string) string { return path.Join(PrivateDir, e.Folder, name) }

// Parts are the candidate's files that an apply works with: those of the
// bundle and the private ones, each by path in its own folder.
func (m *Manifest) Parts(e *Entry) (bundle, private map[string]string) {
	bundle, private = map[string]string{}, map[string]string{}
	for name := range m.Files {
		if rest, ok := strings.CutPrefix(name, e.BundlePath("")+"/"); ok {
			bundle[rest] = name
		}
		if rest, ok := strings.CutPrefix(name, e.PrivatePath("")+"/"); ok {
			private[rest] = name
		}
	}
	return bundle, private
}
