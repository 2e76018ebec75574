package tfplugintest

import (
	"encoding/json"
	"maps"
	"slices"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// schemaOf is a schema in the form of protocol 6. The provider's has no blocks.
func schemaOf(s *tfjson.Schema) (*tfprotov6.Schema, error) {
	attrs, err := attributesOf(s.Block.Attributes)
	return &tfprotov6.Schema{
		Version: int64(s.Version), //nolint:gosec // schema versions are single digits
		Block:   &tfprotov6.SchemaBlock{Attributes: attrs},
	}, err
}

var nesting = map[tfjson.SchemaNestingMode]tfprotov6.SchemaObjectNestingMode{
	tfjson.SchemaNestingModeSingle: tfprotov6.SchemaObjectNestingModeSingle,
	tfjson.SchemaNestingModeList:   tfprotov6.SchemaObjectNestingModeList,
	tfjson.SchemaNestingModeSet:    tfprotov6.SchemaObjectNestingModeSet,
	tfjson.SchemaNestingModeMap:    tfprotov6.SchemaObjectNestingModeMap,
}

func attributesOf(all map[string]*tfjson.SchemaAttribute) ([]*tfprotov6.SchemaAttribute, error) {
	var out []*tfprotov6.SchemaAttribute
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a := all[name]
		to := &tfprotov6.SchemaAttribute{
			Name: name, Required: a.Required, Optional: a.Optional, Computed: a.Computed, Sensitive: a.Sensitive, WriteOnly: a.WriteOnly,
		}
		if n := a.AttributeNestedType; n != nil {
			inner, err := attributesOf(n.Attributes)
			if err != nil {
				return nil, err
			}
			to.NestedType = &tfprotov6.SchemaObject{Attributes: inner, Nesting: nesting[n.NestingMode]}
		} else {
			raw, err := json.Marshal(a.AttributeType)
			if err != nil {
				return nil, err
			}
			if to.Type, err = tftypes.ParseJSONType(raw); err != nil { //nolint:staticcheck // what reads Terraform's own form of a type
				return nil, err
			}
		}
		out = append(out, to)
	}
	return out, nil
}
