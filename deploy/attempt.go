package deploy

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	tfjson "github.com/hashicorp/terraform-json"

	"skysail/clouds"
	"skysail/generator"
	"skysail/policies"
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
	appliedAt time.Time    // when its apply began
	plan      *tfjson.Plan // the saved one, once somebody looked at it
	lockedOut string       // who held the state's lock when it was wanted last
	secret    string       // the Secret of its pods, "" the first one's name
	// onError is told the first error of a running apply, and must not wait.
	onError func(said string)
}

// place is where the attempt is, as exactly as is known.
func (a *attempt) place() string {
	if a.row.Zone != "" {
		return a.row.Zone
	}
	return a.row.Region
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
	return d.openAttemptIn(ctx, dep, row, d.attemptDir(dep.ID, row.N))
}

// openAttemptIn is openAttempt for a folder of one's own.
func (d *Deployer) openAttemptIn(ctx context.Context, dep *store.Deployment, row store.Attempt, dir string) (*attempt, error) {
	env, err := d.environment(ctx, dep.Sandbox)
	if err != nil {
		return nil, err
	}
	c, err := d.cloudOf(&row, env)
	if err != nil {
		return nil, err
	}
	a := &attempt{dep: dep, row: row, cloud: c, dir: dir}
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
	in.SSHPublicKey, in.HostKeys, in.Zone = client.public, host, a.row.Zone
	if !a.workspace.Remote {
		in.Backend = nil // a plan that is not for an attempt needs no state
	}
	in.Attempt = a.row.N
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
	if len(from) == 0 && c.Offer.Provider != policies.Local && c.Offer.Provider != policies.Kubernetes {
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
		Backend:      backendOf(dep),
		Kubernetes:   d.clusterInput(dep),
	}, nil
}

// ready generates, initialises and plans: nothing exists in the cloud yet.
func (d *Deployer) ready(ctx context.Context, a *attempt, step func(text string)) error {
	if err := d.generate(ctx, a); err != nil {
		return err
	}
	if err := d.cacheProvider(ctx, a, a.bundle()); err != nil {
		return err
	}
	step("init")
	if err := a.workspace.Init(ctx); err != nil {
		return err
	}
	if err := a.workspace.Begin(ctx); err != nil {
		return err
	}
	step("plan")
	return patiently(ctx, a, func(who string) { step(lockedText(who)) }, func() error {
		if err := a.workspace.SavePlan(ctx); err != nil {
			return err
		}
		_, err := a.planned(ctx) // for the guardrails
		return err
	})
}

// prepare is ready, and returns the plan.
func (d *Deployer) prepare(ctx context.Context, a *attempt) (*tfjson.Plan, error) {
	if err := d.ready(ctx, a, func(text string) { d.emit(EventStep, a, "%s", text) }); err != nil {
		return nil, err
	}
	return a.planned(ctx)
}

// planned returns the saved plan. Terraform is asked for it once, and only when
// somebody wants to see it: that starts the provider once more.
func (a *attempt) planned(ctx context.Context) (*tfjson.Plan, error) {
	if a.plan == nil {
		plan, err := a.workspace.ShowPlan(ctx)
		if err != nil {
			return nil, err
		}
		a.plan = plan
	}
	return a.plan, nil
}

// apply creates everything and returns the instances that came out.
func (d *Deployer) apply(ctx context.Context, a *attempt, secrets map[string]string) ([]store.Instance, error) {
	if a.row.Provider == "local" && len(secrets) > 0 {
		if err := renameio.WriteFile(filepath.Join(a.private(), secretsFile), secretsEnv(secrets), 0o600); err != nil {
			return nil, fmt.Errorf("secrets: %w", err)
		}
	}
	if err := d.prepareCluster(ctx, a, secrets); err != nil {
		return nil, err
	}
	d.emit(EventStep, a, "apply")
	wait := func(who string) { d.emit(EventStep, a, "%s", lockedText(who)) }
	pods, applying := d.watchRollout(ctx, a)
	err := patiently(ctx, a, wait, func() error {
		return d.step(ctx, a, store.StepApply, "", func() error { return a.workspace.Apply(applying) })
	})
	if err = pods.end(hopeless(applying, err)); err != nil {
		return nil, err
	}
	if _, ok := a.cluster(); ok { // elsewhere the values are handed over later, and noted then
		if _, err := a.takeSecret(secrets); err != nil {
			return nil, err
		}
	}
	d.emit(EventStep, a, "outputs")
	return d.outputs(ctx, a)
}

// outputs are the instances that an apply made, all of them or an error.
func (d *Deployer) outputs(ctx context.Context, a *attempt) ([]store.Instance, error) {
	if _, ok := a.cluster(); ok {
		return d.podInstances(ctx, a)
	}
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
	// The modules know port and path of a health check, and no TLS.
	if h := a.dep.Service.Health; h != nil && h.HTTP != nil && h.HTTP.Scheme == "https" {
		for i := range instances {
			if rest, plain := strings.CutPrefix(instances[i].HealthURL, "http://"); plain {
				instances[i].HealthURL = "https://" + rest
			}
		}
	}
	return instances, nil
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
	d.hideCredentials(env)
	if a.row.N > 0 { // else it is for a look, and nobody's to take over
		env[EnvAttempt] = attemptMark(a.dep.ID, a.row.N)
	}
	if err := d.pluginEnv(env, a); err != nil {
		return nil, err
	}
	if err := d.addBackendEnv(env, a.dep); err != nil {
		return nil, err
	}
	cli, err := d.writeCLIConfig(a, engine.Kind)
	if err != nil {
		return nil, err
	}
	return &runner.Workspace{
		Engine:   engine,
		Dir:      a.bundle(),
		Private:  a.private(),
		VarFiles: []string{filepath.Join(a.private(), generator.PrivateVariablesFile)},
		Remote:   backendOf(a.dep) != nil && a.row.N > 0,

		LockTimeout: lockPatience(a.dep),
		CLIConfig:   cli,
		Env:         env,
		Events:      func(ev runner.Event) { d.terraformEvent(a, ev) },
	}, nil
}

func ownAddress(ctx context.Context, sandbox bool, env clouds.Env) (string, error) {
	if sandbox {
		return "127.0.0.1/32", nil
	}
	return clouds.OwnAddress(ctx, env)
}
