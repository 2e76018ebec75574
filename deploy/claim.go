package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"skysail/generator"
	"skysail/internal/failure"
	"skysail/internal/reexec"
	"skysail/runner"
	"skysail/store"
)

// A deployment whose state is in a remote backend owns its name there: a state
// of that name says who. It is written before anything is made and removed
// when nothing is left, so that two machines cannot run the same deployment.

// claimName makes this store the owner of a deployment's name in the backend,
// or returns a Busy failure that says who is. It is idempotent, and the name
// stays the store's own when a new deployment takes over from an old one.
func (d *Deployer) claimName(ctx context.Context, dep *store.Deployment) error {
	b := backendOf(dep)
	if b == nil {
		return nil
	}
	const nothing = "Nothing was made."
	own, err := d.store.Installation(ctx)
	if err != nil {
		return err
	}
	w, err := d.ownerWorkspace(ctx, dep, own)
	if err != nil {
		return err
	}
	if err := w.Init(ctx); err != nil {
		return d.stateTrouble(err, b, nothing)
	}
	o, err := readOwner(ctx, w)
	if err != nil {
		return d.stateTrouble(err, b, nothing)
	}
	if o == nil {
		if err := w.Converge(ctx); err != nil {
			return d.claimFailed(ctx, w, dep, own, err)
		}
		if o, err = readOwner(ctx, w); err != nil {
			return d.stateTrouble(err, b, "Whether it was reserved is not known; nothing else was made.")
		}
	}
	switch {
	case o == nil:
		return d.stateTrouble(errors.New("what was written is not there"), b, nothing)
	case o.Installation != own:
		return ownedByOther(o, nil)
	}
	d.emit(EventStep, nil, "reserved %q in backend %q", dep.Name, b.Type)
	return nil
}

// claimFailed is the failure of a claim that met a lock, or anything else.
func (d *Deployer) claimFailed(ctx context.Context, w *runner.Workspace, dep *store.Deployment, own string, err error) error {
	lock, locked := runner.LockOf(err)
	if !locked {
		return d.stateTrouble(err, backendOf(dep), "Nothing was made.")
	}
	o, oerr := readOwner(ctx, w)
	if oerr == nil && o != nil && o.Installation != own {
		return ownedByOther(o, &lock)
	}
	return failure.Wrap(err, failure.Busy, fmt.Sprintf("another skysail is reserving or releasing %q", dep.Name)+lockText(&lock),
		"Two at once could undo each other's work; nothing was made.", "Wait a moment and run again.")
}

// ownedByOther is the failure for a name that somebody else runs.
func ownedByOther(o *generator.Owner, lock *runner.Lock) error {
	return failure.New(failure.Busy,
		fmt.Sprintf("%s runs deployment %q (%s) since %s%s", o.Holder, o.Name, o.Deployment, o.Since.Local().Format(time.DateTime), lockText(lock)),
		"A name belongs to one deployment at a time, on all machines that share this state; nothing was made.",
		fmt.Sprintf("Destroy it there with `skysail destroy %s`, or give the service another name. When that machine is lost for good, docs/state.md tells how to free the name.", o.Name))
}

func lockText(l *runner.Lock) string {
	switch {
	case l == nil || l.ID == "":
		return ""
	case l.Foreign:
		return fmt.Sprintf(" (state lock %s: %s by %s, since %s)", l.ID, l.Operation, l.Who, l.Created)
	default:
		return fmt.Sprintf(" (state lock %s)", l.ID)
	}
}

// releaseName gives the name up, if this deployment owns it: only when nothing
// of the deployment is left. It is idempotent, and works where the deployment's
// folder is gone.
func (d *Deployer) releaseName(ctx context.Context, dep *store.Deployment) error {
	b := backendOf(dep)
	if b == nil {
		return nil
	}
	ctx, cancel := cleanContext(ctx)
	defer cancel()
	const meaning = "Nothing is left of the deployment, but the backend may still say that it runs here, and keep other machines from its name."
	own, err := d.store.Installation(ctx)
	if err != nil {
		return err
	}
	w, err := d.ownerWorkspace(ctx, dep, own)
	if err == nil {
		err = w.Init(ctx)
	}
	var o *generator.Owner
	if err == nil {
		o, err = readOwner(ctx, w)
	}
	if err == nil && o != nil && o.Installation == own {
		// Who else takes this lock finds us in the state and changes nothing:
		// a lock that stays is of one that was killed.
		err = d.withLock(ctx, w, func() error { return w.Destroy(ctx) })
	}
	if err != nil {
		return failure.Wrap(err, failure.Failed, fmt.Sprintf("releasing %q in backend %q", dep.Name, b.Type), meaning,
			fmt.Sprintf("Run `skysail destroy %s` again when the backend answers.", dep.Name))
	}
	return nil
}

// releaseEnded releases the name of a deployment that has ended, or was never
// begun and is forgotten.
func (d *Deployer) releaseEnded(ctx context.Context, dep *store.Deployment) error {
	if backendOf(dep) == nil {
		return nil
	}
	row, err := d.store.Get(context.WithoutCancel(ctx), dep.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return err
	case !row.Phase.Ended():
		return nil
	}
	// A deployment that took over from this one, or still runs beside it, keeps
	// the name.
	if other, err := d.store.Get(context.WithoutCancel(ctx), dep.Name); err == nil && other.ID != dep.ID && !other.Phase.Ended() {
		return d.removeFolder(dep.ID + ownerSuffix)
	}
	if err := d.releaseName(ctx, dep); err != nil {
		return err
	}
	return d.removeFolder(dep.ID + ownerSuffix)
}

// ownerSuffix is after the deployment's ID in the name of its owner's folder.
const ownerSuffix = "-owner"

// ownerWorkspace writes the root module of the owner's state.
func (d *Deployer) ownerWorkspace(ctx context.Context, dep *store.Deployment, installation string) (*runner.Workspace, error) {
	engine, err := d.findEngine(ctx, &dep.Policy)
	if err != nil {
		return nil, err
	}
	files, err := generator.OwnerFiles(generator.Owner{Deployment: dep.ID, Installation: installation, Name: dep.Name, Holder: holder(), Since: time.Now()}, backendOf(dep))
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(d.home, "deployments", dep.ID+ownerSuffix)
	w := &runner.Workspace{
		Engine: engine, Dir: filepath.Join(dir, "bundle"), Private: filepath.Join(dir, "private"),
		CLIConfig: filepath.Join(dir, "private", "terraform.rc"), Env: map[string]string{}, Remote: true,
	}
	for _, sub := range []string{w.Dir, w.Private} {
		if err := os.MkdirAll(sub, 0o700); err != nil {
			return nil, fmt.Errorf("owner's folder: %w", err)
		}
	}
	files["../private/terraform.rc"] = runner.CLIConfig(nil, false)
	for name, content := range files {
		if err := renameio.WriteFile(filepath.Join(w.Dir, name), content, 0o600, renameio.IgnoreUmask()); err != nil {
			return nil, fmt.Errorf("owner's folder: %w", err)
		}
	}
	binary, err := reexec.Binary()
	if err != nil {
		return nil, err
	}
	w.Env[reexec.EnvBinary] = binary
	return w, d.addBackendEnv(w.Env, dep)
}

// readOwner returns who owns the name, nil when nobody does.
func readOwner(ctx context.Context, w *runner.Workspace) (*generator.Owner, error) {
	state, err := w.State(ctx)
	if err != nil {
		return nil, err
	}
	raw, err := runner.Attributes(state, generator.OwnerResource)
	if err != nil || raw == nil {
		return nil, err
	}
	var attrs struct {
		Output struct {
			Value generator.Owner `json:"value"`
		} `json:"output"`
	}
	if err := json.Unmarshal(raw, &attrs); err != nil {
		return nil, fmt.Errorf("owner in the state: %w", err)
	}
	return &attrs.Output.Value, nil
}
