package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	tfjson "github.com/hashicorp/terraform-json"

	"skysail/clouds"
	"skysail/clouds/faults"
	"skysail/generator"
	"skysail/runner"
	"skysail/selector"
	"skysail/store"
)

// clientKeyFile is the deployment's own SSH key in an attempt's private
// folder, secretsFile the values handed to a local service there.
const (
	clientKeyFile = "id_ed25519"
	secretsFile   = "secrets.env"
)

// attempt is one try of one candidate.
type attempt struct {
	dep       *store.Deployment
	row       store.Attempt
	candidate *selector.Candidate
	cloud     Cloud
	dir       string // holds bundle/ and private/
	workspace *runner.Workspace
}

func (a *attempt) private() string { return filepath.Join(a.dir, "private") }
func (a *attempt) bundle() string  { return filepath.Join(a.dir, "bundle") }

func (d *Deployer) attemptDir(id string, n int) string {
	return filepath.Join(d.home, "deployments", id, fmt.Sprintf("attempt-%d", n))
}

// rowOf is the record of an attempt at a candidate.
func rowOf(n int, c *selector.Candidate) store.Attempt {
	o := c.Offer
	return store.Attempt{N: n, Provider: o.Provider, Region: o.Region, Type: o.Type, Zone: c.Zone(), Spot: c.Spot, PriceUSD: c.TotalUSD}
}

// openAttempt makes the attempt's handle on its folder, which need not exist.
func (d *Deployer) openAttempt(ctx context.Context, dep *store.Deployment, row store.Attempt) (*attempt, error) {
	env, err := d.environment(ctx, dep.Sandbox)
	if err != nil {
		return nil, err
	}
	c, err := d.cloud(row.Provider, env)
	if err != nil {
		return nil, err
	}
	a := &attempt{dep: dep, row: row, cloud: c, dir: d.attemptDir(dep.ID, row.N)}
	a.workspace, err = d.workspace(ctx, a)
	return a, err
}

// generate builds and writes the bundle of a candidate.
func (d *Deployer) generate(ctx context.Context, a *attempt) error {
	client, err := newKeyPair("skysail-" + a.dep.ID)
	if err != nil {
		return err
	}
	host := make([]generator.HostKey, a.dep.Service.Instances)
	for i := range host {
		k, err := newKeyPair(fmt.Sprintf("skysail-%s-%d", a.dep.ID, i))
		if err != nil {
			return err
		}
		host[i] = generator.HostKey{Private: k.private, Public: k.public}
	}
	in, err := d.bundleInput(ctx, a.dep, a.candidate)
	if err != nil {
		return err
	}
	in.SSHPublicKey, in.HostKeys = client.public, host
	b, err := generator.Generate(in)
	if err != nil {
		return err
	}
	if err := b.Write(a.bundle(), a.private()); err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(a.private(), clientKeyFile), []byte(client.private), 0o600)
}

// bundleInput is the generator's input but for keys.
func (d *Deployer) bundleInput(ctx context.Context, dep *store.Deployment, c *selector.Candidate) (generator.Input, error) {
	from := dep.Policy.Access.SSHFrom
	if len(from) == 0 && c.Offer.Provider != "local" {
		env, err := d.environment(ctx, dep.Sandbox)
		if err != nil {
			return generator.Input{}, err
		}
		own, err := ownAddress(ctx, dep.Sandbox, env)
		if err != nil {
			return generator.Input{}, err
		}
		from = []string{own}
	}
	return generator.Input{
		DeploymentID: dep.ID,
		Service:      dep.Service,
		Provider:     c.Offer.Provider,
		Region:       c.Offer.Region,
		Size:         c.Offer.Type,
		Zone:         c.Zone(),
		Spot:         c.Spot,
		BootDiskGB:   c.Price().BootDiskGB,
		TTL:          dep.Policy.Limits.TTL,
		SSHFrom:      from,
	}, nil
}

// prepare generates, initialises and plans: nothing exists in the cloud yet.
func (d *Deployer) prepare(ctx context.Context, a *attempt) (*tfjson.Plan, error) {
	if err := d.generate(ctx, a); err != nil {
		return nil, err
	}
	if err := d.cacheProvider(ctx, a); err != nil {
		return nil, err
	}
	d.emit(EventStep, a, "init")
	if err := a.workspace.Init(ctx); err != nil {
		return nil, err
	}
	d.emit(EventStep, a, "plan")
	return a.workspace.Plan(ctx)
}

// apply creates everything and returns the instances that came out.
func (d *Deployer) apply(ctx context.Context, a *attempt, secrets map[string]string) ([]store.Instance, error) {
	if a.row.Provider == "local" && len(secrets) > 0 {
		if err := renameio.WriteFile(filepath.Join(a.private(), secretsFile), secretsEnv(secrets), 0o600); err != nil {
			return nil, fmt.Errorf("secrets: %w", err)
		}
	}
	d.emit(EventStep, a, "apply")
	if err := d.step(ctx, a, store.StepApply, "", func() error { return a.workspace.Apply(ctx) }); err != nil {
		return nil, err
	}
	return d.outputs(ctx, a)
}

// outputs are the instances that an apply made, all of them or an error.
func (d *Deployer) outputs(ctx context.Context, a *attempt) ([]store.Instance, error) {
	values, err := a.workspace.Outputs(ctx)
	if err != nil {
		return nil, err
	}
	var instances []store.Instance
	if err := json.Unmarshal(values["instances"], &instances); err != nil {
		return nil, fmt.Errorf("terraform output instances: %w", err)
	}
	if len(instances) != a.dep.Service.Instances {
		return nil, fmt.Errorf("terraform output: %d instances, wanted %d", len(instances), a.dep.Service.Instances)
	}
	return instances, nil
}

// classify puts an error of an attempt into a fault class with the words
// that decided it.
func classify(a *attempt, err error) (faults.Class, string) {
	var re *runner.Error
	switch {
	case errors.Is(err, runner.ErrInterrupted), errors.Is(err, context.Canceled):
		return faults.Unknown, "interrupted"
	case errors.Is(err, context.DeadlineExceeded):
		return faults.Timeout, fmt.Sprintf("not done within failover.attempt_timeout = %s", a.dep.Policy.Failover.AttemptTimeout)
	case errors.As(err, &re):
		messages := re.Messages()
		if len(messages) == 0 {
			return faults.Unknown, err.Error()
		}
		return deciding(a.cloud.Faults(), messages)
	default:
		return faults.Unknown, err.Error()
	}
}

// deciding returns the class and the message that it is from: what follows
// from the fault, such as an output without its instance, is not the cause.
func deciding(table faults.Table, messages []string) (faults.Class, string) {
	class := table.Classify(messages...)
	for _, m := range messages {
		if class != faults.Unknown && table.Classify(m) == class {
			return class, m
		}
	}
	return class, strings.Join(messages, "; ")
}

// workspace says how to run Terraform for an attempt.
func (d *Deployer) workspace(ctx context.Context, a *attempt) (*runner.Workspace, error) {
	engine, err := d.findEngine(ctx, &a.dep.Policy)
	if err != nil {
		return nil, err
	}
	env := map[string]string{}
	for k, v := range a.cloud.TerraformEnv() {
		env[k] = v
	}
	if a.row.N > 0 { // else it is for a look, and nobody's to take over
		env[EnvAttempt] = attemptMark(a.dep.ID, a.row.N)
	}
	if err := d.pluginEnv(env, a); err != nil {
		return nil, err
	}
	cli, err := d.writeCLIConfig(a, engine.Kind)
	if err != nil {
		return nil, err
	}
	return &runner.Workspace{
		Engine:    engine,
		Dir:       a.bundle(),
		Private:   a.private(),
		VarFiles:  []string{filepath.Join(a.private(), generator.PrivateVariablesFile)},
		CLIConfig: cli,
		Env:       env,
		Events:    func(ev runner.Event) { d.terraformEvent(a, ev) },
	}, nil
}

func (d *Deployer) terraformEvent(a *attempt, ev runner.Event) {
	switch ev.Kind {
	case runner.EventComplete:
		if ev.Action == "read" {
			return // a data source: nothing was made
		}
		d.emit(EventResource, a, "%s: %sd in %s", ev.Address, strings.TrimSuffix(ev.Action, "e")+"e", ev.Elapsed)
	case runner.EventProgress:
		d.emit(EventResource, a, "%s: still working (%s)", ev.Address, ev.Elapsed)
	case runner.EventDiagnostic:
		if ev.Diagnostic.Severity == "warning" {
			d.emit(EventWarning, a, "%s", ev.Diagnostic.Text())
		}
	}
}

// exists says whether the attempt's folder was ever written.
func (a *attempt) exists() bool {
	_, err := os.Stat(a.bundle())
	return err == nil
}

func ownAddress(ctx context.Context, sandbox bool, env clouds.Env) (string, error) {
	if sandbox {
		return "127.0.0.1/32", nil
	}
	return clouds.OwnAddress(ctx, env)
}
