package plugin

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"

	"skysail/internal/tfplugin/tfplugintest"
)

// What Terraform hears of a stand-in's schema has to be what is embedded,
// which was cut out of what it hears of the real provider.
func TestSchemasOnTheWire(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ file, source, config string }{
		{"aws.json", AWSSource, awsWith()},
		{"digitalocean.json", DigitalOceanSource, doWith()},
		{"vultr.json", VultrSource, vultrWith()},
	} {
		w := tfplugintest.New(t, nil, Providers()...)
		w.Write(tc.config)
		w.Init()
		var got, want map[string]any
		if err := json.Unmarshal([]byte(w.MustRun("providers", "schema", "-json")), &got); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile("schemas/" + tc.file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatal(err)
		}
		strip(got)
		if diff := cmp.Diff(provider(want, tc.source), provider(got, tc.source)); diff != "" {
			t.Errorf("%s:\n%s", tc.source, diff)
		}
	}
}

// What is embedded is what the real provider says of itself, but for the
// descriptions.
func TestSchemasAreTheProviders(t *testing.T) {
	for file, source := range map[string]string{"digitalocean.json": DigitalOceanSource, "vultr.json": VultrSource} {
		t.Run(file, func(t *testing.T) {
			published := document(t, tfplugintest.Published(t, file, source))
			own := document(t, schema(file, source))
			for _, kind := range []string{"resource_schemas", "data_source_schemas"} {
				all, _ := published[kind].(map[string]any)
				some, _ := own[kind].(map[string]any)
				for name, s := range some {
					if diff := cmp.Diff(all[name], s); diff != "" {
						t.Errorf("%s (-the provider's +embedded):\n%s", name, diff)
					}
				}
			}
			if diff := cmp.Diff(published["provider"], own["provider"]); diff != "" {
				t.Errorf("configuration (-the provider's +embedded):\n%s", diff)
			}
		})
	}
}

func document(t *testing.T, s *tfjson.ProviderSchema) map[string]any {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	strip(out)
	return out
}

func provider(doc map[string]any, source string) map[string]any {
	p := doc["provider_schemas"].(map[string]any)[source].(map[string]any)
	return map[string]any{"provider": p["provider"], "resource_schemas": p["resource_schemas"], "data_source_schemas": p["data_source_schemas"]}
}

// strip takes out the descriptions, which are not embedded. An attribute may
// be named so too.
func strip(v any) {
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
