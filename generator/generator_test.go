package generator_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"skysail/generator"
	"skysail/internal/failure"
	"skysail/modules"
	"skysail/policies"
	"skysail/spec"
)

// The root files are compared with testdata; the modules' with the modules.
func TestGolden(t *testing.T) {
	each(t, func(t *testing.T, provider string) {
		b := generate(t, input(t, provider))
		dir := filepath.Join("testdata", provider)
		var names []string
		for name, content := range b.Files {
			if module, ok := strings.CutPrefix(name, "modules/"); ok {
				want, err := modules.FS.ReadFile(module)
				if err != nil || !bytes.Equal(want, content) {
					t.Errorf("%s is not the module's file: %v", name, err)
				}
				continue
			}
			names = append(names, name)
			golden(t, filepath.Join(dir, name), content)
		}
		if *update {
			return
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, e := range entries {
			want = append(want, e.Name())
		}
		sort.Strings(names)
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("root files (-want +got):\n%s", diff)
		}
	})
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run `go test ./generator -update` and review the difference", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestSameInputSameBytes(t *testing.T) {
	each(t, func(t *testing.T, provider string) {
		in := input(t, provider)
		for _, k := range []string{"B", "A", "D", "C"} {
			in.Service.Env[k] = "v"
		}
		first := generate(t, in)
		for range 5 {
			if diff := cmp.Diff(first, generate(t, in)); diff != "" {
				t.Fatalf("differs:\n%s", diff)
			}
		}
	})
}

// Every module that the bundle calls is in it, and no test or README is.
func TestBundleIsSelfContained(t *testing.T) {
	each(t, func(t *testing.T, provider string) {
		b := generate(t, input(t, provider))
		for name, content := range b.Files {
			if strings.Contains(name, "/tests/") || strings.HasSuffix(name, ".md") {
				t.Errorf("%s is no part of a bundle", name)
			}
			for _, line := range strings.Split(string(content), "\n") {
				source, ok := strings.CutPrefix(strings.Join(strings.Fields(line), " "), `source = "../`)
				if !ok {
					continue
				}
				module := strings.TrimSuffix(source, `"`)
				if b.Files["modules/"+module+"/main.tf"] == nil {
					t.Errorf("%s calls module %s, which is not in the bundle", name, module)
				}
			}
		}
		err := fs.WalkDir(modules.FS, provider, func(name string, d fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(name, ".tf") && b.Files["modules/"+name] == nil {
				t.Errorf("modules/%s is missing", name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestNoSecretInReviewableFiles(t *testing.T) {
	const value = "canary-7f3b-secret-value"
	t.Setenv("API_KEY", value)
	t.Setenv("DIGITALOCEAN_TOKEN", value)
	t.Setenv("VULTR_API_KEY", value)
	t.Setenv("GOOGLE_OAUTH_ACCESS_TOKEN", value)
	t.Setenv("GOOGLE_CREDENTIALS", value)
	each(t, func(t *testing.T, provider string) {
		in := input(t, provider)
		b := generate(t, in)
		canaries := []string{value}
		for _, k := range in.HostKeys {
			canaries = append(canaries, strings.Split(strings.TrimSpace(k.Private), "\n")...)
		}
		for name, content := range b.Files {
			for _, c := range canaries {
				// The module names the PEM header in a validation.
				if strings.HasPrefix(c, "-----") && strings.HasPrefix(name, "modules/") {
					continue
				}
				if bytes.Contains(content, []byte(c)) {
					t.Errorf("%s holds the secret %q", name, c)
				}
			}
		}
		if len(b.Private) != 1 {
			t.Errorf("private files: %d, want 1", len(b.Private))
		}
		var private struct {
			Keys []generator.HostKey `json:"ssh_host_keys"`
		}
		if err := json.Unmarshal(b.Private[generator.PrivateVariablesFile], &private); err != nil {
			t.Fatal(err)
		}
		if len(private.Keys) != len(in.HostKeys) {
			t.Errorf("%d host keys are private, want %d", len(private.Keys), len(in.HostKeys))
		}
	})
}

// Keys are new for each attempt; what is reviewed must not change with them.
func TestReviewableFilesDoNotDependOnKeys(t *testing.T) {
	each(t, func(t *testing.T, provider string) {
		in := input(t, provider)
		with := generate(t, in)
		in.SSHPublicKey, in.HostKeys = "", nil
		without := generate(t, in)
		if diff := cmp.Diff(with.Files, without.Files); diff != "" {
			t.Errorf("files (-with +without keys):\n%s", diff)
		}
		if provider != "local" && provider != "kubernetes" && len(without.Private) != 0 {
			t.Errorf("private files without keys: %d", len(without.Private))
		}
	})
}

func TestHostKeyDoesNotPrintItsPrivateHalf(t *testing.T) {
	in := input(t, "digitalocean")
	for _, v := range []any{in, in.HostKeys, in.HostKeys[0], &in.HostKeys[0]} {
		if s := printed(v); strings.Contains(s, "PRIVATE KEY") {
			t.Errorf("%T prints the private key:\n%s", v, s)
		}
	}
}

// What is given is declared, and what is declared without a default is given.
func TestVariablesAreDeclared(t *testing.T) {
	each(t, func(t *testing.T, provider string) {
		b := generate(t, input(t, provider))
		given := map[string]bool{}
		for _, f := range [][]byte{b.Files[generator.VariablesFile], b.Private[generator.PrivateVariablesFile]} {
			var vars map[string]json.RawMessage
			if err := json.Unmarshal(f, &vars); err != nil {
				t.Fatal(err)
			}
			for name := range vars {
				given[name] = true
			}
		}
		name := ""
		optional := map[string]bool{}
		for _, line := range strings.Split(string(b.Files["variables.tf"]), "\n") {
			if n, ok := strings.CutPrefix(line, `variable "`); ok {
				name = strings.TrimSuffix(n, `" {`)
				optional[name] = false
			}
			if strings.HasPrefix(line, "  default ") {
				optional[name] = true
			}
		}
		for n, opt := range optional {
			if !opt && !given[n] {
				t.Errorf("%s has no default and is not given", n)
			}
		}
		for n := range given {
			if _, ok := optional[n]; !ok {
				t.Errorf("%s is given and not declared", n)
			}
		}
	})
}

func TestRefused(t *testing.T) {
	for _, tc := range []struct {
		name, provider string
		change         func(*generator.Input)
		want           string
	}{
		{"no client key", "vultr", func(in *generator.Input) { in.SSHPublicKey = "" }, "SSH client key"},
		{"no host keys", "vultr", func(in *generator.Input) { in.HostKeys = nil }, "0 SSH host keys for 2 instances"},
		{"unknown provider", "azure", func(*generator.Input) {}, `no Terraform module for provider "azure"`},
		{"service", "vultr", func(in *generator.Input) { in.Service.Name = "$(reboot)" }, "bundle for vultr"},
		{"deployment ID", "vultr", func(in *generator.Input) { in.DeploymentID = "D-1" }, "deployment ID"},
		{"region", "vultr", func(in *generator.Input) { in.Region = "a b" }, "region"},
		{"size", "vultr", func(in *generator.Input) { in.Size = `"}` }, "size"},
		{"no access", "digitalocean", func(in *generator.Input) { in.SSHFrom = nil }, "access.ssh_from is empty"},
		{"bad CIDR", "digitalocean", func(in *generator.Input) { in.SSHFrom = []string{"1.2.3.4"} }, `"1.2.3.4" is not a CIDR`},
		{"client key", "digitalocean", func(in *generator.Input) { in.SSHPublicKey = "ssh-ed25519 !" }, "SSH client key"},
		{"two client keys", "digitalocean", func(in *generator.Input) { in.SSHPublicKey += "\n" + in.SSHPublicKey }, "SSH client key"},
		{"too few host keys", "vultr", func(in *generator.Input) { in.HostKeys = in.HostKeys[:1] }, "1 SSH host keys for 2 instances"},
		{"halves of two keys", "vultr", func(in *generator.Input) { in.HostKeys[0].Public = in.HostKeys[1].Public }, "SSH host key 0"},
		{"no host key", "vultr", func(in *generator.Input) { in.HostKeys[1].Private = "garbage" }, "SSH host key 1"},
		{"not normalized", "digitalocean", func(in *generator.Input) { in.Service.Env["NAME"] = "e\u0301" }, "env.NAME"},
		{"noncharacter", "digitalocean", func(in *generator.Input) { in.Service.Source.Native.Args = []string{"a\uffff"} }, "source.native.args[0]"},
		{"engine's variable", "vultr", func(in *generator.Input) { in.Service.Env["LD_PRELOAD"] = "/x.so" }, "can not be given LD_PRELOAD"},
		{"engine's variable as a secret", "vultr", func(in *generator.Input) { in.Service.Secrets = []string{"CONTAINER_HOST"} }, "can not be given CONTAINER_HOST"},
		{"a disk on this machine", "local", func(in *generator.Input) { in.Service.Disk = &spec.Disk{SizeGB: 10, Path: "/data"} }, "no disk of its own"},
		{"a range elsewhere", "gcp", func(in *generator.Input) { in.Service.MaxInstances = 3 }, "only a cluster keeps a range"},
		{"an archive on a cluster", "kubernetes", func(in *generator.Input) { in.Service.Source = native().Source }, "a cluster runs container images"},
		{"a context", "kubernetes", func(in *generator.Input) { in.Region = "a b" }, "is not a kubeconfig context's name"},
		{"a namespace", "kubernetes", func(in *generator.Input) { in.Size = "Blue" }, "is not a namespace's name"},
		{"a Secret", "kubernetes", func(in *generator.Input) { in.Kubernetes.SecretName = "A" }, "is not a Secret's name"},
		{"twice on this machine", "local", func(in *generator.Input) { in.Service.Instances = 2 }, "runs once on this machine"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			provider := tc.provider
			if provider == "azure" {
				provider = "vultr"
			}
			in := input(t, provider)
			in.Provider = tc.provider
			tc.change(&in)
			b, err := generator.Generate(in)
			if err == nil {
				t.Fatal("it was accepted")
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %q, want %q in it", err, tc.want)
			}
			if strings.Contains(err.Error(), "PRIVATE KEY") {
				t.Errorf("the error shows a private key: %v", err)
			}
			if failure.CodeOf(err) != failure.Input {
				t.Errorf("code %s, want %s", failure.CodeOf(err), failure.Input)
			}
			if b.Files != nil || b.Private != nil {
				t.Error("a bundle came with the error")
			}
		})
	}
}

// All that is wrong is said at once.
func TestRefusedAllAtOnce(t *testing.T) {
	in := input(t, "vultr")
	in.SSHFrom, in.Region, in.HostKeys = nil, "", nil
	_, err := generator.Generate(in)
	var f *failure.Error
	if !errors.As(err, &f) {
		t.Fatalf("error %v, want a failure", err)
	}
	for _, want := range []string{"ssh_from", "region", "host keys"} {
		if !strings.Contains(f.Cause, want) {
			t.Errorf("cause %q does not name %s", f.Cause, want)
		}
	}
}

func TestMinimalService(t *testing.T) {
	each(t, func(t *testing.T, provider string) {
		in := input(t, provider)
		in.Service = spec.Service{
			Name: "a", Instances: 1,
			Source:    spec.Source{Native: &spec.Native{URL: "https://example.com/a.tgz", SHA256: strings.Repeat("0", 64), Binary: "a"}},
			Resources: spec.Resources{CPU: 1, MemoryGB: 1},
		}
		if provider == policies.Kubernetes { // it runs images only
			in.Service.Source = spec.Source{Container: &spec.Container{Image: "docker.io/library/nginx:1.29"}}
		}
		if len(in.HostKeys) > 1 {
			in.HostKeys = in.HostKeys[:1]
		}
		b := generate(t, in)
		if bytes.Contains(b.Files[generator.VariablesFile], []byte("null")) {
			t.Errorf("a null is among the variables:\n%s", b.Files[generator.VariablesFile])
		}
	})
}
