package main

import (
	_ "embed"
	"fmt"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	provider "github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/zclconf/go-cty/cty"
)

// schemaJSON is what `terraform providers schema -json` says of the provider,
// without descriptions and without what is not served.
//
//go:embed schema.json
var schemaJSON []byte

const resourceName = "helm_release"

// Defaults of helm_release, which a schema does not tell; see
// https://registry.terraform.io/providers/hashicorp/helm/3.1.2/docs/resources/release
var (
	trueByDefault = map[string]bool{"wait": true, "render_subchart_notes": true}
	numbers       = map[string]int64{"timeout": 300, "max_history": 0}
)

// published reads the embedded schema, which is part of the program.
func published() *tfjson.ProviderSchema {
	var all tfjson.ProviderSchemas
	if err := all.UnmarshalJSON(schemaJSON); err != nil {
		panic(err)
	}
	return all.Schemas[source]
}

func resourceSchema() schema.Schema {
	s := published().ResourceSchemas[resourceName]
	return schema.Schema{Version: int64(s.Version), Attributes: attributes(s.Block.Attributes, true)} //nolint:gosec // 2
}

// attributes are those of a resource; only at the top have they defaults.
func attributes(in map[string]*tfjson.SchemaAttribute, top bool) map[string]schema.Attribute {
	out := map[string]schema.Attribute{}
	for name, a := range in {
		out[name] = attribute(name, a, top)
	}
	return out
}

func attribute(name string, a *tfjson.SchemaAttribute, top bool) schema.Attribute {
	if n := a.AttributeNestedType; n != nil {
		inner := attributes(n.Attributes, false)
		if n.NestingMode == tfjson.SchemaNestingModeSingle {
			return schema.SingleNestedAttribute{Required: a.Required, Optional: a.Optional, Computed: a.Computed, Attributes: inner}
		}
		return schema.ListNestedAttribute{
			Required: a.Required, Optional: a.Optional, Computed: a.Computed, WriteOnly: a.WriteOnly,
			NestedObject: schema.NestedAttributeObject{Attributes: inner},
		}
	}
	filled := top && a.Optional && a.Computed
	switch t := a.AttributeType; {
	case t == cty.Bool:
		out := schema.BoolAttribute{Required: a.Required, Optional: a.Optional, Computed: a.Computed}
		if filled {
			out.Default = booldefault.StaticBool(trueByDefault[name])
		}
		return out
	case t == cty.Number:
		out := schema.Int64Attribute{Required: a.Required, Optional: a.Optional, Computed: a.Computed}
		if filled {
			out.Default = int64default.StaticInt64(numbers[name])
		}
		return out
	case t == cty.String:
		return text(name, a, top)
	case t.IsListType():
		return schema.ListAttribute{Required: a.Required, Optional: a.Optional, Computed: a.Computed, ElementType: element(t)}
	case t.IsMapType():
		return schema.MapAttribute{Required: a.Required, Optional: a.Optional, Computed: a.Computed, ElementType: element(t)}
	default:
		panic(fmt.Sprintf("%s has a type that is not served", name))
	}
}

func text(name string, a *tfjson.SchemaAttribute, top bool) schema.Attribute {
	out := schema.StringAttribute{Required: a.Required, Optional: a.Optional, Computed: a.Computed, Sensitive: a.Sensitive, WriteOnly: a.WriteOnly}
	switch {
	case top && name == "name":
		out.PlanModifiers = []planmodifier.String{stringplanmodifier.RequiresReplace()}
	case top && name == "namespace":
		out.Default = stringdefault.StaticString("default")
		out.PlanModifiers = []planmodifier.String{stringplanmodifier.RequiresReplace()}
	case top && (name == "id" || name == "description"):
		out.PlanModifiers = []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	case !top && name == "type" && a.Computed:
		out.Default = stringdefault.StaticString("")
	}
	return out
}

func element(t cty.Type) attr.Type {
	if t.ElementType() != cty.String {
		panic("only strings are served in lists and maps")
	}
	return types.StringType
}

func configSchema() provider.Schema {
	return provider.Schema{Attributes: configAttributes(published().ConfigSchema.Block.Attributes)}
}

// configAttributes are those of the provider block, which none computes.
func configAttributes(in map[string]*tfjson.SchemaAttribute) map[string]provider.Attribute {
	out := map[string]provider.Attribute{}
	for name, a := range in {
		switch n, t := a.AttributeNestedType, a.AttributeType; {
		case n != nil && n.NestingMode == tfjson.SchemaNestingModeSingle:
			out[name] = provider.SingleNestedAttribute{Optional: true, Attributes: configAttributes(n.Attributes)}
		case n != nil:
			out[name] = provider.ListNestedAttribute{Optional: true, NestedObject: provider.NestedAttributeObject{Attributes: configAttributes(n.Attributes)}}
		case t == cty.Bool:
			out[name] = provider.BoolAttribute{Optional: a.Optional, Required: a.Required}
		case t == cty.Number:
			out[name] = provider.Float64Attribute{Optional: a.Optional, Required: a.Required}
		case t == cty.String:
			out[name] = provider.StringAttribute{Optional: a.Optional, Required: a.Required, Sensitive: a.Sensitive}
		case t.IsListType():
			out[name] = provider.ListAttribute{Optional: a.Optional, Required: a.Required, ElementType: element(t)}
		default:
			out[name] = provider.MapAttribute{Optional: a.Optional, Required: a.Required, ElementType: element(t)}
		}
	}
	return out
}
