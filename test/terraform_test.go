package test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
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
	"skysail/spec"
)

// TestBundles drives the bundles that `skysail plan --out` writes with plain
// Terraform, as a user's terratest suite does: formatted, valid, applied,
// planned again without a difference, destroyed, and nothing left.
func TestBundles(t *testing.T) {
	for _, p := range []string{policies.AWS, policies.GCP, policies.DigitalOcean, policies.Vultr} {
		t.Run(p, func(t *testing.T) {
			b := newBench(t)
			applyBundle(t, b, b.deployer(true, only(p)))
		})
	}
}

// applyBundle plans the example service and takes its bundle through its life
// by hand, with whatever providers the deployer uses.
func applyBundle(t *testing.T, b *bench, d *deploy.Deployer) {
	t.Helper()
	svc := hello(t)
	svc.Instances = 2
	svc.Disk = &spec.Disk{SizeGB: 50, Path: "/data"}
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
	// Each race-built plugin would sleep a second when it exits.
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
		if left := b.resources(); len(left) != 0 {
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
	for _, r := range b.resources() {
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
