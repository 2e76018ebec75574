package tfplugin

import (
	"context"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
)

// diskSchema has a set of blocks with a default and with what the API
// chooses, and in them a block of which the API chooses everything.
const diskSchema = `{"format_version":"1.0","provider_schemas":{"example.com/acme/toy":{
 "provider":{"version":0,"block":{}},
 "resource_schemas":{"toy_box":{"version":0,"block":{
  "attributes":{"id":{"type":"string","computed":true}},
  "block_types":{"disk":{"nesting_mode":"set","block":{
   "attributes":{"name":{"type":"string","required":true},"keep":{"type":"bool","optional":true},"serial":{"type":"string","computed":true}},
   "block_types":{"speed":{"nesting_mode":"list","max_items":1,"block":{"attributes":{"iops":{"type":"number","optional":true,"computed":true}}}}}}}}}}}}}}`

func disks(t *testing.T, create func(context.Context, string, *Data) error) *served[string] {
	t.Helper()
	schema, err := ParseSchema([]byte(diskSchema), toySource)
	if err != nil {
		t.Fatal(err)
	}
	nop := func(context.Context, string, *Data) error { return nil }
	s, err := NewServer(&Provider[string]{
		Source: toySource, Schema: schema, Configure: func(context.Context, Object) (string, error) { return "", nil },
		Resources: map[string]*Resource[string]{"toy_box": {
			ForceNew: []string{"disk"}, Defaults: map[string]any{"disk.keep": true}, Create: create, Read: nop, Delete: nop,
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*server[string]).resources["toy_box"]
}

// disk is one block. A speed below zero is none.
func disk(r *served[string], name string, keep, serial cty.Value, speed int64) cty.Value {
	ty := r.ty.AttributeType("disk").ElementType().AttributeType("speed")
	speeds := cty.ListValEmpty(ty.ElementType())
	if speed >= 0 {
		speeds = cty.ListVal([]cty.Value{cty.ObjectVal(map[string]cty.Value{"iops": cty.NumberIntVal(speed)})})
	}
	return cty.ObjectVal(map[string]cty.Value{"name": cty.StringVal(name), "keep": keep, "serial": serial, "speed": speeds})
}

func boxOf(id cty.Value, disks ...cty.Value) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{"id": id, "disk": cty.SetVal(disks)})
}

func TestPlanOfSetsOfBlocks(t *testing.T) {
	r := disks(t, func(context.Context, string, *Data) error { return nil })
	noBool, noText := cty.NullVal(cty.Bool), cty.NullVal(cty.String)
	config := boxOf(noText, disk(r, "a", noBool, noText, -1), disk(r, "b", cty.False, noText, 7))
	planned, _, err := r.plan(cty.NullVal(r.ty), config, config)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range planned.GetAttr("disk").AsValueSlice() {
		if d.GetAttr("name").AsString() == "a" && (!d.GetAttr("keep").True() || d.GetAttr("serial").IsKnown() || d.GetAttr("speed").IsKnown()) {
			t.Errorf("a creation plans %#v", d)
		}
	}
	made := boxOf(cty.StringVal("7"), disk(r, "a", cty.True, cty.StringVal("s1"), 3), disk(r, "b", cty.False, cty.StringVal("s2"), 7))
	// What Terraform proposes does not find the blocks again: a default is
	// not in the configuration.
	again, replace, err := r.plan(made, boxOf(cty.StringVal("7"), config.GetAttr("disk").AsValueSlice()...), config)
	if err != nil || len(replace) > 0 || !again.RawEquals(made) {
		t.Errorf("%v, replaces %v:\ngot  %#v\nwant %#v", err, replace, again, made)
	}
	other := boxOf(noText, disk(r, "a", cty.False, noText, -1), disk(r, "b", cty.False, noText, 7))
	if _, replace, err = r.plan(made, other, other); err != nil || len(replace) != 1 {
		t.Errorf("%v, replaces %v, want for the disk", err, replace)
	}
}

func TestSetBlocks(t *testing.T) {
	r := disks(t, func(_ context.Context, _ string, d *Data) error {
		d.SetID("7")
		d.SetBlocks("disk", map[string]any{"name": "a", "serial": "s1", "speed": []map[string]any{{"iops": 3}}}, map[string]any{"name": "b", "keep": true})
		return nil
	})
	config := boxOf(cty.NullVal(cty.String), disk(r, "a", cty.NullVal(cty.Bool), cty.NullVal(cty.String), -1))
	got, _, err := r.apply(t.Context(), "", cty.NullVal(r.ty), config, config)
	want := boxOf(cty.StringVal("7"), disk(r, "a", cty.NullVal(cty.Bool), cty.StringVal("s1"), 3), disk(r, "b", cty.True, cty.NullVal(cty.String), -1))
	if err != nil || !got.RawEquals(want) {
		t.Errorf("%v\ngot  %#v\nwant %#v", err, got, want)
	}
	for _, tc := range []struct {
		name    string
		content map[string]any
		want    string
	}{
		{"disc", nil, `the schema has no "disc"`},
		{"id", nil, "id: a string is no list or set of blocks"},
		{"disk", map[string]any{"colour": "red"}, `disk: the schema has no "colour"`},
		{"disk", map[string]any{"speed": []map[string]any{{"iops": "fast"}}}, "disk: speed: iops: string is not a number"},
	} {
		r := disks(t, func(_ context.Context, _ string, d *Data) error { d.SetBlocks(tc.name, tc.content); return nil })
		if _, _, err := r.apply(t.Context(), "", cty.NullVal(r.ty), config, config); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want …%s…", err, tc.want)
		}
	}
}
