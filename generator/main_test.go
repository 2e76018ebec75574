package generator_test

import (
	"crypto/ed25519"
	"encoding/pem"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"skysail/generator"
	"skysail/internal/reexec"
	"skysail/policies"
	"skysail/spec"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	reexec.Main()
	os.Exit(m.Run())
}

// hostKey makes a key pair that is the same in every run but for the check
// bytes inside its PEM.
func hostKey(t *testing.T, n byte) generator.HostKey {
	t.Helper()
	key := ed25519.NewKeyFromSeed(append(make([]byte, ed25519.SeedSize-1), n))
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return generator.HostKey{
		Private: string(pem.EncodeToMemory(block)),
		Public:  strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))),
	}
}

func native() spec.Service {
	return spec.Service{
		Name: "echo",
		Source: spec.Source{Native: &spec.Native{
			URL: "https://example.com/echo.tar.gz", SHA256: strings.Repeat("ab", 32),
			Binary: "bin/echo", Args: []string{"--listen", ":8080"},
		}},
		Resources: spec.Resources{CPU: 1, MemoryGB: 1, StorageGB: 10},
		Instances: 1,
		Ports:     []spec.Port{{Name: "http", Number: 8080, Public: true}, {Name: "admin", Number: 9090}},
		Health:    &spec.Health{HTTP: &spec.HTTPHealth{Port: "http", Path: "/healthz"}},
		Env:       map[string]string{"LOG_LEVEL": "info"},
		Secrets:   []string{"API_KEY"},
	}
}

func container() spec.Service {
	s := native()
	s.Source = spec.Source{Container: &spec.Container{Image: "ghcr.io/acme/echo:1.4"}}
	return s
}

// input is a valid one for the provider.
func input(t *testing.T, provider string) generator.Input {
	t.Helper()
	in := generator.Input{DeploymentID: "d4k2m9x7qpb1", Service: native(), Provider: provider}
	switch provider {
	case "kubernetes":
		in.Region, in.Size = "arn:aws:eks:us-east-1:123456789012:cluster/production", "blueprints"
		in.Service = container()
		in.Service.Instances, in.Service.MaxInstances = 2, 10
		in.Service.Resources.GPU = &spec.GPU{Count: 1, Model: "L4"}
		in.Service.Disk = &spec.Disk{SizeGB: 50, Path: "/srv/data"}
		in.TTL = 24 * time.Hour
		in.Kubernetes = generator.Kubernetes{
			Ref: policies.KubernetesRef{
				ImagePullSecret: "registry", ServiceType: "LoadBalancer", IngressFrom: []string{"203.0.113.0/24"}, RunAsUser: 1000,
				Monitor: &policies.Monitor{Kind: "PodMonitor", Port: "admin", Path: "/metrics"},
			},
			ReadyTimeout: 10 * time.Minute,
		}
		return in
	case "local":
		in.Region, in.Size = "local", "local"
		return in
	case "aws":
		in.Region, in.Size, in.Zone = "us-east-1", "m7i.large", "us-east-1b"
		in.BootDiskGB, in.TTL, in.Spot = 20, 24*time.Hour, true
		in.Service.Disk = &spec.Disk{SizeGB: 50, Path: "/srv/data"}
	case "digitalocean":
		in.Region, in.Size = "nyc3", "s-2vcpu-4gb"
	case "gcp":
		in.Region, in.Size, in.Zone = "us-central1", "g2-standard-4", "us-central1-a"
		in.BootDiskGB, in.TTL, in.Spot = 80, 24*time.Hour, true
		in.Service.Disk = &spec.Disk{SizeGB: 50, Path: "/srv/data"}
	case "vultr":
		in.Region, in.Size = "ewr", "vc2-2c-4gb"
		in.Service = container()
		in.Service.Instances = 2
	}
	in.SSHFrom = []string{"203.0.113.0/24", "2001:db8::/48"}
	in.SSHPublicKey = hostKey(t, 200).Public
	for i := range in.Service.Instances {
		in.HostKeys = append(in.HostKeys, hostKey(t, byte(i)))
	}
	return in
}

func generate(t *testing.T, in generator.Input) generator.Bundle {
	t.Helper()
	b, err := generator.Generate(in)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// terraform builds a command of the real Terraform in dir that finds no
// settings, no registry and no credentials of this machine.
func terraform(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	bin, err := exec.LookPath("terraform")
	if err != nil {
		t.Fatal("these tests drive the real Terraform: put terraform (1.6 or later) on PATH, see https://developer.hashicorp.com/terraform/install")
	}
	cmd := exec.CommandContext(t.Context(), bin, args...)
	cmd.Dir = dir
	home := t.TempDir()
	rc := filepath.Join(home, "terraformrc")
	if err := os.WriteFile(rc, []byte("provider_installation {\n  filesystem_mirror {\n    path = \""+home+"\"\n  }\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home,
		"TF_CLI_CONFIG_FILE=" + rc, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1",
		"GORACE=atexit_sleep_ms=0", // a plugin of a -race build would linger for a second
	}
	return cmd
}

func mustRun(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return string(out)
}

// written is the bundle on disk.
func written(t *testing.T, b generator.Bundle) (bundle, private string) {
	t.Helper()
	root := t.TempDir()
	bundle, private = filepath.Join(root, "bundle"), filepath.Join(root, "private")
	if err := b.Write(bundle, private); err != nil {
		t.Fatal(err)
	}
	return bundle, private
}

func each(t *testing.T, f func(t *testing.T, provider string)) {
	t.Helper()
	for _, p := range generator.Providers() {
		t.Run(p, func(t *testing.T) { f(t, p) })
	}
}

func printed(v any) string { return fmt.Sprintf("%v %+v %#v", v, v, v) }
