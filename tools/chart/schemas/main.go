// Command schemas cuts the JSON schemas of the kinds that the chart makes out
// of Kubernetes' own OpenAPI description, for kubeconform:
//
//	cd tools/chart && go run ./schemas ../../modules/testdata/chart/schemas v1.34.4 v1.35.4 v1.36.3 v1.37.2
//
// The description is api/openapi-spec/swagger.json of the module
// k8s.io/kubernetes at that version, which the Go module proxy has (25 MB each,
// from which nothing is built). The schemas are strict: a field that Kubernetes
// does not know is an error, where the API server would drop it.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// kinds are the definitions of what the chart makes, by kubeconform's name of
// the file.
var kinds = map[string]string{
	"deployment-apps-v1":                     "io.k8s.api.apps.v1.Deployment",
	"horizontalpodautoscaler-autoscaling-v2": "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
	"networkpolicy-networking-v1":            "io.k8s.api.networking.v1.NetworkPolicy",
	"poddisruptionbudget-policy-v1":          "io.k8s.api.policy.v1.PodDisruptionBudget",
	"service-v1":                             "io.k8s.api.core.v1.Service",
	"serviceaccount-v1":                      "io.k8s.api.core.v1.ServiceAccount",
	"role-rbac-v1":                           "io.k8s.api.rbac.v1.Role",
	"rolebinding-rbac-v1":                    "io.k8s.api.rbac.v1.RoleBinding",
	"clusterrole-rbac-v1":                    "io.k8s.api.rbac.v1.ClusterRole",
	"clusterrolebinding-rbac-v1":             "io.k8s.api.rbac.v1.ClusterRoleBinding",
}

// loose are definitions whose values may have more than one type, which the
// description does not say: k8s.io/apimachinery/pkg/util/intstr and
// pkg/api/resource.
var loose = map[string]any{
	"io.k8s.apimachinery.pkg.util.intstr.IntOrString": map[string]any{"type": []string{"integer", "string"}},
	"io.k8s.apimachinery.pkg.api.resource.Quantity":   map[string]any{"type": []string{"number", "string"}},
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: schemas FOLDER VERSION…")
		os.Exit(2)
	}
	for _, version := range os.Args[2:] {
		if err := write(os.Args[1], version); err != nil {
			fmt.Fprintln(os.Stderr, "schemas:", err)
			os.Exit(1)
		}
	}
}

func write(folder, version string) error {
	all, err := definitions(version)
	if err != nil {
		return err
	}
	// Patch releases change no API.
	parts := strings.Split(version, ".")
	if len(parts) != 3 {
		return fmt.Errorf("%q is no version as v1.37.2", version)
	}
	dir := filepath.Join(folder, parts[0]+"."+parts[1])
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for file, name := range kinds {
		used := map[string]any{}
		if err := collect(all, name, used); err != nil {
			return fmt.Errorf("%s: %w", version, err)
		}
		if err := os.WriteFile(filepath.Join(dir, file+".json"), document(name, used), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func definitions(version string) (map[string]any, error) {
	out, err := exec.Command("go", "mod", "download", "-json", "k8s.io/kubernetes@"+version).Output()
	var module struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(out, &module); jsonErr != nil || module.Error != "" {
		return nil, errors.Join(err, jsonErr, errors.New(module.Error))
	}
	b, err := os.ReadFile(filepath.Join(module.Dir, "api", "openapi-spec", "swagger.json"))
	if err != nil {
		return nil, err
	}
	var doc struct {
		Definitions map[string]any `json:"definitions"`
	}
	return doc.Definitions, json.Unmarshal(b, &doc)
}

// collect adds a definition and all that it refers to.
func collect(all map[string]any, name string, used map[string]any) error {
	if used[name] != nil {
		return nil
	}
	if v, ok := loose[name]; ok {
		used[name] = v
		return nil
	}
	def, ok := all[name].(map[string]any)
	if !ok {
		return fmt.Errorf("there is no definition %s", name)
	}
	used[name] = strip(def)
	if gvks, ok := def["x-kubernetes-group-version-kind"].([]any); ok && len(gvks) == 1 {
		gvk := gvks[0].(map[string]any)
		version := strings.TrimPrefix(fmt.Sprintf("%v/%v", gvk["group"], gvk["version"]), "/")
		properties := used[name].(map[string]any)["properties"].(map[string]any)
		properties["apiVersion"] = map[string]any{"enum": []any{version}}
		properties["kind"] = map[string]any{"enum": []any{gvk["kind"]}}
		used[name].(map[string]any)["required"] = []any{"apiVersion", "kind", "metadata"}
	}
	for _, ref := range references(used[name]) {
		if err := collect(all, ref, used); err != nil {
			return err
		}
	}
	return nil
}

// strip keeps what a validator reads, and makes objects strict.
func strip(def map[string]any) map[string]any {
	out := map[string]any{}
	for _, key := range []string{"type", "format", "required", "$ref", "enum"} {
		if v, ok := def[key]; ok && !(key == "format" && def["type"] == "string") {
			out[key] = v
		}
	}
	if items, ok := def["items"].(map[string]any); ok {
		out["items"] = strip(items)
	}
	if more, ok := def["additionalProperties"].(map[string]any); ok {
		out["additionalProperties"] = strip(more)
	}
	if properties, ok := def["properties"].(map[string]any); ok {
		kept := map[string]any{}
		for name, p := range properties {
			kept[name] = strip(p.(map[string]any))
		}
		out["properties"], out["additionalProperties"] = kept, false
	}
	return out
}

func references(v any) []string {
	var out []string
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if ref, ok := v[key].(string); ok && key == "$ref" {
				out = append(out, strings.TrimPrefix(ref, "#/definitions/"))
				continue
			}
			out = append(out, references(v[key])...)
		}
	case []any:
		for _, e := range v {
			out = append(out, references(e)...)
		}
	}
	return out
}

// document has a line for each definition, so that versions can be compared.
func document(name string, used map[string]any) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "{\"$ref\":\"#/definitions/%s\",\"definitions\":{\n", name)
	for i, key := range slices.Sorted(maps.Keys(used)) {
		if i > 0 {
			out.WriteString(",\n")
		}
		b, err := json.Marshal(used[key])
		if err != nil {
			panic(err) // made of what encoding/json decoded
		}
		fmt.Fprintf(&out, "%q:%s", key, b)
	}
	out.WriteString("\n}}\n")
	return out.Bytes()
}
