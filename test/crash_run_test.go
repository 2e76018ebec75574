package test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"skysail/deploy"
	"skysail/deploy/job"
	"skysail/internal/reexec"
	"skysail/policies"
	"skysail/sandbox"
	"skysail/spec"
	"skysail/store"
)

func init() { reexec.Register("crash-command", crashCommand) }

// crashOrder is what a command process is told to do.
type crashOrder struct {
	Home    string       `json:"home"`
	Op      string       `json:"op"`
	Service spec.Service `json:"service"`
	// Kube is set for a cluster in place of the simulated clouds.
	Kube *crashCluster `json:"kube,omitempty"`
}

// crashCluster is how a cluster is reached.
type crashCluster struct {
	Kubeconfig string `json:"kubeconfig"`
	Mirror     string `json:"mirror"`
	Namespace  string `json:"namespace"`
}

// crashCommand is the process of a command: it makes one call.
func crashCommand([]string) int {
	var o crashOrder
	if err := json.NewDecoder(os.Stdin).Decode(&o); err != nil {
		return 2
	}
	d, err := deploy.New(context.Background(), crashOptions(o.Home, o.Kube))
	if err == nil {
		switch o.Op {
		case "destroy":
			_, err = d.Destroy(context.Background(), o.Service.Name)
		case "update":
			_, err = d.Update(context.Background(), o.Service.Name, deploy.UpdateRequest{Service: &o.Service})
		default:
			_, err = d.Deploy(context.Background(), &o.Service)
		}
		err = errors.Join(err, d.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func crashOptions(home string, k *crashCluster) deploy.Options {
	if k != nil {
		b := &kubeBench{bench: &bench{home: home}, kubeconfig: k.Kubeconfig, mirror: k.Mirror}
		o := deploy.Options{Home: home}
		b.options(onKubernetes(k.Namespace))(&o)
		o.ReadyTimeout = 60 * time.Second
		return o
	}
	policy := only(policies.Vultr, policies.DigitalOcean)
	return deploy.Options{Home: home, Remote: true, Sandbox: true, Policy: policy, ReadyTimeout: 60 * time.Second}
}

// crashWorker makes runs one after the other in one home.
type crashWorker struct {
	t *testing.T
	b *bench
	d *deploy.Deployer
	// kube is set for runs on a cluster, in a namespace of the worker's own.
	kube *kubeBench
	at   *crashCluster
}

func newCrashWorker(t *testing.T) *crashWorker {
	t.Helper()
	b := newBench(t)
	b.sandbox()
	return startCrashWorker(t, &crashWorker{t: t, b: b})
}

func startCrashWorker(t *testing.T, w *crashWorker) *crashWorker {
	t.Helper()
	d, err := deploy.New(t.Context(), crashOptions(w.b.home, w.at))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	w.d = d
	return w
}

var crashNames atomic.Int64

// service is the example under a new name.
func (w *crashWorker) service() *spec.Service {
	if w.kube != nil {
		return containers(fmt.Sprintf("crash-%d", crashNames.Add(1)), 1)
	}
	svc := hello(w.t)
	svc.Name = fmt.Sprintf("crash-%d", crashNames.Add(1))
	return svc
}

// arrange brings the world to where the operation begins.
func (w *crashWorker) arrange(op string, svc *spec.Service) *spec.Service {
	ctx := w.t.Context()
	switch op {
	case "failover":
		if err := w.b.sandbox().Fault(ctx, sandbox.Fault{Provider: policies.Vultr, Kind: "capacity"}); err != nil {
			w.t.Error(err)
		}
	case "update", "destroy":
		if _, err := w.d.Deploy(ctx, svc); err != nil {
			w.t.Errorf("%s: before it: %v", op, err)
		}
		if op == "update" {
			changed := *svc
			changed.Env = map[string]string{"CHANGED": "yes"}
			return &changed
		}
	}
	return svc
}

// record runs an operation unharmed and returns the points it passes and how
// long it takes.
func (w *crashWorker) record(op string) (points []string, took time.Duration) {
	svc := w.service()
	changed := w.arrange(op, svc)
	file := filepath.Join(w.b.home, "points")
	w.b.plan(crashPlan{Record: file})
	begin := time.Now()
	cmd := w.start(op, changed)
	if err := cmd.Wait(); err != nil {
		w.t.Fatalf("%s without a kill: %v\n%s", op, err, cmd.Stderr)
	}
	took = time.Since(begin)
	raw, err := os.ReadFile(file)
	if err != nil {
		w.t.Fatal(err)
	}
	w.disarm()
	if err := os.Remove(file); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.d.Destroy(w.t.Context(), svc.Name); err != nil {
		w.t.Fatal(err)
	}
	w.calm()
	return strings.Fields(string(raw)), took
}

func (w *crashWorker) disarm() {
	_ = os.Remove(filepath.Join(w.b.home, crashFile))
	_ = os.Remove(filepath.Join(w.b.home, killedFile))
}

func (w *crashWorker) calm() {
	if w.kube != nil {
		return
	}
	if err := w.b.sandbox().ClearFaults(context.WithoutCancel(w.t.Context()), ""); err != nil {
		w.t.Error(err)
	}
}

// start starts the process of a command.
func (w *crashWorker) start(op string, svc *spec.Service) *exec.Cmd {
	cmd, err := reexec.Command("crash-command")
	if err != nil {
		w.t.Fatal(err)
	}
	order, err := json.Marshal(crashOrder{Home: w.b.home, Op: op, Service: *svc, Kube: w.at})
	if err != nil {
		w.t.Fatal(err)
	}
	cmd.Stdin, cmd.Stderr = strings.NewReader(string(order)), &strings.Builder{}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	return cmd
}

// run makes one run and checks how it ends.
func (w *crashWorker) run(c crashCase) crashResult {
	svc := w.service()
	changed := w.arrange(c.Op, svc)
	if !c.Random {
		w.b.plan(c.Plan)
	}
	cmd := w.start(c.Op, changed)
	res := crashResult{crashCase: c}
	if c.Random {
		res.Killed = w.killOutside(cmd, svc.Name, c.Plan)
	}
	_ = cmd.Wait() // it may have been killed
	w.settle(svc.Name)
	if _, err := os.Stat(filepath.Join(w.b.home, killedFile)); err == nil {
		res.Killed = true
	}
	w.disarm()
	if c.Again > 0 {
		w.killRecovery(svc.Name, c.Again)
	}
	problems := w.recover(svc.Name)
	res.Outcome, problems = w.judge(svc.Name, c.Op, problems)
	problems = append(problems, w.tidy(svc.Name)...)
	if len(problems) > 0 {
		res.Failed = true
		w.t.Errorf("%s (%s):\n  %s\n  the command said: %s", c, svc.Name, strings.Join(problems, "\n  "), cmd.Stderr)
	}
	return res
}

// killOutside kills the victim some time after the operation's start.
func (w *crashWorker) killOutside(cmd *exec.Cmd, name string, p crashPlan) bool {
	time.Sleep(p.Delay)
	if p.Victim == killCommand {
		return cmd.Process.Signal(syscall.SIGKILL) == nil
	}
	for range 400 {
		j, err := job.Latest(filepath.Join(w.b.home, "jobs", name))
		if err == nil {
			if p.Victim == killSupervisor {
				return j.Running() && j.Meta().Process.Signal(syscall.SIGKILL) == nil
			}
			if !j.Running() {
				return false
			}
			if killBelow(j.Meta().Process, p.Victim) {
				return true
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	return false
}

// settle waits until no supervisor works on the name.
func (w *crashWorker) settle(name string) {
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		jobs := filepath.Join(w.b.home, "jobs", name)
		j, err := job.Latest(jobs)
		if (err != nil || !j.Running()) && !beginning(jobs) {
			return
		}
	}
	w.t.Errorf("%s: its supervisor does not end", name)
}

// beginning says whether a supervisor is there that has not noted itself yet: it
// has its order, and carries it out although the command was killed.
func beginning(jobs string) bool {
	folders, _ := filepath.Glob(filepath.Join(jobs, "*"))
	for _, dir := range folders {
		if exists(filepath.Join(dir, "job.json")) {
			continue
		}
		lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, f := range lines {
			if args, err := os.ReadFile(f); err == nil && strings.Contains(string(args), dir) {
				return true
			}
		}
	}
	return false
}

// killRecovery begins a recovery and kills its supervisor.
func (w *crashWorker) killRecovery(name string, after time.Duration) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = w.d.Recover(w.t.Context(), name) // it dies
	}()
	time.Sleep(after)
	if j, err := job.Latest(filepath.Join(w.b.home, "jobs", name)); err == nil && j.Meta().Op == "recover" {
		_ = j.Meta().Process.Signal(syscall.SIGKILL)
	}
	<-done
}

func (w *crashWorker) recover(name string) (problems []string) {
	if _, err := w.d.Recover(w.t.Context(), name); err != nil && !forgotten(err) {
		problems = append(problems, fmt.Sprintf("recover: %v", err))
	}
	return problems
}

// forgotten says that the store knows no such deployment: it died before
// anything was made.
func forgotten(err error) bool {
	return errors.Is(err, store.ErrNotFound) || strings.Contains(err.Error(), store.ErrNotFound.Error())
}

// judge compares the store with the simulated clouds.
func (w *crashWorker) judge(name, op string, problems []string) (outcome string, all []string) {
	ctx := w.t.Context()
	st, err := w.d.Status(ctx, name)
	held := w.held()
	switch {
	case err != nil && forgotten(err):
		outcome = "gone"
	case err != nil:
		return "?", append(problems, fmt.Sprintf("status: %v", err))
	case st.Phase == store.Running:
		outcome = "running"
	case st.Phase.Ended():
		outcome = "gone"
	default:
		return string(st.Phase), append(problems, fmt.Sprintf("it ends in phase %s (%s)", st.Phase, st.Reason))
	}
	if outcome == "gone" && len(held) > 0 {
		problems = append(problems, fmt.Sprintf("gone, but the clouds hold %+v", held))
	}
	if outcome == "gone" && op == "update" {
		problems = append(problems, "an update took the service away")
	}
	if outcome == "running" && w.kube != nil {
		problems = append(problems, wantedPod(st, held)...)
	} else if outcome == "running" {
		problems = append(problems, wanted(st, held)...)
	}
	return outcome, problems
}

// wanted says what is wrong with a deployment that runs.
func wanted(st deploy.Status, held []sandbox.Resource) (problems []string) {
	servers := 0
	for _, r := range held {
		if !strings.Contains(r.Name, st.ID) && !slices.Contains(r.Tags, "skysail-deployment:"+st.ID) {
			problems = append(problems, fmt.Sprintf("the clouds hold what is not of %s: %+v", st.ID, r))
		}
		if strings.Contains(r.Kind, "instance") || strings.Contains(r.Kind, "droplet") {
			servers++
		}
	}
	if servers != 1 || len(st.Live) != 1 {
		problems = append(problems, fmt.Sprintf("%d servers, %d instances in the store, wanted one: %+v", servers, len(st.Live), held))
	}
	for _, i := range st.Live {
		if i.Exists != deploy.Yes || i.Healthy != deploy.Yes {
			problems = append(problems, fmt.Sprintf("instance %s: exists %s, healthy %s %s", i.Name, i.Exists, i.Healthy, i.Detail))
		}
	}
	return problems
}

// tidy destroys what runs, which must leave nothing.
func (w *crashWorker) tidy(name string) (problems []string) {
	if _, err := w.d.Destroy(w.t.Context(), name); err != nil && !forgotten(err) {
		problems = append(problems, fmt.Sprintf("destroy: %v", err))
	}
	w.calm()
	if held := w.held(); len(held) > 0 {
		problems = append(problems, fmt.Sprintf("after destroy the clouds hold %+v", held))
	}
	return problems
}
