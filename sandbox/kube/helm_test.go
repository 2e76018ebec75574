package kube

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"skysail/internal/reexec"
	"skysail/internal/tfplugin/tfplugintest"
)

func TestMain(m *testing.M) {
	reexec.Main()
	os.Exit(m.Run())
}

// terraform is a workspace with the stand-in for the helm provider.
func terraform(t *testing.T, kubeconfig string) *tfplugintest.Workspace {
	t.Helper()
	tools := built(t)
	if !tools.Helm() {
		t.Skip("NOT RUN: the stand-in for the helm provider is not built: run `make tools-kube`")
	}
	return tfplugintest.New(t, map[string]string{EnvTools: tools.Dir, "KUBE_CONFIG_PATH": kubeconfig}, Providers()...)
}

const helmHead = `
terraform {
  required_providers {
    helm = {
      source  = "hashicorp/helm"
      version = "3.1.2"
    }
  }
}
provider "helm" {
  kubernetes = {
    config_context = "production"
  }
}
`

// web is a release of the test's chart.
func web(t *testing.T, more string) string {
	t.Helper()
	chart, err := filepath.Abs("testdata/chart")
	if err != nil {
		t.Fatal(err)
	}
	return helmHead + fmt.Sprintf(`
resource "helm_release" "web" {
  name             = "skysail-web"
  namespace        = "blueprints"
  chart            = %q
  create_namespace = true
%s
}
`, chart, more)
}

func TestKubeHelm(t *testing.T) {
	t.Parallel()
	c := started(t, Options{})
	w := terraform(t, c.Kubeconfig())
	w.Write(web(t, `
  atomic  = true
  wait    = true
  timeout = 60
  values  = [yamlencode({ replicas = 2 })]
  set     = [{ name = "greeting", value = "moin" }]
`))
	w.Init()
	w.Apply()
	w.WantNoChanges()
	a := w.Resource("helm_release.web").AttributeValues
	if a["status"] != "deployed" || a["version"] != "0.1.0" || a["id"] != "skysail-web" {
		t.Errorf("the state is %v", a)
	}
	if out, err := kubectl(t, c.Kubeconfig(), "get", "deploy,configmap", "-n", "blueprints", "-o", "jsonpath={.items[*].status.readyReplicas} {.items[*].data.greeting}"); err != nil || out != "2 moin" {
		t.Errorf("in the cluster: %v %q", err, out)
	}

	// A change that can not be pulled is rolled back, and the old pods serve.
	if err := c.SetFault(t.Context(), "typo", Fault{Kind: ImagePull, Image: "tpyo"}); err != nil {
		t.Fatal(err)
	}
	w.Write(web(t, "  atomic = true\n  timeout = 10\n  values = [yamlencode({ replicas = 2, image = \"tpyo:1\" })]\n"))
	if out := w.ApplyFails(); !strings.Contains(out, "Error upgrading chart") {
		t.Errorf("the upgrade fails with %s", out)
	}
	things, err := c.Things(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var release string
	ready := 0
	for _, x := range things {
		if x.Kind == "helm_release" && x.State == "deployed" {
			release = x.Name
		}
		if x.Kind == "pod" && x.State == "Running" {
			ready++
		}
	}
	if release != "skysail-web" || ready != 2 {
		t.Errorf("after the rollback there are %+v", things)
	}

	// What is there can be taken into another state.
	other := terraform(t, c.Kubeconfig())
	other.Write(web(t, ""))
	other.Init()
	other.MustRun("import", "-no-color", "helm_release.web", "blueprints/skysail-web")
	if s := other.Resource("helm_release.web").AttributeValues["status"]; s != "deployed" {
		t.Errorf("imported: %v", s)
	}

	w.Destroy()
	w.WantEmptyState()
	if out, err := kubectl(t, c.Kubeconfig(), "get", "deploy,configmap,secret", "-n", "blueprints", "-o", "name"); err != nil || strings.Contains(out, "skysail-web") {
		t.Errorf("left in the cluster: %v\n%s", err, out)
	}
}

// The traps of the real provider, which skysail has to live with.
func TestKubeHelmTraps(t *testing.T) {
	t.Parallel()
	c := started(t, Options{})
	if err := c.SetFault(t.Context(), "typo", Fault{Kind: ImagePull, Image: "tpyo"}); err != nil {
		t.Fatal(err)
	}
	w := terraform(t, c.Kubeconfig())
	w.Write(web(t, "  timeout = 3\n  values = [yamlencode({ image = \"tpyo:1\" })]\n"))
	w.Init()
	if out := w.ApplyFails(); !strings.Contains(out, "Helm release error") {
		t.Errorf("the installation fails with %s", out)
	}
	w.WantEmptyState()
	things, err := c.Things(t.Context())
	if err != nil || len(things) == 0 || things[0].State != "failed" {
		t.Errorf("in the cluster: %v %+v", err, things)
	}

	// The name is taken by what is not in the state.
	if out := w.ApplyFails(); !strings.Contains(out, "a name that is still in use") {
		t.Errorf("again: %s", out)
	}
	if out, err := kubectl(t, c.Kubeconfig(), "delete", "secret,deploy,configmap", "--all", "-n", "blueprints"); err != nil {
		t.Fatal(err, out)
	}

	w.Write(web(t, "  timeout = 60\n"))
	w.Apply()
	c.KillAPIServer()
	w.Destroy()
	w.WantEmptyState()
	if err := c.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	if things, err := c.Things(t.Context()); err != nil || len(things) == 0 {
		t.Errorf("a destroy without an API removed it: %v", err)
	}
}

// What Terraform hears of the stand-in is what it hears of the real provider.
func TestKubeHelmSchema(t *testing.T) {
	t.Parallel()
	w := terraform(t, "")
	published := tfplugintest.Published(t, "helm.json", HelmSource)
	w.Write(helmHead)
	w.Init()
	var got struct {
		Schemas map[string]struct {
			Provider  any            `json:"provider"`
			Resources map[string]any `json:"resource_schemas"`
		} `json:"provider_schemas"`
	}
	if err := json.Unmarshal([]byte(w.MustRun("providers", "schema", "-json")), &got); err != nil {
		t.Fatal(err)
	}
	own := got.Schemas[HelmSource]
	for what, pair := range map[string][2]any{
		"helm_release": {published.ResourceSchemas["helm_release"], own.Resources["helm_release"]},
		"the provider": {published.ConfigSchema, own.Provider},
	} {
		if diff := cmp.Diff(bareJSON(t, pair[0]), bareJSON(t, pair[1])); diff != "" {
			t.Errorf("%s (-the provider's +the stand-in's):\n%s", what, diff)
		}
	}
}

// bareJSON is a document without descriptions.
func bareJSON(t *testing.T, v any) any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	var strip func(any)
	strip = func(v any) {
		m, ok := v.(map[string]any)
		if !ok {
			return
		}
		for k, e := range m {
			if _, text := e.(string); text && (k == "description" || k == "description_kind") {
				delete(m, k)
				continue
			}
			strip(e)
		}
	}
	strip(out)
	return out
}
