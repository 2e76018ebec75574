package tfplugintest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"
	"github.com/zclconf/go-cty/cty"
)

// The schema that Helm serves is the real provider's.
func TestHelmSchema(t *testing.T) {
	have, err := HelmSchema()
	if err != nil {
		t.Fatal(err)
	}
	want := Published(t, "helm.json", HelmSource)
	for name, b := range map[string][2]*tfjson.Schema{
		"provider": {have.ConfigSchema, want.ConfigSchema}, "helm_release": {have.ResourceSchemas["helm_release"], want.ResourceSchemas["helm_release"]},
	} {
		undescribed(b[1].Block.Attributes)
		b[1].Block.DescriptionKind, b[1].Block.Description = "", ""
		if diff := cmp.Diff(b[1], b[0], cmp.Comparer(cty.Type.Equals)); diff != "" {
			t.Errorf("%s (-published +served):\n%s", name, diff)
		}
	}
}

func undescribed(all map[string]*tfjson.SchemaAttribute) {
	for _, a := range all {
		a.Description, a.DescriptionKind = "", ""
		if a.AttributeNestedType != nil {
			undescribed(a.AttributeNestedType.Attributes)
		}
	}
}
