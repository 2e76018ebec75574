package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"skysail/catalog"
	"skysail/deploy/job"
	"skysail/internal/failure"
	"skysail/internal/reexec"
	"skysail/policies"
)

// helperName is the supervisor's name among this program's helpers.
const helperName = "operate"

func init() {
	reexec.Register(helperName, func(args []string) int { return job.Main(args, operate) })
}

// operations are what a supervisor can do, by name. Each takes what its
// caller gave to supervised and returns a value for it.
var operations = map[string]func(context.Context, *Deployer, json.RawMessage) (any, error){
	"deploy":  operation((*Deployer).deployHere),
	"destroy": operation((*Deployer).destroyHere),
	"recover": operation((*Deployer).recoverHere),
}

// operation makes an entry of operations of a method.
func operation[In, Out any](do func(*Deployer, context.Context, In) (Out, error)) func(context.Context, *Deployer, json.RawMessage) (any, error) {
	return func(ctx context.Context, d *Deployer, raw json.RawMessage) (any, error) {
		var in In
		if err := json.Unmarshal(raw, &in); err != nil {
			return nil, fmt.Errorf("order: %w", err)
		}
		return do(d, ctx, in)
	}
}

// request is what a supervisor is sent: Options as far as they can be sent,
// and what the operation wants.
type request struct {
	Home           string                   `json:"home"`
	Remote         bool                     `json:"remote"`
	Sandbox        bool                     `json:"sandbox"`
	Policy         policies.Policy          `json:"policy"`
	Terraform      string                   `json:"terraform"`
	ProviderMirror string                   `json:"provider_mirror"`
	Env            map[string]string        `json:"env"`
	ReadyTimeout   time.Duration            `json:"ready_timeout"`
	Offers         []catalog.Offer          `json:"offers"`
	Rates          map[string]catalog.Rates `json:"rates"`
	// Ask says that the caller wants to approve.
	Ask bool            `json:"ask"`
	In  json.RawMessage `json:"in"`
}

// outcome is what a supervisor returns.
type outcome struct {
	Value json.RawMessage `json:"value"`
	Error *wireError      `json:"error,omitempty"`
}

// answer is a caller's answer to a Preview.
type answer struct {
	Approved bool `json:"approved"`
}

// supervised runs an operation on the deployment of a name under a supervisor
// of its own and watches it. When ctx is cancelled the supervisor is asked to
// stop in order, and the call returns when it has.
func supervised[Out any](ctx context.Context, d *Deployer, op, name string, in any) (Out, error) {
	var out Out
	raw, err := json.Marshal(in)
	if err != nil {
		return out, fmt.Errorf("%s: %w", op, err)
	}
	req := request{
		Home: d.home, Remote: d.opts.Remote, Sandbox: d.opts.Sandbox, Policy: d.policy, Terraform: d.opts.Terraform,
		ProviderMirror: d.opts.ProviderMirror, Env: d.env, ReadyTimeout: d.opts.ReadyTimeout,
		Offers: d.opts.Offers, Rates: d.opts.Rates, Ask: d.opts.Approve != nil, In: raw,
	}
	j, err := job.Start(d.jobsOf(name), helperName, op, name, req)
	if err != nil {
		return out, failure.Wrap(err, failure.Failed, op+" "+name, "The process that does it could not be started; nothing was changed.",
			"Check that "+d.home+" can be written and has room.")
	}
	stop := context.AfterFunc(ctx, func() { _ = j.Interrupt() }) // gone is as good as asked
	defer stop()
	return follow[Out](context.WithoutCancel(ctx), ctx, d, j)
}

// follow watches a job to its end; questions are asked under ask.
func follow[Out any](ctx, ask context.Context, d *Deployer, j *job.Job) (Out, error) {
	var out Out
	raw, err := j.Watch(ctx, job.Watcher{
		Event: func(data json.RawMessage) {
			var ev Event
			if d.opts.Progress != nil && json.Unmarshal(data, &ev) == nil {
				d.send(ev)
			}
		},
		Question: func(_ context.Context, data json.RawMessage) (any, error) {
			var p Preview
			if err := json.Unmarshal(data, &p); err != nil {
				return nil, err
			}
			ok, err := d.opts.Approve(ask, p)
			return answer{Approved: ok}, err
		},
	})
	name := j.Meta().Name
	switch {
	case errors.Is(err, job.ErrDied):
		return out, failure.Wrap(err, failure.LeftBehind, "deployment "+fmt.Sprintf("%q", name),
			"It was killed in the middle of its work; what it had made may still exist.",
			fmt.Sprintf("Run `skysail recover %s`; its log is %s.", name, filepath.Join(j.Dir(), "log")))
	case err != nil:
		return out, err
	}
	var res outcome
	if err := json.Unmarshal(raw, &res); err != nil {
		return out, fmt.Errorf("result of %s: %w", j.Dir(), err)
	}
	if len(res.Value) > 0 {
		if err := json.Unmarshal(res.Value, &out); err != nil {
			return out, fmt.Errorf("result of %s: %w", j.Dir(), err)
		}
	}
	return out, res.Error.decode()
}

// jobsOf is the folder of a name's jobs.
func (d *Deployer) jobsOf(name string) string { return filepath.Join(d.home, "jobs", name) }

// operate runs in the supervisor.
func operate(ctx context.Context, s *job.Session, op string, raw json.RawMessage) any {
	value, err := perform(ctx, s, op, raw)
	out := outcome{Error: encodeError(err)}
	if value != nil {
		b, merr := json.Marshal(value)
		if merr != nil {
			return outcome{Error: encodeError(errors.Join(err, merr))}
		}
		out.Value = b
	}
	return out
}

func perform(ctx context.Context, s *job.Session, op string, raw json.RawMessage) (value any, err error) {
	do, ok := operations[op]
	if !ok {
		return nil, fmt.Errorf("no operation %q", op)
	}
	var req request
	if err := json.Unmarshal(raw, &req); err != nil {
		return nil, fmt.Errorf("order: %w", err)
	}
	opts := Options{
		Home: req.Home, Remote: req.Remote, Sandbox: req.Sandbox, Policy: &req.Policy, Terraform: req.Terraform,
		ProviderMirror: req.ProviderMirror, Env: req.Env, ReadyTimeout: req.ReadyTimeout, Offers: req.Offers, Rates: req.Rates,
		Progress: func(ev Event) { s.Event(ev) },
	}
	if req.Ask {
		opts.Approve = func(ctx context.Context, p Preview) (bool, error) {
			raw, err := s.Ask(ctx, p)
			if err != nil {
				return false, err
			}
			var a answer
			err = json.Unmarshal(raw, &a)
			return a.Approved, err
		}
	}
	d, err := New(ctx, opts)
	if err != nil {
		return nil, err
	}
	d.jobDir = s.Dir()
	defer func() { err = errors.Join(err, d.Close()) }()
	return do(ctx, d, req.In)
}

// environ is the process's environment as a map.
func environ() map[string]string {
	env := map[string]string{}
	for _, kv := range os.Environ() {
		if name, value, ok := strings.Cut(kv, "="); ok {
			env[name] = value
		}
	}
	return env
}

// lookup finds a variable of the Deployer's environment.
func (d *Deployer) lookup(name string) (string, bool) {
	v, ok := d.env[name]
	return v, ok
}

func ownEnv(given map[string]string) map[string]string {
	if given == nil {
		return environ()
	}
	return given
}
