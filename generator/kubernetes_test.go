package generator_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"skysail/generator"
	"skysail/internal/reexec"
	"skysail/internal/tfplugin"
	"skysail/internal/tfplugin/tfplugintest"
	"skysail/spec"
)

// TestKubeletProbe is the check that a kubelet makes for each kind of health
// check: "" stands for the plain GET that health is.
func TestKubeletProbe(t *testing.T) {
	const port = `"port":8080`
	for name, c := range map[string]struct {
		health *spec.Health
		want   string
	}{
		"none":               {nil, ""},
		"plain":              {&spec.Health{HTTP: &spec.HTTPHealth{Port: "http", Path: "/"}}, ""},
		"a body":             {&spec.Health{HTTP: &spec.HTTPHealth{Port: "http", Path: "/", BodyMatches: []string{"ok"}}}, ""},
		"statuses":           {&spec.Health{HTTP: &spec.HTTPHealth{Port: "http", Path: "/", Status: []string{"401", "204"}}}, ""},
		"https":              {&spec.Health{HTTP: &spec.HTTPHealth{Port: "http", Path: "/a", Scheme: "https"}}, `{"path":"/a",` + port + `,"type":"https"}`},
		"a host":             {&spec.Health{HTTP: &spec.HTTPHealth{Port: "http", Path: "/", Host: "a.example", Headers: map[string]string{"B": "c"}}}, `{"headers":{"B":"c","Host":"a.example"},"path":"/",` + port + `,"type":"http"}`},
		"another status":     {&spec.Health{HTTP: &spec.HTTPHealth{Port: "http", Path: "/", Status: []string{"401", "500-599"}}}, `{` + port + `,"type":"tcp"}`},
		"another method":     {&spec.Health{HTTP: &spec.HTTPHealth{Port: "http", Path: "/", Method: "HEAD"}}, `{` + port + `,"type":"tcp"}`},
		"a secret header":    {&spec.Health{HTTP: &spec.HTTPHealth{Port: "http", Path: "/", SecretHeaders: map[string]string{"Authorization": "TOKEN"}}}, `{` + port + `,"type":"tcp"}`},
		"client certificate": {&spec.Health{HTTP: &spec.HTTPHealth{Port: "http", Path: "/", Scheme: "https", TLS: &spec.HealthTLS{CertFile: "/c", KeyFile: "/k"}}}, `{` + port + `,"type":"tcp"}`},
		"tcp":                {&spec.Health{TCP: &spec.TCPHealth{Port: "http"}}, `{` + port + `,"type":"tcp"}`},
		"grpc":               {&spec.Health{GRPC: &spec.GRPCHealth{Port: "http", Service: "a.B"}}, `{` + port + `,"service":"a.B","type":"grpc"}`},
		"grpc over TLS":      {&spec.Health{GRPC: &spec.GRPCHealth{Port: "http", TLS: &spec.HealthTLS{}}}, `{` + port + `,"type":"tcp"}`},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(t, "kubernetes")
			in.Service.Health = c.health
			in.Service.Ports = []spec.Port{{Name: "http", Number: 8080}}
			in.Kubernetes.Ref.Monitor = nil
			var vars map[string]json.RawMessage
			if err := json.Unmarshal(generate(t, in).Files[generator.VariablesFile], &vars); err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			if probe := vars["probe"]; len(probe) > 0 {
				if err := json.Compact(&got, probe); err != nil {
					t.Fatal(err)
				}
			}
			if got.String() != c.want {
				t.Errorf("%s", got.String())
			}
		})
	}
}

// clusterPlan is what Terraform plans of a bundle, with the Helm provider's
// schema and nothing behind it.
func clusterPlan(t *testing.T, bundle string) []byte {
	t.Helper()
	mirror := t.TempDir()
	if err := tfplugin.WriteMirror(mirror, tfplugintest.Helm()); err != nil {
		t.Fatal(err)
	}
	rc := filepath.Join(t.TempDir(), "terraformrc")
	if err := os.WriteFile(rc, []byte("provider_installation {\n  filesystem_mirror {\n    path = \""+mirror+"\"\n  }\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for _, args := range [][]string{
		{"init", "-input=false", "-no-color", "-backend-config=path=" + filepath.Join(t.TempDir(), "terraform.tfstate")},
		{"plan", "-input=false", "-no-color", "-out=" + filepath.Join(mirror, "plan")},
		{"show", "-json", filepath.Join(mirror, "plan")},
	} {
		cmd := terraform(t, bundle, args...)
		cmd.Env = append(cmd.Env, "TF_CLI_CONFIG_FILE="+rc, reexec.EnvBinary+"="+self)
		out = []byte(mustRun(t, cmd))
	}
	return out
}

// hostileEnv are texts that HCL, YAML, templates or Kubernetes read in a way of
// their own.
var hostileEnv = map[string]string{
	"A": `'"\ %{if} ${x} $${y} $(A) $$ {{ fail "x" }}`, "B": "yes", "C": "0123", "D": "", "E": "- a: b # c", "F": "é ☃ 😀 <>&",
	"G": "\t tab ", "H": "~", "I": "1e3", "J": "|", "K": "!!binary x", "L": "*a &b",
}

// TestClusterEnvironment follows values from the service through Terraform and
// Helm into the manifest.
func TestClusterEnvironment(t *testing.T) {
	helm, err := filepath.Abs("../bin/tools/kube/helm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(helm); err != nil {
		t.Skip("NOT RUN: there is no bin/tools/kube/helm: `make tools` builds it")
	}
	in := input(t, "kubernetes")
	in.Service.Env = hostileEnv
	bundle, _ := written(t, generate(t, in))
	var plan struct {
		Changes []struct {
			Address string `json:"address"`
			Change  struct {
				After struct {
					Values    []string `json:"values"`
					Name      string   `json:"name"`
					Namespace string   `json:"namespace"`
					Chart     string   `json:"chart"`
				} `json:"after"`
			} `json:"change"`
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal(clusterPlan(t, bundle), &plan); err != nil {
		t.Fatal(err)
	}
	if len(plan.Changes) != 1 || len(plan.Changes[0].Change.After.Values) != 1 {
		t.Fatalf("changes: %+v", plan.Changes)
	}
	release := plan.Changes[0].Change.After
	values := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(values, []byte(release.Values[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), helm, "template", release.Name, release.Chart, "--namespace", release.Namespace, "--values", values)
	cmd.Dir, cmd.Env = bundle, []string{"HOME=" + t.TempDir()}
	got := map[string]string{}
	d := yaml.NewDecoder(bytes.NewBufferString(mustRun(t, cmd)))
	for {
		var m struct {
			Kind string `yaml:"kind"`
			Spec struct {
				Template struct {
					Spec struct {
						Containers []struct {
							Env []struct {
								Name  string  `yaml:"name"`
								Value *string `yaml:"value"`
							} `yaml:"env"`
						} `yaml:"containers"`
					} `yaml:"spec"`
				} `yaml:"template"`
			} `yaml:"spec"`
		}
		if err := d.Decode(&m); err != nil {
			break
		}
		if m.Kind != "Deployment" {
			continue
		}
		for _, e := range m.Spec.Template.Spec.Containers[0].Env {
			if e.Value != nil {
				got[e.Name] = strings.ReplaceAll(*e.Value, "$$", "$")
			}
		}
	}
	if diff := cmp.Diff(hostileEnv, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}
