package tfplugintest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"
)

// SchemasEnv names a folder with what `terraform providers schema -json`
// printed of the real providers, a file each: aws.json, google.json, …
const SchemasEnv = "SKYSAIL_PROVIDER_SCHEMAS"

// Published returns what a real provider says of itself. Without SchemasEnv
// the folder is ../shared/provider-schemas beside the checkout; where neither
// is there the test says so and is skipped.
func Published(tb testing.TB, file, source string) *tfjson.ProviderSchema {
	tb.Helper()
	dir := os.Getenv(SchemasEnv)
	if dir == "" {
		dir = filepath.Join(root(tb), "..", "shared", "provider-schemas")
		if _, err := os.Stat(dir); os.IsNotExist(err) {
			tb.Skipf("not held against the real provider: no folder ../shared/provider-schemas, and %s is not set", SchemasEnv)
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, file)) //nolint:gosec // a test names it
	if err != nil {
		tb.Fatal(err)
	}
	// Not tfplugin.ParseSchema: a file may have no provider block.
	var all tfjson.ProviderSchemas
	if err := json.Unmarshal(b, &all); err != nil {
		tb.Fatal(err)
	}
	s, ok := all.Schemas[source]
	if !ok {
		tb.Fatalf("%s does not hold %s", file, source)
	}
	return s
}

// root is the folder of go.mod.
func root(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			tb.Fatal("no go.mod above the working folder")
		}
		dir = up
	}
}
