package tfplugin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/zclconf/go-cty/cty"
)

func (s *server[C]) ValidateResourceTypeConfig(_ context.Context, req *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	r, err := s.resource(req.TypeName)
	if err != nil {
		return nil, err
	}
	config, err := decode(req.Config, r.ty)
	if err != nil {
		return nil, err
	}
	problems := []error{refusals(req.TypeName, config, r.Refused, r.defaults), badTimeouts(Object{config})}
	if r.Validate != nil {
		problems = append(problems, r.Validate(Object{config}))
	}
	return &tfprotov5.ValidateResourceTypeConfigResponse{Diagnostics: diagnostics(errors.Join(problems...))}, nil
}

// refusals lists what the configuration sets and this provider does not
// serve. What leaves the thing as it would be anyway is let through.
func refusals(typeName string, config cty.Value, refused map[string]string, defaults map[string]cty.Value) error {
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(refused)) {
		v := config.GetAttr(name)
		def, ok := defaults[name]
		if equivalent(v, cty.NullVal(v.Type())) || (ok && equivalent(v, def)) {
			continue
		}
		problems = append(problems, &Problem{
			Summary:   fmt.Sprintf("%s of %s is not served here", name, typeName),
			Detail:    refused[name],
			Attribute: name,
		})
	}
	return errors.Join(problems...)
}

func badTimeouts(config Object) error {
	timeouts := config.Object("timeouts")
	if !timeouts.Exists() {
		return nil
	}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(timeouts.v.Type().AttributeTypes())) {
		text := timeouts.String(name)
		if _, err := time.ParseDuration(text); text != "" && err != nil {
			problems = append(problems, &Problem{Summary: fmt.Sprintf("timeouts: %s is not a duration: %q", name, text), Attribute: "timeouts", Err: err})
		}
	}
	return errors.Join(problems...)
}

func (s *server[C]) UpgradeResourceState(_ context.Context, req *tfprotov5.UpgradeResourceStateRequest) (*tfprotov5.UpgradeResourceStateResponse, error) {
	r, err := s.resource(req.TypeName)
	if err != nil {
		return nil, err
	}
	if req.RawState == nil || len(req.RawState.JSON) == 0 {
		return &tfprotov5.UpgradeResourceStateResponse{Diagnostics: diagnostics(&Problem{
			Summary: fmt.Sprintf("the stored state of a %s is not JSON", req.TypeName),
			Detail:  "It was written by a Terraform older than 0.12, which this provider can not read.",
		})}, nil
	}
	v, err := upgrade(req.RawState.JSON, r.ty)
	if err != nil {
		return &tfprotov5.UpgradeResourceStateResponse{Diagnostics: diagnostics(&Problem{ //nolint:nilerr // the answer says it
			Summary: fmt.Sprintf("the stored state of a %s does not fit its schema", req.TypeName),
			Detail:  err.Error(),
			Err:     err,
		})}, nil
	}
	state, err := encode(v, r.ty)
	return &tfprotov5.UpgradeResourceStateResponse{UpgradedState: state}, err
}

func (s *server[C]) ReadResource(ctx context.Context, req *tfprotov5.ReadResourceRequest) (*tfprotov5.ReadResourceResponse, error) {
	r, err := s.resource(req.TypeName)
	if err != nil {
		return nil, err
	}
	current, err := decode(req.CurrentState, r.ty)
	if err != nil {
		return nil, err
	}
	resp := &tfprotov5.ReadResourceResponse{NewState: req.CurrentState, Private: req.Private}
	if current.IsNull() {
		return resp, nil
	}
	d := newData(r.ty, current, current, cty.NullVal(r.ty))
	err = errors.Join(r.Read(ctx, s.client, d), d.err)
	resp.Diagnostics = append(diagnostics(err), warnings(d.notes)...)
	if err != nil {
		return resp, nil //nolint:nilerr // the answer says it
	}
	next := d.result()
	if d.gone {
		next = cty.NullVal(r.ty)
	}
	resp.NewState, err = encode(next, r.ty)
	return resp, err
}

func (s *server[C]) PlanResourceChange(_ context.Context, req *tfprotov5.PlanResourceChangeRequest) (*tfprotov5.PlanResourceChangeResponse, error) {
	r, err := s.resource(req.TypeName)
	if err != nil {
		return nil, err
	}
	prior, err1 := decode(req.PriorState, r.ty)
	proposed, err2 := decode(req.ProposedNewState, r.ty)
	config, err3 := decode(req.Config, r.ty)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	resp := &tfprotov5.PlanResourceChangeResponse{
		PlannedState:                req.ProposedNewState,
		PlannedPrivate:              req.PriorPrivate,
		UnsafeToUseLegacyTypeSystem: s.provider.LegacyTypes, //nolint:staticcheck // the providers that are stood in for use it
	}
	if proposed.IsNull() {
		return resp, nil
	}
	planned, replace, err := r.plan(prior, proposed, config)
	if err != nil {
		resp.Diagnostics = diagnostics(err)
		return resp, nil
	}
	for _, name := range replace {
		resp.RequiresReplace = append(resp.RequiresReplace, tftypes.NewAttributePath().WithAttributeName(name))
	}
	resp.PlannedState, err = encode(planned, r.ty)
	return resp, err
}

func (s *server[C]) ApplyResourceChange(ctx context.Context, req *tfprotov5.ApplyResourceChangeRequest) (*tfprotov5.ApplyResourceChangeResponse, error) {
	r, err := s.resource(req.TypeName)
	if err != nil {
		return nil, err
	}
	prior, err1 := decode(req.PriorState, r.ty)
	planned, err2 := decode(req.PlannedState, r.ty)
	config, err3 := decode(req.Config, r.ty)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	next, notes, err := r.apply(ctx, s.client, prior, planned, config)
	resp := &tfprotov5.ApplyResourceChangeResponse{
		Private:                     req.PlannedPrivate,
		Diagnostics:                 append(diagnostics(err), warnings(notes)...),
		UnsafeToUseLegacyTypeSystem: s.provider.LegacyTypes, //nolint:staticcheck // the providers that are stood in for use it
	}
	resp.NewState, err = encode(next, r.ty)
	return resp, err
}

// apply makes, changes or removes the thing and returns the state to keep. A
// creation that failed after it had an ID keeps it; a change or a removal
// that failed keeps what was, for the next read to correct.
func (s *served[C]) apply(ctx context.Context, client C, prior, planned, config cty.Value) (cty.Value, []*Problem, error) {
	if planned.IsNull() {
		d := newData(s.ty, prior, prior, config)
		if err := errors.Join(s.Delete(ctx, client, d), d.err); err != nil {
			return prior, d.notes, err
		}
		return cty.NullVal(s.ty), d.notes, nil
	}
	d := newData(s.ty, planned, prior, config)
	if !prior.IsNull() {
		if s.Update == nil {
			return prior, nil, &Problem{Summary: "this change can not be made in place", Detail: "Replace the resource: terraform apply -replace=ADDRESS"}
		}
		if err := errors.Join(s.Update(ctx, client, d), d.err, d.vanished()); err != nil {
			return prior, d.notes, err
		}
		return d.result(), d.notes, nil
	}
	err := errors.Join(s.Create(ctx, client, d), d.err, d.vanished())
	if err != nil && !d.made {
		return cty.NullVal(s.ty), d.notes, err
	}
	return d.result(), d.notes, err
}

func (s *server[C]) ImportResourceState(_ context.Context, req *tfprotov5.ImportResourceStateRequest) (*tfprotov5.ImportResourceStateResponse, error) {
	return &tfprotov5.ImportResourceStateResponse{Diagnostics: diagnostics(&Problem{
		Summary: fmt.Sprintf("a %s can not be imported", req.TypeName),
		Detail:  fmt.Sprintf("Provider %s, as skysail serves it, only knows what it made itself.", s.provider.Source),
	})}, nil
}
