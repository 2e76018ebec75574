package tfplugin

import (
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/gocty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
	"github.com/zclconf/go-cty/cty/msgpack"
)

func decode(dv *tfprotov5.DynamicValue, ty cty.Type) (cty.Value, error) {
	switch {
	case dv == nil:
		return cty.NullVal(ty), nil
	case len(dv.MsgPack) > 0:
		return msgpack.Unmarshal(dv.MsgPack, ty)
	case len(dv.JSON) > 0:
		return ctyjson.Unmarshal(dv.JSON, ty)
	default:
		return cty.NilVal, errors.New("terraform sent a value in no known encoding")
	}
}

func encode(v cty.Value, ty cty.Type) (*tfprotov5.DynamicValue, error) {
	b, err := msgpack.Marshal(v, ty)
	if err != nil {
		return nil, err
	}
	return &tfprotov5.DynamicValue{MsgPack: b}, nil
}

// toCty makes the value of a type out of a Go value.
func toCty(v any, ty cty.Type) (cty.Value, error) {
	if cv, ok := v.(cty.Value); ok {
		return convert.Convert(cv, ty)
	}
	cv, err := gocty.ToCtyValue(v, ty)
	if err != nil {
		return cty.NilVal, fmt.Errorf("%T is not a %s: %w", v, ty.FriendlyName(), err)
	}
	return cv, nil
}

// fit converts a stored value to a type, dropping what objects of that type
// do not have and leaving null what the stored value lacks.
func fit(v cty.Value, ty cty.Type) (cty.Value, error) {
	if v.IsNull() {
		return cty.NullVal(ty), nil
	}
	if !ty.IsObjectType() || !v.Type().IsObjectType() {
		if ty.IsCollectionType() && ty.ElementType().IsObjectType() && iterable(v) {
			return fitElements(v, ty)
		}
		return convert.Convert(v, ty)
	}
	attrs := make(map[string]cty.Value, len(ty.AttributeTypes()))
	for name, at := range ty.AttributeTypes() {
		if !v.Type().HasAttribute(name) {
			attrs[name] = absent(at)
			continue
		}
		a, err := fit(v.GetAttr(name), at)
		if err != nil {
			return cty.NilVal, fmt.Errorf("%s: %w", name, err)
		}
		attrs[name] = a
	}
	return cty.ObjectVal(attrs), nil
}

func fitElements(v cty.Value, ty cty.Type) (cty.Value, error) {
	if ty.IsMapType() {
		return convert.Convert(v, ty)
	}
	var elems []cty.Value
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		fitted, err := fit(e, ty.ElementType())
		if err != nil {
			return cty.NilVal, err
		}
		elems = append(elems, fitted)
	}
	switch {
	case len(elems) == 0:
		return empty(ty), nil
	case ty.IsSetType():
		return cty.SetVal(elems), nil
	default:
		return cty.ListVal(elems), nil
	}
}

// absent is what stands for something that is not there: blocks are empty
// collections, everything else is null.
func absent(ty cty.Type) cty.Value {
	if (ty.IsListType() || ty.IsSetType()) && ty.ElementType().IsObjectType() {
		return empty(ty)
	}
	return cty.NullVal(ty)
}

func empty(ty cty.Type) cty.Value {
	switch {
	case ty.IsListType():
		return cty.ListValEmpty(ty.ElementType())
	case ty.IsSetType():
		return cty.SetValEmpty(ty.ElementType())
	case ty.IsMapType():
		return cty.MapValEmpty(ty.ElementType())
	default:
		return cty.NullVal(ty)
	}
}

// equivalent says that two values mean the same to a provider's API, which
// does not tell an absent value from an empty one.
func equivalent(a, b cty.Value) bool {
	if !a.IsWhollyKnown() || !b.IsWhollyKnown() {
		return a.RawEquals(b)
	}
	return normal(a).RawEquals(normal(b))
}

// normal replaces, at every depth, null by the empty value of its type.
func normal(v cty.Value) cty.Value {
	out, err := cty.Transform(v, func(_ cty.Path, v cty.Value) (cty.Value, error) {
		if !v.IsNull() {
			return v, nil
		}
		switch ty := v.Type(); ty {
		case cty.String:
			return cty.StringVal(""), nil
		case cty.Number:
			return cty.Zero, nil
		case cty.Bool:
			return cty.False, nil
		default:
			return empty(ty), nil
		}
	})
	if err != nil { // the callback returns none
		return v
	}
	return out
}

// settle replaces what is still unknown by null: after an apply nothing may
// be unknown, whether it went well or not.
func settle(v cty.Value) cty.Value {
	out, err := cty.Transform(v, func(_ cty.Path, v cty.Value) (cty.Value, error) {
		if v.IsKnown() {
			return v, nil
		}
		return cty.NullVal(v.Type()), nil
	})
	if err != nil { // the callback returns none
		return v
	}
	return out
}
