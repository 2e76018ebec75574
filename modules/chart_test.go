package modules_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

const (
	chart        = "kubernetes/chart"
	chartRelease = "skysail-d4k2m9x7qpb1"
	// chartMinors are those that Kubernetes maintains, from the oldest on
	// (kubernetes.io/releases/patch-releases).
	chartMinors = "1.34 1.35 1.36 1.37"
)

// chartTool is a program that `make tools` builds.
func chartTool(t *testing.T, name string) string {
	t.Helper()
	bin, err := filepath.Abs(filepath.Join("..", "bin", "tools", "kube", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(bin); err != nil {
		t.Skipf("NOT RUN: there is no bin/tools/kube/%s: `make tools` builds it", name)
	}
	return bin
}

// chartCases are the values in testdata/chart/values, by name.
func chartCases(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/chart/values/*")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d values: %v", len(files), err)
	}
	out := map[string]string{}
	for _, f := range files {
		name := filepath.Base(f)
		out[strings.TrimSuffix(name, filepath.Ext(name))] = f
	}
	return out
}

func helm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	home := t.TempDir()
	cmd := exec.CommandContext(t.Context(), chartTool(t, "helm"), args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "KUBECONFIG=" + filepath.Join(home, "none")}
	var out, diagnostics bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &diagnostics
	if err := cmd.Run(); err != nil {
		return "", errors.New(err.Error() + "\n" + out.String() + diagnostics.String())
	}
	return out.String(), nil
}

func TestChartLint(t *testing.T) {
	for name, values := range chartCases(t) {
		t.Run(name, func(t *testing.T) {
			if _, err := helm(t, "lint", "--strict", "--kube-version", "1.37.0", "--values", values, chart); err != nil {
				t.Error(err)
			}
		})
	}
}

// What the chart makes of values is in testdata/chart/golden; the other tests
// judge those files.
func TestChartGolden(t *testing.T) {
	for name, values := range chartCases(t) {
		t.Run(name, func(t *testing.T) {
			got, err := helm(t, "template", chartRelease, chart, "--namespace", "blueprints", "--kube-version", "1.37.0", "--values", values)
			if err != nil {
				t.Fatal(err)
			}
			file := chartGolden(name)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v; run `go test ./modules -run Chart -update` and review the difference", err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		})
	}
}

func chartGolden(name string) string { return filepath.Join("testdata/chart/golden", name+".yaml") }

// What nobody could want is refused before it reaches a cluster.
func TestChartRefuses(t *testing.T) {
	const good = "name: echo\ndeployment: d4k2m9x7qpb1\nimage: nginx\n"
	for want, values := range map[string]string{
		"name":                 "image: nginx",
		"image":                "name: echo\ndeployment: d4k2m9x7qpb1",
		"runAsUser":            good + "runAsUser: 0",
		"secretName is needed": good + "secrets: [A]",
		"number":               good + "ports: [{name: a, number: 70000, public: true}]",
		"ingress":              good + "access: {ingress: [all], serviceType: ClusterIP}",
		"tenv":                 good + "tenv: {}",
	} {
		t.Run(want, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "values.yaml")
			if err := os.WriteFile(file, []byte(values), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := helm(t, "template", chartRelease, chart, "--kube-version", "1.37.0", "--values", file)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want one that names %s", err, want)
			}
		})
	}
}

// TestChartConforms holds the manifests, and the Roles in docs, against
// Kubernetes' own description of its API. tools/chart/schemas made the schemas.
func TestChartConforms(t *testing.T) {
	bin := chartTool(t, "kubeconform")
	files := []string{"../docs/providers/kubernetes-role.yaml"}
	for name := range chartCases(t) {
		files = append(files, chartGolden(name))
	}
	slices.Sort(files)
	check := func(t *testing.T, minor string, files ...string) (string, error) {
		t.Helper()
		args := []string{
			// Their schemas are the Prometheus Operator's.
			"-strict", "-summary", "-skip", "PodMonitor,ServiceMonitor", "-kubernetes-version", minor + ".0",
			"-schema-location", "testdata/chart/schemas/v" + minor + "/{{.ResourceKind}}{{.KindSuffix}}.json",
		}
		out, err := exec.CommandContext(t.Context(), bin, append(args, files...)...).CombinedOutput()
		return string(out), err
	}
	for _, minor := range strings.Fields(chartMinors) {
		t.Run(minor, func(t *testing.T) {
			out, err := check(t, minor, files...)
			if err != nil || !strings.Contains(out, "Invalid: 0, Errors: 0") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	b, err := os.ReadFile(chartGolden("range"))
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range [][2]string{{"progressDeadlineSeconds", "progressDeadline"}, {"maxReplicas: 10", `maxReplicas: "10"`}, {"autoscaling/v2", "autoscaling/v2beta2"}} {
		file := filepath.Join(t.TempDir(), "wrong.yaml")
		if err := os.WriteFile(file, bytes.Replace(b, []byte(wrong[0]), []byte(wrong[1]), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := check(t, "1.37", file); err == nil {
			t.Errorf("%s passes:\n%s", wrong[1], out)
		}
	}
}

// manifests are the objects of a golden file.
func manifests(t *testing.T, name string) []map[string]any {
	t.Helper()
	b, err := os.ReadFile(chartGolden(name))
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]any
	d := yaml.NewDecoder(bytes.NewReader(b))
	for {
		var m map[string]any
		if err := d.Decode(&m); err != nil {
			break
		}
		out = append(out, m)
	}
	if n := len(regexp.MustCompile(`(?m)^kind: `).FindAll(b, -1)); n != len(out) {
		t.Fatalf("%s has %d objects, and %d could be read", name, n, len(out))
	}
	return out
}

// at is the value at a path of keys and indices.
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			l, _ := v.([]any)
			if step >= len(l) {
				return nil
			}
			v = l[step]
		}
	}
	return v
}
