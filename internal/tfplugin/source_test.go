package tfplugin

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/zclconf/go-cty/cty"
)

// lookSchema is a provider with a data source and a resource with blocks
// that the API fills in.
const lookSchema = `{"format_version":"1.0","provider_schemas":{"example.com/acme/toy":{
 "provider":{"version":0,"block":{"attributes":{"token":{"type":"string","optional":true}}}},
 "data_source_schemas":{"toy_price":{"version":0,"block":{"attributes":{
   "name":{"type":"string","required":true},
   "currency":{"type":"string","optional":true},
   "value":{"type":"number","computed":true}}}}},
 "resource_schemas":{"toy_box":{"version":0,"block":{
  "attributes":{"id":{"type":"string","computed":true},"name":{"type":"string","required":true}},
  "block_types":{"disk":{"nesting_mode":"list","max_items":1,"block":{
   "attributes":{"size":{"type":"number","optional":true,"computed":true},"kind":{"type":"string","optional":true},"serial":{"type":"string","computed":true}},
   "block_types":{"part":{"nesting_mode":"set","block":{"attributes":{"number":{"type":"number","required":true},"uuid":{"type":"string","computed":true}}}}}}}}}}}}}}`

func look(t *testing.T, read func(context.Context, string, *Data) error) *server[string] {
	t.Helper()
	schema, err := ParseSchema([]byte(lookSchema), toySource)
	if err != nil {
		t.Fatal(err)
	}
	nop := func(context.Context, string, *Data) error { return nil }
	s, err := NewServer(&Provider[string]{
		Source: toySource, Schema: schema,
		Configure:   func(_ context.Context, c Object) (string, error) { return c.String("token"), nil },
		DataSources: map[string]*DataSource[string]{"toy_price": {Refused: map[string]string{"currency": "dollars only"}, Read: read}},
		Resources:   map[string]*Resource[string]{"toy_box": {ForceNew: []string{"disk"}, Computed: []string{"disk"}, Create: nop, Read: nop, Delete: nop}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*server[string])
}

func price(t *testing.T, s *server[string], name string, currency cty.Value) *tfprotov5.DynamicValue {
	t.Helper()
	dv, err := encode(cty.ObjectVal(map[string]cty.Value{
		"name": cty.StringVal(name), "currency": currency, "value": cty.NullVal(cty.Number),
	}), s.sources["toy_price"].ty)
	if err != nil {
		t.Fatal(err)
	}
	return dv
}

func TestReadDataSource(t *testing.T) {
	s := look(t, func(_ context.Context, _ string, d *Data) error {
		if d.String("name") == "ghost" {
			return errors.New("there is no ghost")
		}
		d.Set("value", 3)
		d.Warn("careful", "it may change")
		return nil
	})
	none := cty.NullVal(cty.String)
	resp, err := s.ReadDataSource(t.Context(), &tfprotov5.ReadDataSourceRequest{TypeName: "toy_price", Config: price(t, s, "box", none)})
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode(resp.State, s.sources["toy_price"].ty)
	if err != nil {
		t.Fatal(err)
	}
	want := cty.ObjectVal(map[string]cty.Value{"name": cty.StringVal("box"), "currency": none, "value": cty.NumberIntVal(3)})
	if !got.RawEquals(want) || len(resp.Diagnostics) != 1 || resp.Diagnostics[0].Severity != tfprotov5.DiagnosticSeverityWarning {
		t.Errorf("got %#v %v", got, resp.Diagnostics)
	}
	resp, err = s.ReadDataSource(t.Context(), &tfprotov5.ReadDataSourceRequest{TypeName: "toy_price", Config: price(t, s, "ghost", none)})
	if err != nil || resp.State != nil || len(resp.Diagnostics) != 1 || resp.Diagnostics[0].Summary != "there is no ghost" {
		t.Errorf("not found: %v %v", resp, err)
	}
}

func TestDataSourcesAreOfferedAndValidated(t *testing.T) {
	s := look(t, func(context.Context, string, *Data) error { return nil })
	schema, err := s.GetProviderSchema(t.Context(), nil)
	if err != nil || schema.DataSourceSchemas["toy_price"] == nil {
		t.Errorf("schema: %v %v", schema, err)
	}
	meta, err := s.GetMetadata(t.Context(), nil)
	if err != nil || len(meta.DataSources) != 1 || meta.DataSources[0].TypeName != "toy_price" {
		t.Errorf("metadata: %v %v", meta, err)
	}
	summaries := func(name string, currency cty.Value) []string {
		resp, err := s.ValidateDataSourceConfig(t.Context(), &tfprotov5.ValidateDataSourceConfigRequest{TypeName: name, Config: price(t, s, "box", currency)})
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, d := range resp.Diagnostics {
			out = append(out, d.Summary)
		}
		return out
	}
	if got := summaries("toy_price", cty.NullVal(cty.String)); got != nil {
		t.Errorf("refused: %v", got)
	}
	if diff := cmp.Diff([]string{"currency of toy_price is not served here"}, summaries("toy_price", cty.StringVal("EUR"))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"this provider, as skysail serves it, has no data source toy_tax"}, summaries("toy_tax", cty.NullVal(cty.String))); diff != "" {
		t.Error(diff)
	}
	resp, err := s.ReadDataSource(t.Context(), &tfprotov5.ReadDataSourceRequest{TypeName: "toy_tax"})
	if err != nil || len(resp.Diagnostics) != 1 {
		t.Errorf("unknown: %v %v", resp, err)
	}
}

func TestNewServerRefusesDataSourcesWithoutSchema(t *testing.T) {
	schema, err := ParseSchema([]byte(lookSchema), toySource)
	if err != nil {
		t.Fatal(err)
	}
	nop := func(context.Context, string, *Data) error { return nil }
	for want, p := range map[string]*Provider[string]{
		"data source toy_tax: the schema does not have it":  {DataSources: map[string]*DataSource[string]{"toy_tax": {Read: nop}}},
		"data source toy_price: it can not be read":         {DataSources: map[string]*DataSource[string]{"toy_price": {}}},
		"data source toy_price: the schema has no discount": {DataSources: map[string]*DataSource[string]{"toy_price": {Read: nop, Refused: map[string]string{"discount": "no"}}}},
		"toy_box: the schema has no block name":             {Resources: map[string]*Resource[string]{"toy_box": {Computed: []string{"name"}, Create: nop, Read: nop, Delete: nop}}},
	} {
		p.Source, p.Schema = toySource, schema
		if _, err := NewServer(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want …%s…", err, want)
		}
	}
}

// TestPlanOfBlocksThatTheAPIFillsIn: left out, such a block is known after a
// creation and stays what it was later; what a block leaves out is known
// after a creation too.
func TestPlanOfBlocksThatTheAPIFillsIn(t *testing.T) {
	s := look(t, func(context.Context, string, *Data) error { return nil })
	ty := s.resources["toy_box"].ty
	disks := ty.AttributeType("disk")
	part := func(uuid cty.Value) cty.Value {
		return cty.SetVal([]cty.Value{cty.ObjectVal(map[string]cty.Value{"number": cty.NumberIntVal(1), "uuid": uuid})})
	}
	disk := func(size, kind, serial cty.Value, parts cty.Value) cty.Value {
		return cty.ListVal([]cty.Value{cty.ObjectVal(map[string]cty.Value{"size": size, "kind": kind, "serial": serial, "part": parts})})
	}
	noText, noParts := cty.NullVal(cty.String), cty.SetValEmpty(disks.ElementType().AttributeType("part").ElementType())
	box := func(id, disk cty.Value) cty.Value {
		return cty.ObjectVal(map[string]cty.Value{"id": id, "name": cty.StringVal("a"), "disk": disk})
	}
	null := cty.NullVal(ty)
	made := disk(cty.NumberIntVal(8), noText, cty.StringVal("s1"), noParts)
	for name, tc := range map[string]struct{ prior, config, want cty.Value }{
		"creates, left out": {null, box(noText, cty.ListValEmpty(disks.ElementType())), cty.UnknownVal(disks)},
		"keeps, left out":   {box(cty.StringVal("7"), made), box(noText, cty.ListValEmpty(disks.ElementType())), made},
		"creates, in part": {
			null, box(noText, disk(cty.NumberIntVal(9), noText, noText, part(noText))),
			disk(cty.NumberIntVal(9), noText, cty.UnknownVal(cty.String), part(cty.UnknownVal(cty.String))),
		},
	} {
		planned, replace, err := s.resources["toy_box"].plan(tc.prior, tc.config, tc.config)
		if err != nil || len(replace) > 0 {
			t.Fatal(err, replace)
		}
		if got := planned.GetAttr("disk"); !got.RawEquals(tc.want) {
			t.Errorf("%s:\ngot  %#v\nwant %#v", name, got, tc.want)
		}
	}
}
