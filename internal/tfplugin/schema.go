package tfplugin

import (
	"fmt"
	"maps"
	"os"
	"slices"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// blockType is the type of the object that a block's content makes.
func blockType(b *tfjson.SchemaBlock) cty.Type {
	attrs := make(map[string]cty.Type, len(b.Attributes)+len(b.NestedBlocks))
	for name, a := range b.Attributes {
		attrs[name] = a.AttributeType
	}
	for name, nb := range b.NestedBlocks {
		inner := blockType(nb.Block)
		switch nb.NestingMode {
		case tfjson.SchemaNestingModeList:
			attrs[name] = cty.List(inner)
		case tfjson.SchemaNestingModeSet:
			attrs[name] = cty.Set(inner)
		case tfjson.SchemaNestingModeMap:
			attrs[name] = cty.Map(inner)
		default:
			attrs[name] = inner
		}
	}
	return cty.Object(attrs)
}

func protoSchema(s *tfjson.Schema) (*tfprotov5.Schema, error) {
	block, err := protoBlock(s.Block)
	if err != nil {
		return nil, err
	}
	return &tfprotov5.Schema{Version: int64(s.Version), Block: block}, nil //nolint:gosec // schema versions are single digits
}

func protoBlock(b *tfjson.SchemaBlock) (*tfprotov5.SchemaBlock, error) {
	out := &tfprotov5.SchemaBlock{Description: b.Description, DescriptionKind: stringKind(b.DescriptionKind), Deprecated: b.Deprecated}
	for _, name := range slices.Sorted(maps.Keys(b.Attributes)) {
		a := b.Attributes[name]
		ty, err := protoType(a.AttributeType)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out.Attributes = append(out.Attributes, &tfprotov5.SchemaAttribute{
			Name:            name,
			Type:            ty,
			Description:     a.Description,
			DescriptionKind: stringKind(a.DescriptionKind),
			Required:        a.Required,
			Optional:        a.Optional,
			Computed:        a.Computed,
			Sensitive:       a.Sensitive,
			Deprecated:      a.Deprecated,
			WriteOnly:       a.WriteOnly,
		})
	}
	for _, name := range slices.Sorted(maps.Keys(b.NestedBlocks)) {
		nb := b.NestedBlocks[name]
		inner, err := protoBlock(nb.Block)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		nesting, err := protoNesting(nb.NestingMode)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out.BlockTypes = append(out.BlockTypes, &tfprotov5.SchemaNestedBlock{
			TypeName: name,
			Block:    inner,
			Nesting:  nesting,
			MinItems: int64(nb.MinItems), //nolint:gosec // a count of blocks
			MaxItems: int64(nb.MaxItems), //nolint:gosec // a count of blocks
		})
	}
	return out, nil
}

func protoNesting(m tfjson.SchemaNestingMode) (tfprotov5.SchemaNestedBlockNestingMode, error) {
	switch m {
	case tfjson.SchemaNestingModeSingle:
		return tfprotov5.SchemaNestedBlockNestingModeSingle, nil
	case tfjson.SchemaNestingModeGroup:
		return tfprotov5.SchemaNestedBlockNestingModeGroup, nil
	case tfjson.SchemaNestingModeList:
		return tfprotov5.SchemaNestedBlockNestingModeList, nil
	case tfjson.SchemaNestingModeSet:
		return tfprotov5.SchemaNestedBlockNestingModeSet, nil
	case tfjson.SchemaNestingModeMap:
		return tfprotov5.SchemaNestedBlockNestingModeMap, nil
	default:
		return tfprotov5.SchemaNestedBlockNestingModeInvalid, fmt.Errorf("unknown nesting mode %q", m)
	}
}

func protoType(ty cty.Type) (tftypes.Type, error) {
	switch {
	case ty == cty.String:
		return tftypes.String, nil
	case ty == cty.Number:
		return tftypes.Number, nil
	case ty == cty.Bool:
		return tftypes.Bool, nil
	case ty.IsListType():
		elem, err := protoType(ty.ElementType())
		return tftypes.List{ElementType: elem}, err
	case ty.IsSetType():
		elem, err := protoType(ty.ElementType())
		return tftypes.Set{ElementType: elem}, err
	case ty.IsMapType():
		elem, err := protoType(ty.ElementType())
		return tftypes.Map{ElementType: elem}, err
	case ty.IsObjectType():
		attrs := map[string]tftypes.Type{}
		for name, at := range ty.AttributeTypes() {
			pt, err := protoType(at)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			attrs[name] = pt
		}
		return tftypes.Object{AttributeTypes: attrs}, nil
	default:
		return nil, fmt.Errorf("type %s is not served", ty.FriendlyName())
	}
}

func stringKind(k tfjson.SchemaDescriptionKind) tfprotov5.StringKind {
	if k == tfjson.SchemaDescriptionKindMarkdown {
		return tfprotov5.StringKindMarkdown
	}
	return tfprotov5.StringKindPlain
}

// configSchema is the provider's own schema. A required attribute that the
// environment gives is optional, as in providers built on SDKv2: Terraform
// would otherwise ask for it before the provider could say that it has it.
func (p *Provider[C]) configSchema() (*tfprotov5.Schema, error) {
	s, err := protoSchema(p.Schema.ConfigSchema)
	if err != nil {
		return nil, err
	}
	for _, a := range s.Block.Attributes {
		if _, ok := p.envDefault(a.Name); ok && a.Required {
			a.Required, a.Optional = false, true
		}
	}
	return s, nil
}

func (p *Provider[C]) envDefault(attribute string) (string, bool) {
	for _, name := range p.EnvDefaults[attribute] {
		if v := os.Getenv(name); v != "" {
			return v, true
		}
	}
	return "", false
}

// upgrade reads a stored state. Attributes that the schema no longer has are
// dropped, as Terraform asks of providers.
func upgrade(raw []byte, ty cty.Type) (cty.Value, error) {
	have, err := ctyjson.ImpliedType(raw)
	if err != nil {
		return cty.NilVal, err
	}
	stored, err := ctyjson.Unmarshal(raw, have)
	if err != nil {
		return cty.NilVal, err
	}
	return fit(stored, ty)
}
