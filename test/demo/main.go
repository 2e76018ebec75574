// Command demo runs skysail as a user would, on simulated clouds, and exits 0
// only when every step did what it shows: a cloud refuses for capacity, what
// it half made is removed, the next cloud takes the service, it is watched,
// and destroyed until nothing is left.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

const (
	service = "examples/cpu-heavy/service.hcl"
	policy  = "examples/policies/new-york.hcl"
	name    = "cruncher"
)

func main() {
	bin := flag.String("skysail", "bin/skysail", "the skysail binary")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	start := time.Now()
	if err := run(ctx, *bin); err != nil {
		fmt.Fprintf(os.Stderr, "\ndemo FAILED: %v\n", err)
		os.Exit(1)
	}
	fmt.Printf("\nAll of it was checked against the simulated APIs. %s\n", time.Since(start).Round(100*time.Millisecond))
}

type demo struct {
	ctx  context.Context //nolint:containedctx // one run of one program
	bin  string
	home string
}

func run(ctx context.Context, bin string) (err error) {
	abs, err := filepath.Abs(bin)
	if err != nil {
		return err
	}
	home, err := os.MkdirTemp("", "skysail-demo-*")
	if err != nil {
		return err
	}
	d := &demo{ctx: ctx, bin: abs, home: home}
	defer func() {
		down := &demo{ctx: context.WithoutCancel(ctx), bin: abs, home: home}
		if _, derr := down.quiet("sandbox", "down", "--purge"); derr != nil && err == nil {
			err = derr
		}
		if err == nil {
			err = os.RemoveAll(home)
		} else {
			fmt.Fprintf(os.Stderr, "\nkept for a look: SKYSAIL_HOME=%s\n", home)
		}
	}()
	for _, step := range []func() error{d.choose, d.deploy, d.watch, d.logs, d.destroy} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) choose() error {
	d.say("A service that needs 12 vCPU, near New York. Vultr comes first for it:")
	if err := d.show("select", service, "--policy", policy, "--sandbox"); err != nil {
		return err
	}
	var sel struct {
		Candidates []struct{ Provider, Type string }
	}
	if err := d.json(&sel, "select", service, "--policy", policy, "--sandbox"); err != nil {
		return err
	}
	if len(sel.Candidates) < 2 || sel.Candidates[0].Provider != "vultr" {
		return fmt.Errorf("vultr is not first: %+v", sel.Candidates)
	}
	d.say("Vultr shall have no room for it:")
	return d.show("sandbox", "fault", "vultr", "capacity")
}

func (d *demo) deploy() error {
	d.say("Deploy. Vultr refuses, what it half made is removed, DigitalOcean takes it:")
	if err := d.show("deploy", service, "--policy", policy, "--remote", "--sandbox", "--auto-approve"); err != nil {
		return err
	}
	if err := d.show("status", name); err != nil {
		return err
	}
	var st struct {
		Deployments []struct {
			Phase, Provider string
			Sandbox         bool
			Attempts        []struct{ Provider, Phase, Class string }
		}
	}
	if err := d.json(&st, "status", name); err != nil {
		return err
	}
	if len(st.Deployments) != 1 {
		return fmt.Errorf("status shows %d deployments", len(st.Deployments))
	}
	s := st.Deployments[0]
	switch {
	case s.Phase != "running" || s.Provider != "digitalocean" || !s.Sandbox:
		return fmt.Errorf("it is not running on digitalocean in the sandbox: %+v", s)
	case len(s.Attempts) != 2 || s.Attempts[0].Provider != "vultr" || s.Attempts[0].Class != "capacity" || s.Attempts[0].Phase != "cleaned":
		return fmt.Errorf("the first attempt is not vultr, capacity, cleaned: %+v", s.Attempts)
	}
	droplets, err := d.api("DIGITALOCEAN", "/v2/droplets", "droplets")
	if err != nil {
		return err
	}
	servers, err := d.api("VULTR", "/v2/instances", "instances")
	if err != nil {
		return err
	}
	if droplets != 1 || servers != 0 {
		return fmt.Errorf("the simulated APIs hold %d droplets and %d Vultr instances, wanted 1 and 0", droplets, servers)
	}
	d.say("What the simulated clouds hold now:")
	return d.show("sandbox", "list")
}

// sample is what the demo reads of a QoS sample.
type sample struct {
	Source, Name string
	Labels       map[string]string
	Value        float64
}

func (d *demo) watch() error {
	d.say("Watch it, over SSH with the pinned host key and by its health check:")
	if err := d.show("qos", name); err != nil {
		return err
	}
	var q struct{ Samples []sample }
	if err := d.json(&q, "qos", name); err != nil {
		return err
	}
	get := func(source, name string) float64 {
		for _, s := range q.Samples {
			if s.Source == source && s.Name == name {
				return s.Value
			}
		}
		return -1
	}
	if v := get("http", "probe_success"); v != 1 {
		return fmt.Errorf("probe_success is %g", v)
	}
	if v := get("ssh", "skysail_service_up"); v != 1 {
		return fmt.Errorf("skysail_service_up is %g", v)
	}
	memory, err := memTotal()
	if err != nil {
		return err
	}
	if v := get("ssh", "node_memory_MemTotal_bytes"); memory > 0 && v != memory {
		return fmt.Errorf("node_memory_MemTotal_bytes is %g, this machine has %g", v, memory)
	}
	return nil
}

func (d *demo) logs() error {
	d.say("Its log:")
	out, err := d.showOutput("logs", name, "--last", "3")
	if err != nil {
		return err
	}
	if !strings.Contains(out, "listening") && !strings.Contains(out, "healthz") && !strings.Contains(out, "heartbeat") {
		return fmt.Errorf("no line of the service in its log: %q", out)
	}
	return nil
}

func (d *demo) destroy() error {
	d.say("Destroy it, with the provider's word that nothing is left:")
	if err := d.show("destroy", name, "--auto-approve"); err != nil {
		return err
	}
	if err := d.show("sandbox", "list"); err != nil {
		return err
	}
	var l struct{ Resources []json.RawMessage }
	if err := d.json(&l, "sandbox", "list"); err != nil {
		return err
	}
	if len(l.Resources) != 0 {
		return fmt.Errorf("the sandbox still holds %s", l.Resources)
	}
	for _, q := range [][3]string{{"DIGITALOCEAN", "/v2/droplets", "droplets"}, {"DIGITALOCEAN", "/v2/firewalls", "firewalls"}, {"VULTR", "/v2/instances", "instances"}} {
		n, err := d.api(q[0], q[1], q[2])
		if err != nil {
			return err
		}
		if n != 0 {
			return fmt.Errorf("the simulated %s API still lists %d %s", strings.ToLower(q[0]), n, q[2])
		}
	}
	return nil
}

func (d *demo) say(text string) { fmt.Printf("\n# %s\n", text) }

func (d *demo) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(d.ctx, d.bin, args...) //nolint:gosec // the binary under test
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Env = append(os.Environ(), "SKYSAIL_HOME="+d.home)
	return cmd
}

func (d *demo) show(args ...string) error {
	_, err := d.showOutput(args...)
	return err
}

func (d *demo) showOutput(args ...string) (string, error) {
	fmt.Printf("$ skysail %s\n", strings.Join(args, " "))
	cmd := d.command(args...)
	var out bytes.Buffer
	cmd.Stdout = io.MultiWriter(os.Stdout, &out)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("skysail %s: %w", args[0], err)
	}
	return out.String(), nil
}

func (d *demo) quiet(args ...string) ([]byte, error) {
	cmd := d.command(args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("skysail %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return out, nil
}

func (d *demo) json(into any, args ...string) error {
	out, err := d.quiet(append(args, "-o", "json")...)
	if err != nil {
		return err
	}
	return json.Unmarshal(out, into)
}

// api asks a simulated API itself how many of a collection it holds.
func (d *demo) api(provider, path, key string) (int, error) {
	var env struct{ Env map[string]string }
	if err := d.json(&env, "sandbox", "env"); err != nil {
		return 0, err
	}
	base, token := env.Env["DIGITALOCEAN_API_URL"], env.Env["DIGITALOCEAN_TOKEN"]
	if provider == "VULTR" {
		base, token = env.Env["VULTR_API_URL"], env.Env["VULTR_API_KEY"]
	}
	req, err := http.NewRequestWithContext(d.ctx, http.MethodGet, strings.TrimRight(base, "/")+path, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	var body map[string]json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		return 0, fmt.Errorf("%s %s: %w", provider, path, err)
	}
	var list []json.RawMessage
	if err := json.Unmarshal(body[key], &list); err != nil {
		return 0, fmt.Errorf("%s %s answered %s: %w", provider, path, resp.Status, err)
	}
	return len(list), nil
}

// memTotal is this machine's memory in bytes, 0 where /proc has no word on it.
func memTotal() (float64, error) {
	b, err := os.ReadFile("/proc/meminfo")
	if os.IsNotExist(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var kib float64
	if _, err := fmt.Sscanf(string(b), "MemTotal: %f kB", &kib); err != nil {
		return 0, fmt.Errorf("/proc/meminfo: %w", err)
	}
	return kib * 1024, nil
}
