package tfplugin

import (
	"context"
	"fmt"
	"time"

	"github.com/zclconf/go-cty/cty"
)

// Data is one resource while it is made, read, changed or removed. What it
// reads is the plan when making or changing, else the state, with what Set
// has put there.
type Data struct {
	Object
	// Prior is the state before, and does not exist while making.
	Prior Object
	// Config is what the user wrote; it exists while making and changing.
	Config Object

	base  cty.Value // what reading started from
	ty    cty.Type
	made  bool // SetID was called
	gone  bool
	err   error
	notes []*Problem
}

func newData(ty cty.Type, base, prior, config cty.Value) *Data {
	return &Data{Object: Object{base}, Prior: Object{prior}, Config: Object{config}, base: base, ty: ty}
}

// ID is the resource's ID, or empty before SetID.
func (d *Data) ID() string { return d.String("id") }

// SetID records that the thing exists. From here on it is in the state
// whatever happens next, so that a destroy finds it.
func (d *Data) SetID(id string) {
	d.made = true
	d.Set("id", id)
}

// Gone records that the thing does not exist any more.
func (d *Data) Gone() { d.gone = true }

// Changed says whether an attribute differs from the prior state.
func (d *Data) Changed(name string) bool {
	return !equivalent(d.Value(name), d.Prior.Value(name))
}

// Set gives an attribute a value. A value that does not fit the schema is a
// mistake of the provider's code and fails the call.
func (d *Data) Set(name string, v any) {
	if !d.ty.HasAttribute(name) {
		d.fail(fmt.Errorf("the schema has no %q", name))
		return
	}
	cv, err := toCty(v, d.ty.AttributeType(name))
	if err != nil {
		d.fail(fmt.Errorf("%s: %w", name, err))
		return
	}
	// An API that answers "" or [] for what was left out has not changed it.
	if before := d.base.GetAttr(name); before.IsWhollyKnown() && equivalent(before, cv) {
		cv = before
	}
	attrs := d.v.AsValueMap()
	attrs[name] = cv
	d.v = cty.ObjectVal(attrs)
}

// SetBlocks gives a list or set of nested blocks their contents, by attribute.
// What a content leaves out is null; nested blocks are []map[string]any.
func (d *Data) SetBlocks(name string, contents ...map[string]any) {
	if !d.ty.HasAttribute(name) {
		d.fail(fmt.Errorf("the schema has no %q", name))
		return
	}
	v, err := blocksOf(d.ty.AttributeType(name), contents)
	if err != nil {
		d.fail(fmt.Errorf("%s: %w", name, err))
		return
	}
	d.Set(name, v)
}

// Warn adds a warning to the answer.
func (d *Data) Warn(summary, detail string) {
	d.notes = append(d.notes, &Problem{Summary: summary, Detail: detail})
}

// Timeout reads one duration of the timeouts block.
func (d *Data) Timeout(name string, fallback time.Duration) time.Duration {
	if t, err := time.ParseDuration(d.Object.Object("timeouts").String(name)); err == nil {
		return t
	}
	return fallback
}

func (d *Data) fail(err error) {
	if d.err == nil {
		d.err = fmt.Errorf("skysail's provider set what its schema does not allow: %w", err)
	}
}

// vanished is the error of a thing that was gone again when it was read after
// it had been made or changed.
func (d *Data) vanished() error {
	if !d.gone {
		return nil
	}
	return fmt.Errorf("%s was there and is gone: somebody else removed it during the apply", d.ID())
}

// result is the state to keep. Blocks are never null.
func (d *Data) result() cty.Value {
	attrs := settle(d.v).AsValueMap()
	for name, v := range attrs {
		if v.IsNull() {
			attrs[name] = absent(d.ty.AttributeType(name))
		}
	}
	return cty.ObjectVal(attrs)
}

// Grace returns a context that outlives the end of ctx by a while: a request
// that creates something is given the time to answer, because an ID that was
// not heard is a thing that nobody owns.
func Grace(ctx context.Context, while time.Duration) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(while)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel(context.Cause(ctx))
		case <-out.Done():
		}
	})
	return out, func() {
		stop()
		cancel(context.Canceled)
	}
}
