package deploy

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"skysail/catalog"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/qos"
	"skysail/qos/logtail"
	"skysail/runner"
	"skysail/sandbox"
	"skysail/store"
)

// Deployer places services. Safe for concurrent use on different services;
// two calls for one name meet a lock, and the second is told who holds it.
type Deployer struct {
	opts   Options
	policy policies.Policy
	home   string
	env    map[string]string
	store  *store.Store
	// jobDir is the folder of the job that this process is, "" in one that a
	// user started.
	jobDir string
	poller qos.CloudPoller
	logs   logtail.Reader

	mu     sync.Mutex
	sim    Simulator
	engine map[runner.EngineKind]runner.Engine
	vcpus  map[[2]string]float64 // by provider and type
	secret secrets
	events sync.Mutex
}

// New opens the store in Options.Home, making it when it is not there.
func New(ctx context.Context, opts Options) (*Deployer, error) {
	d, err := withoutStore(opts)
	if err != nil {
		return nil, err
	}
	d.store, err = store.Open(ctx, d.storePath())
	if err != nil {
		return nil, err
	}
	d.logs.Store = d.store
	return d, nil
}

func (d *Deployer) storePath() string { return filepath.Join(d.home, "skysail.db") }

// withoutStore makes a Deployer with the defaults filled in.
func withoutStore(opts Options) (*Deployer, error) {
	if opts.Home == "" {
		opts.Home = DefaultHome()
	}
	home, err := filepath.Abs(opts.Home)
	if err != nil {
		return nil, fmt.Errorf("home folder: %w", err)
	}
	env := ownEnv(opts.Env)
	if opts.ProviderMirror == "" {
		opts.ProviderMirror = env["SKYSAIL_PROVIDER_MIRROR"]
	}
	if opts.ReadyTimeout == 0 {
		opts.ReadyTimeout = 5 * time.Minute
	}
	policy := policies.Default()
	if opts.Policy != nil {
		policy = *opts.Policy
	}
	opts.Remote = opts.Remote || opts.Sandbox
	d := &Deployer{opts: opts, policy: policy, home: home, env: env}
	d.hideCredentials(env)
	return d, nil
}

// Close closes the store. What runs goes on running.
func (d *Deployer) Close() error { return d.store.Close() }

// simulator returns the sandbox, starting it when it does not run.
func (d *Deployer) simulator(ctx context.Context) (Simulator, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sim != nil {
		return d.sim, nil
	}
	c, err := sandbox.Start(ctx, filepath.Join(d.home, "sandbox"))
	if err != nil {
		return nil, failure.Wrap(err, failure.Failed, "sandbox",
			"The simulated clouds could not be started; nothing was changed.",
			"See sandbox/daemon.log under "+d.home+", then `skysail sandbox up`.")
	}
	d.sim = c
	return c, nil
}

// findEngine returns the engine that a policy asks for.
func (d *Deployer) findEngine(ctx context.Context, p *policies.Policy) (runner.Engine, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	kind := runner.EngineKind(p.Engine)
	if e, ok := d.engine[kind]; ok {
		return e, nil
	}
	e, err := d.engineFinder(kind).Find(ctx)
	if err != nil {
		return runner.Engine{}, err
	}
	if d.engine == nil {
		d.engine = map[runner.EngineKind]runner.Engine{}
	}
	d.engine[kind] = e
	return e, nil
}

func (d *Deployer) engineFinder(kind runner.EngineKind) runner.EngineFinder {
	return runner.EngineFinder{
		Kind:     kind,
		ExecPath: d.opts.Terraform,
		Dir:      filepath.Join(d.home, "engines"),
		Notice:   func(s string) { d.emit(EventStep, nil, "%s", s) },
	}
}

// catalog is what providers sell: what the program was given, else what is in
// it with the refreshed files over it. The simulated clouds have files of
// their own.
func (d *Deployer) catalog() (*catalog.Snapshot, error) {
	if d.opts.Offers != nil {
		rates := d.opts.Rates
		if rates == nil {
			sold, err := catalog.Load()
			if err != nil {
				return nil, err
			}
			rates = sold.Rates
		}
		return &catalog.Snapshot{Offers: d.opts.Offers, Rates: rates}, nil
	}
	return loadCatalog(d.home, d.opts.Sandbox)
}

// vcpu is how many vCPUs a type has, 0 where the catalog does not know it.
func (d *Deployer) vcpu(provider, kind string) float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.vcpus == nil {
		d.vcpus = map[[2]string]float64{}
		sold, err := d.catalog()
		if err != nil {
			return 0 // whoever needs the offers is told
		}
		for _, o := range sold.Offers {
			d.vcpus[[2]string{o.Provider, o.Type}] = o.VCPU
		}
	}
	return d.vcpus[[2]string{provider, kind}]
}

// get finds a deployment by name or ID, and says it as input failure when
// there is none.
func (d *Deployer) get(ctx context.Context, name string) (store.Deployment, error) {
	row, err := d.store.Get(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return row, failure.Wrap(err, failure.Input, fmt.Sprintf("deployment %q", name), "",
			"`skysail list` shows what there is.")
	}
	return row, err
}
