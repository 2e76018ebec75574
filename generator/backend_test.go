package generator_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"skysail/generator"
	"skysail/policies"
)

// remoteBackends are backends of each type with arguments of every kind.
func remoteBackends() map[string]*policies.Backend {
	return map[string]*policies.Backend{
		"s3": {Type: "s3", Config: map[string]any{
			"bucket": "states", "key": "team/", "region": "eu-central-1", "encrypt": true, "max_retries": 1.0,
			"endpoints":                   map[string]any{"s3": "http://127.0.0.1:1"},
			"forbidden_account_ids":       []any{"123456789012"},
			"skip_credentials_validation": true, "skip_requesting_account_id": true, "skip_metadata_api_check": true,
		}},
		"gcs": {Type: "gcs", Config: map[string]any{
			"bucket": "states", "storage_custom_endpoint": "http://127.0.0.1:1/storage/v1/",
			"impersonate_service_account_delegates": []any{},
		}},
		"pg":   {Type: "pg", Config: map[string]any{"conn_str": "postgres://me@127.0.0.1:1/terraform?sslmode=disable", "skip_table_creation": false}},
		"http": {Type: "http", Config: map[string]any{"address": "http://127.0.0.1:1/${x}/{key}", "lock_address": "http://127.0.0.1:1/{key}/lock", "lock_method": "POST", "retry_max": 0.0}},
		"kubernetes": {Type: "kubernetes", Config: map[string]any{
			"host": "https://127.0.0.1:1", "namespace": "states", "labels": map[string]any{"team": "a"}, "load_config_file": false,
			"exec": map[string]any{"api_version": "client.authentication.k8s.io/v1", "command": "true", "args": []any{"get-token"}},
		}},
		"azurerm": {Type: "azurerm", Config: map[string]any{"storage_account_name": "states", "container_name": "tf", "use_cli": false, "metadata_host": "127.0.0.1:1"}},
	}
}

func backendBundle(t *testing.T, b *policies.Backend) generator.Bundle {
	t.Helper()
	in := input(t, "digitalocean")
	in.Backend, in.Attempt = b, 2
	return generate(t, in)
}

func owner(t *testing.T, b *policies.Backend) map[string][]byte {
	t.Helper()
	files, err := generator.OwnerFiles(generator.Owner{
		Deployment: "d4k2m9x7qpb1", Name: "echo", Holder: "me@host", Since: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
	}, b)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestBackendGolden(t *testing.T) {
	for kind, b := range remoteBackends() {
		t.Run(kind, func(t *testing.T) {
			golden(t, filepath.Join("testdata", "backend", kind, "attempt.tf"), backendBundle(t, b).Files["backend.tf"])
			o := owner(t, b)
			golden(t, filepath.Join("testdata", "backend", kind, "owner.tf"), o["backend.tf"])
			golden(t, filepath.Join("testdata", "backend", "owner", "main.tf"), o["main.tf"])
		})
	}
}

// TestBackendOnlyChangesItsFile: what is reviewed is the same wherever the
// state is.
func TestBackendOnlyChangesItsFile(t *testing.T) {
	plain := generate(t, input(t, "digitalocean"))
	for name, content := range backendBundle(t, remoteBackends()["pg"]).Files {
		if name != "backend.tf" && string(content) != string(plain.Files[name]) {
			t.Errorf("%s is another", name)
		}
	}
}

// refusedSchema is how Terraform says that a backend has no such argument, or
// one of another type. It says so before it connects to anything.
var refusedSchema = regexp.MustCompile(`Unsupported argument|Unsupported block|Incorrect attribute|Inappropriate value|Missing required|Invalid backend configuration argument`)

// TestBackendSchema has the real Terraform judge the arguments of all six.
// Nothing answers at their addresses, so init ends there, or before that for
// want of credentials; pg and http are run against real servers in test.
func TestBackendSchema(t *testing.T) {
	all := remoteBackends()
	all["wrong"] = &policies.Backend{Type: "s3", Config: map[string]any{"bucket": "states", "buckets": "x"}}
	for kind, b := range all {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, content := range owner(t, b) {
				if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			mustRun(t, terraform(t, dir, "fmt", "-check", "-diff"))
			mustRun(t, terraform(t, dir, "init", "-backend=false", "-input=false", "-no-color"))
			mustRun(t, terraform(t, dir, "validate", "-no-color"))
			// gcs tries for ever to reach a server that is not there.
			plain := terraform(t, dir, "init", "-input=false", "-no-color")
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, plain.Path, plain.Args[1:]...)
			cmd.Dir, cmd.WaitDelay = dir, time.Second
			cmd.Env = append(plain.Env, "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x", "GOOGLE_OAUTH_ACCESS_TOKEN=x", "ARM_ACCESS_KEY=eA==", "AWS_MAX_ATTEMPTS=1")
			out, err := cmd.CombinedOutput()
			if refused := refusedSchema.Match(out); refused != (kind == "wrong") {
				t.Errorf("%v\n%s", err, out)
			}
			t.Logf("init ended with %v: %.300s", err, strings.TrimSpace(string(out)))
		})
	}
}

// A name that a store would cut short or refuse is refused here.
func TestBackendLongNames(t *testing.T) {
	long := strings.Repeat("a", 40)
	for kind, base := range map[string]string{"pg": "schema_name", "kubernetes": "secret_suffix"} {
		for n, ok := range map[int]bool{16: true, 17: false} {
			_, err := generator.OwnerFiles(generator.Owner{Name: long}, &policies.Backend{Type: kind, Config: map[string]any{base: strings.Repeat("b", n)}})
			if (err == nil) != ok {
				t.Errorf("%s with a base of %d: %v", kind, n, err)
			}
		}
	}
}
