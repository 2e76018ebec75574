package plugin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/google/renameio/v2"

	"skysail/clouds/local"
	"skysail/internal/supervise"
	"skysail/internal/supervise/proc"
	"skysail/internal/tfplugin"
)

// undoTimeout bounds the clean-up of a service that could not be started.
const undoTimeout = time.Minute

func serviceResource() *tfplugin.Resource[*machine] {
	return &tfplugin.Resource[*machine]{
		ForceNew: []string{"deployment_id", "name", "url", "sha256", "binary", "args", "image", "env", "ports"},
		Validate: validate,
		Plan:     plan,
		Create:   create,
		Read:     read,
		Update:   update,
		Delete:   remove,
	}
}

// plan starts a service again that nothing keeps running any more, in place:
// its folder, with whatever the program has written there, stays.
func plan(p *tfplugin.Plan) error {
	if !p.Creates() && !p.Replaces() && !p.Prior.Bool("supervised") {
		p.Set("supervised", true)
	}
	return nil
}

func create(ctx context.Context, m *machine, d *tfplugin.Data) error {
	if err := validate(d.Object); err != nil {
		return err // what was not known when the plan was made
	}
	f := m.folder(d.Object)
	if err := m.start(ctx, f, d.Object); err != nil {
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
		defer cancel()
		if undoErr := f.Remove(undo, local.EngineEnv(m.env)); undoErr != nil {
			// What could not be undone has to stay known.
			setService(d, f, false)
			return errors.Join(err, fmt.Errorf("and what was started could not be removed: %w", undoErr))
		}
		return err
	}
	setService(d, f, true)
	return nil
}

func setService(d *tfplugin.Data, f local.Folder, supervised bool) {
	d.SetID(f.ID())
	d.Set("address", host)
	d.Set("log_file", f.Journal())
	d.Set("directory", f.Path())
	d.Set("supervised", supervised)
}

// start makes a service's folder and starts what is in it.
func (m *machine) start(ctx context.Context, f local.Folder, o tfplugin.Object) error {
	// A folder that is there was left by an attempt that nobody finished: the
	// state knows nothing of it.
	if err := f.Remove(ctx, local.EngineEnv(m.env)); err != nil {
		return err
	}
	if err := portsFree(ctx, o.Ints("ports")); err != nil {
		return err
	}
	record := local.Record{CreatedAt: time.Now().UTC()}
	image := o.String("image")
	if image != "" {
		engine, err := local.FindEngine(ctx)
		if err != nil {
			return err
		}
		record.Engine, record.Container = engine, containerName(o)
	}
	if err := f.Create(record); err != nil {
		return err
	}
	secrets, err := takeSecrets(m.secrets, f)
	if err != nil {
		return err
	}
	if image == "" {
		return m.startNative(ctx, f, o, secrets)
	}
	return m.startContainer(ctx, f, o, record.Engine, secrets)
}

func (m *machine) startNative(ctx context.Context, f local.Folder, o tfplugin.Object, secrets []string) error {
	if err := fetch(ctx, m.env, o.String("url"), o.String("sha256"), f.Archive()); err != nil {
		return err
	}
	if err := unpack(ctx, f.Archive(), f.App()); err != nil {
		return err
	}
	if err := os.Remove(f.Archive()); err != nil {
		return err
	}
	spec := nativeSpec(f, o, m.env)
	if err := executable(f.App(), o.String("binary")); err != nil {
		return err
	}
	if _, err := supervise.Start(ctx, spec); err != nil {
		return err
	}
	return watch(ctx, f, o.Ints("ports"), nativeWatch, secrets)
}

func (m *machine) startContainer(ctx context.Context, f local.Folder, o tfplugin.Object, engine string, secrets []string) error {
	if err := local.PullImage(ctx, engine, o.String("image")); err != nil {
		return err
	}
	env, err := containerEnv(o.StringMap("env"), secrets)
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(f.ContainerEnv(), env, 0o600); err != nil {
		return err
	}
	if _, err := supervise.Start(ctx, containerSpec(f, o, engine, m.env)); err != nil {
		return err
	}
	return watch(ctx, f, o.Ints("ports"), containerWatch, secrets)
}

// executable makes sure that the archive holds the program it is said to.
func executable(app, binary string) error {
	root, err := os.OpenRoot(app)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // a handle for looking up names
	info, err := root.Stat(binary)
	problem := func(what string) error {
		return &tfplugin.Problem{
			Summary:   fmt.Sprintf("the archive can not be unpacked: its %s %s", binary, what),
			Detail:    "binary has to name the program by its path inside the archive, and the archive has to keep it executable.",
			Attribute: "binary", Err: err,
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return problem("is not there")
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return problem("is no file")
	case info.Mode().Perm()&0o100 == 0:
		return problem("is not executable")
	}
	return nil
}

func read(_ context.Context, _ *machine, d *tfplugin.Data) error {
	f := folderOfState(d.Object)
	status, err := supervise.Read(f.Supervisor())
	if err == nil {
		d.Set("supervised", status.Supervised())
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading what the supervisor of %s says: %w", f.ID(), err)
	}
	exists, err := f.Exists()
	if err != nil {
		return err
	}
	running, err := proc.WithEnv(f.Mark())
	if err != nil {
		return err
	}
	if !exists && len(running) == 0 {
		d.Gone()
		return nil
	}
	// Something is left: a destroy has to know of it.
	d.Set("supervised", false)
	return nil
}

// folderOfState finds the folder where it was made, wherever the provider's
// configuration says that new ones go.
func folderOfState(o tfplugin.Object) local.Folder {
	return local.FolderAt(o.String("directory"), o.String("deployment_id"), o.String("name"))
}

// update has one thing to do: to start again what nothing keeps running, as
// after a restart of the machine.
func update(ctx context.Context, m *machine, d *tfplugin.Data) error {
	f := folderOfState(d.Object)
	// A supervisor that was killed may have left its program behind, on the
	// very ports that it is going to need.
	if err := supervise.Stop(ctx, f.Supervisor()); err != nil {
		return err
	}
	if err := portsFree(ctx, d.Ints("ports")); err != nil {
		return err
	}
	secrets, err := takeSecrets(m.secrets, f)
	if err != nil {
		return err
	}
	while := nativeWatch
	if d.String("image") != "" {
		while = containerWatch
		env, err := containerEnv(d.StringMap("env"), secrets)
		if err != nil {
			return err
		}
		if err := renameio.WriteFile(f.ContainerEnv(), env, 0o600); err != nil {
			return err
		}
	}
	_, err = supervise.Resume(ctx, f.Supervisor())
	if err == nil {
		err = watch(ctx, f, d.Ints("ports"), while, secrets)
	}
	if err != nil {
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
		defer cancel()
		return errors.Join(err, supervise.Stop(undo, f.Supervisor()))
	}
	d.Set("supervised", true)
	return nil
}

func remove(ctx context.Context, m *machine, d *tfplugin.Data) error {
	return folderOfState(d.Object).Remove(ctx, local.EngineEnv(m.env))
}
