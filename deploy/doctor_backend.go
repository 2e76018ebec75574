package deploy

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"skysail/generator"
	"skysail/policies"
	"skysail/runner"
)

// backend tries the state's backend of the policy: init in an empty folder, and
// the state of a name that nobody has. Nothing is made in it.
func (doc *doctor) backend(ctx context.Context) []Check {
	b := doc.d.policy.Backend
	out := Check{Group: GroupTerraform, Name: "state", State: CheckOK, Detail: "on this machine, in " + filepath.Join(doc.d.home, "deployments")}
	if b == nil {
		return []Check{out}
	}
	name := `backend "` + b.Type + `"`
	e, _, err := doc.d.engineFinder(runner.EngineKind(doc.d.policy.Engine)).Look(ctx)
	if err != nil || e.Path == "" {
		out.State, out.Detail = CheckAbsent, name+" is not tried: there is no Terraform yet"
		return []Check{out}
	}
	if err := doc.tryBackend(ctx, e, b); err != nil {
		out.State = CheckFailed
		out.Detail = name + " can not be used: " + oneLine(err)
		out.Fix = "Check the backend block of the policy, and the variables that Terraform reads: " + strings.Join(firstOf(b.Variables(), 6), ", ") + " … (docs/state.md)."
		return []Check{out}
	}
	out.Detail = name + " answers"
	return []Check{out}
}

func (doc *doctor) tryBackend(ctx context.Context, e runner.Engine, b *policies.Backend) (err error) {
	dir, err := os.MkdirTemp("", "skysail-doctor-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	try := *b
	if b.Type == "pg" {
		// Without these, init makes a schema, a sequence and a table.
		try.Config = map[string]any{"skip_schema_creation": true, "skip_table_creation": true, "skip_index_creation": true}
		for k, v := range b.Config {
			try.Config[k] = v
		}
	}
	files, err := generator.OwnerFiles(generator.Owner{Name: "doctor"}, &try)
	if err != nil {
		return err
	}
	w := &runner.Workspace{
		Engine: e, Dir: filepath.Join(dir, "bundle"), Private: filepath.Join(dir, "private"),
		CLIConfig: filepath.Join(dir, "private", "terraform.rc"), Env: map[string]string{}, Remote: true,
	}
	for _, sub := range []string{w.Dir, w.Private} {
		if err := os.Mkdir(sub, 0o700); err != nil {
			return err
		}
	}
	if err := os.WriteFile(w.CLIConfig, runner.CLIConfig(nil, false), 0o600); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(w.Dir, "backend.tf"), files["backend.tf"], 0o600); err != nil {
		return err
	}
	for _, name := range b.Variables() {
		if v, ok := doc.d.lookup(name); ok {
			w.Env[name] = v
		}
	}
	if err := w.Init(ctx); err != nil && !pgEmpty(b, err) {
		return err
	} else if err != nil {
		return nil
	}
	if _, err := w.State(ctx); err != nil && !pgEmpty(b, err) {
		return err
	}
	return nil
}

// pgEmpty says that a database was reached and let us in, and has no state of
// that name.
func pgEmpty(b *policies.Backend, err error) bool {
	return b.Type == "pg" && strings.Contains(err.Error(), "does not exist") && strings.Contains(err.Error(), "relation")
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }
