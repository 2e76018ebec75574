package tfplugin

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zclconf/go-cty/cty"
)

func TestObjectGettersOfNullAndUnknown(t *testing.T) {
	types := map[string]cty.Type{
		"s": cty.String, "n": cty.Number, "b": cty.Bool, "l": cty.List(cty.String), "i": cty.Set(cty.Number),
		"m": cty.Map(cty.String), "o": cty.Object(map[string]cty.Type{"x": cty.String}),
		"r": cty.Set(cty.Object(map[string]cty.Type{"x": cty.String})),
	}
	for _, make := range []func(cty.Type) cty.Value{cty.NullVal, cty.UnknownVal} {
		attrs := map[string]cty.Value{}
		for name, ty := range types {
			attrs[name] = make(ty)
		}
		o := Object{cty.ObjectVal(attrs)}
		if o.String("s") != "" || o.Int("n") != 0 || o.Float("n") != 0 || o.Bool("b") || o.Strings("l") != nil || o.Ints("i") != nil ||
			len(o.StringMap("m")) != 0 || o.Object("o").Exists() || len(o.Objects("r")) != 0 || o.String("none of that name") != "" {
			t.Errorf("%#v gave something", o.v)
		}
	}
}

func TestObjectGetters(t *testing.T) {
	inner := cty.ObjectVal(map[string]cty.Value{"x": cty.StringVal("y")})
	o := Object{cty.ObjectVal(map[string]cty.Value{
		"s": cty.StringVal("text"), "n": cty.NumberFloatVal(2.5), "w": cty.NumberIntVal(3), "b": cty.True,
		"l": cty.ListVal([]cty.Value{cty.StringVal("one"), cty.NullVal(cty.String), cty.StringVal("two")}),
		"i": cty.SetVal([]cty.Value{cty.NumberIntVal(7)}),
		"m": cty.MapVal(map[string]cty.Value{"k": cty.StringVal("v")}),
		"o": inner, "r": cty.SetVal([]cty.Value{inner}),
	})}
	got := []any{
		o.String("s"), o.Float("n"), o.Int("w"), o.Bool("b"), o.Strings("l"), o.Ints("i"), o.StringMap("m"),
		o.Object("o").String("x"), o.Objects("r")[0].String("x"), o.String("n"), o.Int("n"),
	}
	want := []any{"text", 2.5, 3, true, []string{"one", "two"}, []int{7}, map[string]string{"k": "v"}, "y", "y", "", 0}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
