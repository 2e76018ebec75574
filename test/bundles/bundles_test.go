// Package bundles drives the bundles that skysail writes as a user's terratest
// suite does. It is a package of its own because terratest asks for terraform's
// version whenever a program that holds it starts, and the other suites' binary
// starts again for each plugin, supervisor and stand-in.
package bundles

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gruntwork-io/terratest/modules/logger"
	"github.com/gruntwork-io/terratest/modules/terraform"
	"golang.org/x/crypto/ssh"

	"skysail/deploy"
	"skysail/policies"
	"skysail/sandbox"
	"skysail/spec"
)

func TestMain(m *testing.M) {
	deploy.RunHelper()
	os.Exit(m.Run())
}

// TestBundles takes a bundle of every cloud through plain Terraform: formatted,
// valid, applied, planned again without a difference, destroyed, and nothing
// left.
func TestBundles(t *testing.T) {
	pack(t)
	for _, p := range []string{policies.AWS, policies.GCP, policies.DigitalOcean, policies.Vultr} {
		t.Run(p, func(t *testing.T) { applyBundle(t, p, "") })
	}
}

// pack builds the archive of the example service.
func pack(t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "run", "./examples/hello/pack")
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the example: %v\n%s", err, out)
	}
}

// applyBundle plans the example service on one provider and takes its bundle
// through its life by hand, with the stand-ins or the providers of a mirror.
func applyBundle(t *testing.T, provider, mirror string) {
	t.Helper()
	svc, err := spec.Load(filepath.Join("..", "..", "examples", "hello", "service.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	svc.Instances = 2
	svc.Disk = &spec.Disk{SizeGB: 50, Path: "/data"}
	d, cloud := deployer(t, provider, mirror)
	dir := filepath.Join(t.TempDir(), "review")
	planned, err := d.PlanBundles(t.Context(), svc, deploy.BundleOptions{Out: dir, Candidates: 1})
	if err != nil {
		t.Fatal(err)
	}
	fmtCheck := exec.CommandContext(t.Context(), "terraform", "fmt", "-check", "-recursive", dir)
	if out, err := fmtCheck.CombinedOutput(); err != nil {
		t.Errorf("terraform fmt -check: %v\n%s", err, out)
	}
	dir = filepath.Join(dir, filepath.FromSlash(planned.Candidates[0].BundlePath("")))
	env, err := d.SandboxEnv(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// A plugin that was built with the race detector would sleep a second when
	// it exits.
	env["GORACE"] = "atexit_sleep_ms=0"
	opts := &terraform.Options{
		TerraformDir: dir, TerraformBinary: "terraform", NoColor: true, EnvVars: env, Lock: true,
		VarFiles: []string{privateVars(t, svc.Instances)}, Logger: logger.Discard,
	}
	// terratest's own clean-up must outlive t.Context, which ends before it.
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Minute)
		defer cancel()
		terraform.DestroyContext(t, ctx, opts)
		if left := resources(t, cloud); len(left) != 0 {
			t.Errorf("after terraform destroy the sandbox still holds %+v", left)
		}
	})
	terraform.InitContext(t, t.Context(), opts)
	terraform.ValidateContext(t, t.Context(), withoutVars(opts))
	terraform.InitAndApplyContext(t, t.Context(), opts)
	if code := terraform.PlanExitCodeContext(t, t.Context(), opts); code != 0 {
		t.Errorf("a second plan differs: exit code %d\n%s", code, secondPlan(t, opts))
	}
	var instances []struct {
		ID, Address, HostKey string
	}
	terraform.OutputStructContext(t, t.Context(), opts, "instances", &instances)
	if len(instances) != 2 || instances[0].ID == "" || instances[0].Address == "" || instances[0].ID == instances[1].ID {
		t.Errorf("output instances: %+v", instances)
	}
	servers := 0
	for _, r := range resources(t, cloud) {
		if r.Address != "" {
			servers++
		}
		if !strings.Contains(r.Name, planned.ID) {
			t.Errorf("%s %s does not carry the deployment's ID %s", r.Kind, r.Name, planned.ID)
		}
	}
	if servers != 2 {
		t.Errorf("the sandbox holds %d servers, wanted 2", servers)
	}
}

// deployer plans for one provider, and nothing else, in a sandbox of its own.
func deployer(t *testing.T, provider, mirror string) (*deploy.Deployer, *sandbox.Client) {
	t.Helper()
	home, one := t.TempDir(), []string{provider}
	policy := policies.Default()
	policy.Lists = policies.Lists{GPU: one, CPU: one, Memory: one, Cost: one, Order: policies.OrderListed}
	policy.Limits.Regions = []string{"us-east-1", "us-central1", "nyc1", "ewr"}
	cloud, err := sandbox.Start(t.Context(), filepath.Join(home, "sandbox"))
	if err != nil {
		t.Fatal(err)
	}
	d, err := deploy.New(t.Context(), deploy.Options{Home: home, Remote: true, Sandbox: true, Policy: &policy, ProviderMirror: mirror})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if err := errors.Join(d.Close(), cloud.Down(ctx, true)); err != nil {
			t.Error(err)
		}
	})
	return d, cloud
}

// resources is what the simulated clouds hold; clean-ups ask as well, when
// t.Context has ended.
func resources(t *testing.T, cloud *sandbox.Client) []sandbox.Resource {
	t.Helper()
	l, err := cloud.List(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// withoutVars is for commands that take no variables.
func withoutVars(o *terraform.Options) *terraform.Options {
	c := *o
	c.VarFiles = nil
	return &c
}

func secondPlan(t *testing.T, o *terraform.Options) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "terraform", "plan", "-no-color", "-var-file="+o.VarFiles[0])
	cmd.Dir = o.TerraformDir
	cmd.Env = os.Environ()
	for k, v := range o.EnvVars {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	out, _ := cmd.CombinedOutput()
	return string(out)
}

// privateVars writes what a bundle's reviewable files leave out: keys.
func privateVars(t *testing.T, instances int) string {
	t.Helper()
	_, client := sshKey(t)
	hosts := make([]map[string]string, instances)
	for i := range hosts {
		private, public := sshKey(t)
		hosts[i] = map[string]string{"private_key": private, "public_key": public}
	}
	data, err := json.Marshal(map[string]any{"ssh_public_key": client, "ssh_host_keys": hosts})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "private.tfvars.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func sshKey(t *testing.T) (private, public string) {
	t.Helper()
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(priv, "test")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block)), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}
