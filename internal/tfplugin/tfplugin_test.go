package tfplugin

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/zclconf/go-cty/cty"
)

// toySchema has one of each: a required, an optional, a computed attribute, a
// default, a set of strings and a set of blocks.
const toySchema = `{"format_version":"1.0","provider_schemas":{"example.com/acme/toy":{
 "provider":{"version":0,"block":{"attributes":{
  "token":{"type":"string","required":true},
  "retries":{"type":"number","optional":true}}}},
 "resource_schemas":{"toy_box":{"version":1,"block":{
  "attributes":{
   "id":{"type":"string","optional":true,"computed":true},
   "name":{"type":"string","required":true},
   "color":{"type":"string","optional":true},
   "script":{"type":"string","optional":true},
   "size":{"type":"number","optional":true,"computed":true},
   "locked":{"type":"bool","optional":true},
   "frills":{"type":"string","optional":true},
   "tags":{"type":["set","string"],"optional":true},
   "secret":{"type":"string","computed":true,"sensitive":true}},
  "block_types":{
   "rule":{"nesting_mode":"set","block":{"attributes":{
     "port":{"type":"string","required":true},
     "from":{"type":["set","string"],"optional":true}}}},
   "timeouts":{"nesting_mode":"single","block":{"attributes":{
     "create":{"type":"string","optional":true}}}}}}}}}}}`

const toySource = "example.com/acme/toy"

func toy(t *testing.T, r *Resource[string]) *server[string] {
	t.Helper()
	schema, err := ParseSchema([]byte(toySchema), toySource)
	if err != nil {
		t.Fatal(err)
	}
	nop := func(context.Context, string, *Data) error { return nil }
	for _, f := range []*func(context.Context, string, *Data) error{&r.Create, &r.Read, &r.Delete} {
		if *f == nil {
			*f = nop
		}
	}
	s, err := NewServer(&Provider[string]{
		Source:      toySource,
		Schema:      schema,
		EnvDefaults: map[string][]string{"token": {"TOY_TOKEN", "TOY_OLD_TOKEN"}, "retries": {"TOY_RETRIES"}},
		Configure: func(_ context.Context, c Object) (string, error) {
			if c.String("token") == "bad" {
				return "", &Problem{Summary: "bad token", Detail: "get another", Attribute: "token"}
			}
			return c.String("token"), nil
		},
		Resources: map[string]*Resource[string]{"toy_box": r},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.(*server[string])
}

// box makes a toy_box value; what is not named is null, as Terraform sends it.
func box(t *testing.T, s *server[string], attrs map[string]cty.Value) cty.Value {
	t.Helper()
	ty := s.resources["toy_box"].ty
	out := map[string]cty.Value{}
	for name, at := range ty.AttributeTypes() {
		out[name] = absent(at)
		if v, ok := attrs[name]; ok {
			out[name] = v
		}
	}
	v := cty.ObjectVal(out)
	if !v.Type().Equals(ty) {
		t.Fatalf("test value has type %#v", v.Type())
	}
	return v
}

func (s *server[C]) wire(t *testing.T, v cty.Value) *tfprotov5.DynamicValue {
	t.Helper()
	dv, err := encode(v, s.resources["toy_box"].ty)
	if err != nil {
		t.Fatal(err)
	}
	return dv
}

func (s *server[C]) unwire(t *testing.T, dv *tfprotov5.DynamicValue) cty.Value {
	t.Helper()
	v, err := decode(dv, s.resources["toy_box"].ty)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func strs(s ...string) cty.Value {
	var vs []cty.Value
	for _, x := range s {
		vs = append(vs, cty.StringVal(x))
	}
	return cty.SetVal(vs)
}

func planOf(t *testing.T, s *server[string], prior, config cty.Value) (cty.Value, []string) {
	t.Helper()
	resp, err := s.PlanResourceChange(t.Context(), &tfprotov5.PlanResourceChangeRequest{
		TypeName: "toy_box", PriorState: s.wire(t, prior), Config: s.wire(t, config), ProposedNewState: s.wire(t, config),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(resp.Diagnostics) > 0 {
		t.Fatalf("plan: %s", resp.Diagnostics[0].Summary)
	}
	var replace []string
	for _, p := range resp.RequiresReplace {
		replace = append(replace, p.String())
	}
	return s.unwire(t, resp.PlannedState), replace
}

func TestPlanCreate(t *testing.T) {
	s := toy(t, &Resource[string]{
		Defaults:   map[string]any{"locked": true},
		StateFuncs: map[string]func(string) string{"script": func(s string) string { return "digest of " + s }},
	})
	null := cty.NullVal(s.resources["toy_box"].ty)
	got, _ := planOf(t, s, null, box(t, s, map[string]cty.Value{
		"name": cty.StringVal("a"), "script": cty.StringVal("x"), "tags": strs("one"),
	}))
	want := box(t, s, map[string]cty.Value{
		"id": cty.UnknownVal(cty.String), "name": cty.StringVal("a"), "script": cty.StringVal("digest of x"),
		"size": cty.UnknownVal(cty.Number), "locked": cty.True, "tags": strs("one"), "secret": cty.UnknownVal(cty.String),
	})
	if !got.RawEquals(want) {
		t.Errorf("got  %#v\nwant %#v", got, want)
	}
}

func TestPlanChange(t *testing.T) {
	res := &Resource[string]{
		ForceNew: []string{"color", "tags"},
		Defaults: map[string]any{"locked": true},
		Same:     map[string]func(a, b string) bool{"color": strings.EqualFold},
		Update:   func(context.Context, string, *Data) error { return nil },
	}
	base := map[string]cty.Value{
		"id": cty.StringVal("7"), "name": cty.StringVal("a"), "color": cty.StringVal("red"), "size": cty.NumberIntVal(3),
		"locked": cty.True, "tags": strs("one"), "secret": cty.StringVal("s"),
	}
	for _, tc := range []struct {
		name    string
		change  map[string]cty.Value // of the configuration
		want    map[string]cty.Value // of the plan, against the prior state
		replace []string
	}{
		{name: "nothing", change: nil},
		{name: "in place", change: map[string]cty.Value{"name": cty.StringVal("b")}, want: map[string]cty.Value{"name": cty.StringVal("b")}},
		{
			name: "force-new", change: map[string]cty.Value{"tags": strs("two")},
			want: map[string]cty.Value{"tags": strs("two")}, replace: []string{`AttributeName("tags")`},
		},
		{name: "same to the provider", change: map[string]cty.Value{"color": cty.StringVal("RED")}},
		{
			name: "default restored", change: map[string]cty.Value{"locked": cty.False},
			want: map[string]cty.Value{"locked": cty.False},
		},
		{
			name: "not yet known", change: map[string]cty.Value{"color": cty.UnknownVal(cty.String)},
			want: map[string]cty.Value{"color": cty.UnknownVal(cty.String)}, replace: []string{`AttributeName("color")`},
		},
		{name: "empty for absent", change: map[string]cty.Value{"frills": cty.StringVal("")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := toy(t, res)
			config := map[string]cty.Value{"name": base["name"], "color": base["color"], "tags": base["tags"]}
			for k, v := range tc.change {
				config[k] = v
			}
			want := map[string]cty.Value{}
			for _, m := range []map[string]cty.Value{base, tc.want} {
				for k, v := range m {
					want[k] = v
				}
			}
			got, replace := planOf(t, s, box(t, s, base), box(t, s, config))
			if w := box(t, s, want); !got.RawEquals(w) {
				t.Errorf("got  %#v\nwant %#v", got, w)
			}
			if diff := cmp.Diff(tc.replace, replace); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPlanHook(t *testing.T) {
	s := toy(t, &Resource[string]{Plan: func(p *Plan) error {
		switch {
		case p.String("name") == "bad":
			return &Problem{Summary: "bad name"}
		case !p.Creates() && p.Int("size") == 3:
			p.Set("size", 4)
			p.SetUnknown("secret")
			p.Replace("name")
		}
		return nil
	}})
	prior := box(t, s, map[string]cty.Value{"id": cty.StringVal("7"), "name": cty.StringVal("a"), "size": cty.NumberIntVal(3), "secret": cty.StringVal("s")})
	got, replace := planOf(t, s, prior, box(t, s, map[string]cty.Value{"name": cty.StringVal("a")}))
	if !got.GetAttr("size").RawEquals(cty.NumberIntVal(4)) || got.GetAttr("secret").IsKnown() || len(replace) != 1 {
		t.Errorf("planned %#v, replacing for %v", got, replace)
	}
	bad := box(t, s, map[string]cty.Value{"name": cty.StringVal("bad")})
	resp, err := s.PlanResourceChange(t.Context(), &tfprotov5.PlanResourceChangeRequest{
		TypeName: "toy_box", PriorState: s.wire(t, cty.NullVal(prior.Type())), Config: s.wire(t, bad), ProposedNewState: s.wire(t, bad),
	})
	if err != nil || len(resp.Diagnostics) != 1 || resp.Diagnostics[0].Summary != "bad name" {
		t.Errorf("got %v, %v", resp.Diagnostics, err)
	}
}

func applyOf(t *testing.T, s *server[string], prior, planned cty.Value) (cty.Value, []string) {
	t.Helper()
	resp, err := s.ApplyResourceChange(t.Context(), &tfprotov5.ApplyResourceChangeRequest{
		TypeName: "toy_box", PriorState: s.wire(t, prior), PlannedState: s.wire(t, planned), Config: s.wire(t, settle(planned)),
	})
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, d := range resp.Diagnostics {
		said = append(said, d.Summary)
	}
	return s.unwire(t, resp.NewState), said
}

func TestApplyKeepsWhatWasMade(t *testing.T) {
	for _, tc := range []struct {
		name   string
		create func(context.Context, string, *Data) error
		kept   bool
		said   []string
	}{
		{"made", func(_ context.Context, _ string, d *Data) error {
			d.SetID("7")
			d.Set("size", 3)
			return nil
		}, true, nil},
		{"refused", func(context.Context, string, *Data) error { return errors.New("no room") }, false, []string{"no room"}},
		{"half-made", func(_ context.Context, _ string, d *Data) error {
			d.SetID("7")
			return errors.New("never ready")
		}, true, []string{"never ready"}},
		{"gone again", func(_ context.Context, _ string, d *Data) error {
			d.SetID("7")
			d.Gone()
			return nil
		}, true, []string{"7 was there and is gone: somebody else removed it during the apply"}},
		{"wrong code", func(_ context.Context, _ string, d *Data) error {
			d.SetID("7")
			d.Set("sice", 3)
			return nil
		}, true, []string{`skysail's provider set what its schema does not allow: the schema has no "sice"`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := toy(t, &Resource[string]{Create: tc.create})
			null := cty.NullVal(s.resources["toy_box"].ty)
			planned, _ := planOf(t, s, null, box(t, s, map[string]cty.Value{"name": cty.StringVal("a")}))
			got, said := applyOf(t, s, null, planned)
			if diff := cmp.Diff(tc.said, said); diff != "" {
				t.Error(diff)
			}
			if got.IsNull() == tc.kept {
				t.Errorf("state %#v", got)
			}
			if tc.kept && (!got.IsWhollyKnown() || got.GetAttr("id").AsString() != "7") {
				t.Errorf("state %#v", got)
			}
		})
	}
}

func TestApplyChangeAndRemove(t *testing.T) {
	fails := errors.New("the API said no")
	s := toy(t, &Resource[string]{
		Update: func(_ context.Context, _ string, d *Data) error {
			if !d.Changed("name") || d.Changed("size") {
				t.Error("wrong idea of what changed")
			}
			if d.String("name") == "bad" {
				return fails
			}
			d.Warn("careful", "")
			return nil
		},
		Delete: func(_ context.Context, _ string, d *Data) error {
			if d.ID() == "stuck" {
				return fails
			}
			return nil
		},
	})
	prior := box(t, s, map[string]cty.Value{"id": cty.StringVal("7"), "name": cty.StringVal("a"), "size": cty.NumberIntVal(3)})
	with := func(v cty.Value, name, value string) cty.Value {
		m := v.AsValueMap()
		m[name] = cty.StringVal(value)
		return cty.ObjectVal(m)
	}
	if got, said := applyOf(t, s, prior, with(prior, "name", "b")); !got.RawEquals(with(prior, "name", "b")) || len(said) != 1 || said[0] != "careful" {
		t.Errorf("change: %#v %v", got, said)
	}
	if got, said := applyOf(t, s, prior, with(prior, "name", "bad")); !got.RawEquals(prior) || len(said) != 1 {
		t.Errorf("failed change: %#v %v", got, said)
	}
	null := cty.NullVal(prior.Type())
	if got, said := applyOf(t, s, prior, null); !got.IsNull() || said != nil {
		t.Errorf("removal: %#v %v", got, said)
	}
	stuck := with(prior, "id", "stuck")
	if got, said := applyOf(t, s, stuck, null); !got.RawEquals(stuck) || len(said) != 1 {
		t.Errorf("failed removal: %#v %v", got, said)
	}
}

func TestReadKeepsWhatMeansTheSame(t *testing.T) {
	s := toy(t, &Resource[string]{Read: func(_ context.Context, _ string, d *Data) error {
		if d.ID() == "gone" {
			d.Gone()
			return nil
		}
		d.Set("color", "")
		d.Set("tags", []string{})
		d.Set("rule", []map[string]any{{"port": "80", "from": []string{}}})
		d.Set("size", 9)
		return nil
	}})
	rule := func(from cty.Value) cty.Value {
		return cty.SetVal([]cty.Value{cty.ObjectVal(map[string]cty.Value{"port": cty.StringVal("80"), "from": from})})
	}
	state := box(t, s, map[string]cty.Value{
		"id": cty.StringVal("7"), "name": cty.StringVal("a"), "size": cty.NumberIntVal(3), "rule": rule(cty.NullVal(cty.Set(cty.String))),
	})
	read := func(v cty.Value) cty.Value {
		resp, err := s.ReadResource(t.Context(), &tfprotov5.ReadResourceRequest{TypeName: "toy_box", CurrentState: s.wire(t, v)})
		if err != nil || len(resp.Diagnostics) > 0 {
			t.Fatal(err, resp.Diagnostics)
		}
		return s.unwire(t, resp.NewState)
	}
	want := state.AsValueMap()
	want["size"] = cty.NumberIntVal(9)
	if got := read(state); !got.RawEquals(cty.ObjectVal(want)) {
		t.Errorf("got  %#v\nwant %#v", got, cty.ObjectVal(want))
	}
	gone := state.AsValueMap()
	gone["id"] = cty.StringVal("gone")
	if got := read(cty.ObjectVal(gone)); !got.IsNull() {
		t.Errorf("gone: %#v", got)
	}
}

func TestUpgradeDropsAndFills(t *testing.T) {
	s := toy(t, &Resource[string]{})
	resp, err := s.UpgradeResourceState(t.Context(), &tfprotov5.UpgradeResourceStateRequest{TypeName: "toy_box", RawState: &tfprotov5.RawState{
		JSON: []byte(`{"id":"7","name":"a","was_once":true,"size":3,"tags":["one"],"rule":[{"port":"80","from":null,"old":1}],"timeouts":null}`),
	}})
	if err != nil || len(resp.Diagnostics) > 0 {
		t.Fatal(err, resp.Diagnostics)
	}
	got := s.unwire(t, resp.UpgradedState)
	want := box(t, s, map[string]cty.Value{
		"id": cty.StringVal("7"), "name": cty.StringVal("a"), "size": cty.NumberIntVal(3), "tags": strs("one"),
		"rule": cty.SetVal([]cty.Value{cty.ObjectVal(map[string]cty.Value{"port": cty.StringVal("80"), "from": cty.NullVal(cty.Set(cty.String))})}),
	})
	if !got.RawEquals(want) {
		t.Errorf("got  %#v\nwant %#v", got, want)
	}
}

func TestValidate(t *testing.T) {
	s := toy(t, &Resource[string]{
		Defaults: map[string]any{"frills": "none"},
		Refused:  map[string]string{"frills": "there are no frills", "tags": "nor tags"},
		Validate: func(c Object) error {
			if c.String("name") == "bad" {
				return errors.New("bad name")
			}
			return nil
		},
	})
	for _, tc := range []struct {
		attrs map[string]cty.Value
		want  []string
	}{
		{map[string]cty.Value{"frills": cty.StringVal("none"), "tags": cty.SetValEmpty(cty.String)}, nil},
		{map[string]cty.Value{"frills": cty.StringVal("many"), "tags": strs("x")}, []string{"frills of toy_box is not served here", "tags of toy_box is not served here"}},
		{map[string]cty.Value{"frills": cty.UnknownVal(cty.String)}, []string{"frills of toy_box is not served here"}},
		{map[string]cty.Value{"name": cty.StringVal("bad")}, []string{"bad name"}},
		{map[string]cty.Value{"timeouts": cty.ObjectVal(map[string]cty.Value{"create": cty.StringVal("soon")})}, []string{`timeouts: create is not a duration: "soon"`}},
	} {
		resp, err := s.ValidateResourceTypeConfig(t.Context(), &tfprotov5.ValidateResourceTypeConfigRequest{
			TypeName: "toy_box", Config: s.wire(t, box(t, s, tc.attrs)),
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range resp.Diagnostics {
			got = append(got, d.Summary)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestConfigureFromEnvironment(t *testing.T) {
	s := toy(t, &Resource[string]{})
	configure := func(token, retries cty.Value) []*tfprotov5.Diagnostic {
		config := cty.ObjectVal(map[string]cty.Value{"token": token, "retries": retries})
		dv, err := encode(config, config.Type())
		if err != nil {
			t.Fatal(err)
		}
		resp, err := s.ConfigureProvider(t.Context(), &tfprotov5.ConfigureProviderRequest{Config: dv})
		if err != nil {
			t.Fatal(err)
		}
		return resp.Diagnostics
	}
	required := func() bool {
		resp, err := s.GetProviderSchema(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range resp.Provider.Block.Attributes {
			if a.Name == "token" {
				return a.Required
			}
		}
		return false
	}
	noToken, noRetries := cty.NullVal(cty.String), cty.NullVal(cty.Number)
	if !required() {
		t.Error("token is optional though nothing gives it")
	}
	t.Setenv("TOY_OLD_TOKEN", "from the environment")
	if required() {
		t.Error("token is required though the environment gives it")
	}
	if d := configure(noToken, noRetries); d != nil || s.client != "from the environment" {
		t.Errorf("client %q, %v", s.client, d)
	}
	if d := configure(cty.StringVal("written"), noRetries); d != nil || s.client != "written" {
		t.Errorf("client %q, %v", s.client, d)
	}
	if d := configure(cty.StringVal("bad"), noRetries); len(d) != 1 || d[0].Detail != "get another" || d[0].Attribute == nil {
		t.Errorf("%v", d)
	}
	t.Setenv("TOY_RETRIES", "many")
	if d := configure(noToken, noRetries); len(d) != 1 || d[0].Summary != "the environment's value for retries is not a number" {
		t.Errorf("%v", d)
	}
}

func TestNewServerRefusesWhatTheSchemaDoesNotHave(t *testing.T) {
	schema, err := ParseSchema([]byte(toySchema), toySource)
	if err != nil {
		t.Fatal(err)
	}
	nop := func(context.Context, string, *Data) error { return nil }
	for want, r := range map[string]*Resource[string]{
		"the schema has no colour":         {ForceNew: []string{"colour"}, Create: nop, Read: nop, Delete: nop},
		"can not be created, read":         {Create: nop},
		"default of size: string is not a": {Defaults: map[string]any{"size": "big"}, Create: nop, Read: nop, Delete: nop},
	} {
		_, err := NewServer(&Provider[string]{Source: toySource, Schema: schema, Resources: map[string]*Resource[string]{"toy_box": r}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want …%s…", err, want)
		}
	}
}

func TestGrace(t *testing.T) {
	ctx, interrupt := context.WithCancelCause(t.Context())
	graced, cancel := Grace(ctx, 50*time.Millisecond)
	defer cancel()
	cause := errors.New("interrupted")
	interrupt(cause)
	if graced.Err() != nil {
		t.Fatal("ended with its parent")
	}
	select {
	case <-graced.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("never ended")
	}
	if !errors.Is(context.Cause(graced), cause) {
		t.Errorf("cause %v", context.Cause(graced))
	}
}
