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
		{"google.json", GoogleSource, googleWith()},
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
	for file, source := range map[string]string{"digitalocean.json": DigitalOceanSource, "vultr.json": VultrSource, "google.json": GoogleSource} {
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

// The file of AWS is rebuilt from published bindings: its names are right, its
// types and nesting are not, and it lacks some that the provider computes. So
// what the stand-in can be told is held against its names.
func TestSchemaOfAWS(t *testing.T) {
	published, own := tfplugintest.Published(t, "aws.json", AWSSource), schema("aws.json", AWSSource)
	documented := map[string]bool{
		"aws_instance.ebs_block_device.throughput":  true,
		"aws_instance.root_block_device.throughput": true,
		"aws_key_pair.tags":                         true,
	}
	var hold func(path string, own, published *tfjson.SchemaBlock)
	hold = func(path string, own, published *tfjson.SchemaBlock) {
		for name, a := range own.Attributes {
			p := published.Attributes[name]
			_, block := published.NestedBlocks[name]
			switch at := path + "." + name; {
			case documented[at] || name == "tags_all" || block:
			case p == nil && !a.Optional && !a.Required: // computed
			case p == nil:
				t.Errorf("the provider has no %s", at)
			case p.Required != a.Required:
				t.Errorf("%s: required is %v, the provider's %v", at, a.Required, p.Required)
			}
		}
		for name, b := range own.NestedBlocks {
			if p, ok := published.NestedBlocks[name]; ok {
				hold(path+"."+name, b.Block, p.Block)
			} else {
				t.Errorf("the provider has no block %s.%s", path, name)
			}
		}
	}
	for name, s := range own.ResourceSchemas {
		hold(name, s.Block, published.ResourceSchemas[name].Block)
	}
	for name, s := range own.DataSourceSchemas {
		hold(name, s.Block, published.DataSourceSchemas[name].Block)
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
