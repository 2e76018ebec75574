package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/release/common"
	v1 "helm.sh/helm/v4/pkg/release/v1"
)

// ModifyPlan reads the chart: a plan names its version, and fails early when
// there is none. The status that is wanted is always "deployed", so that a
// failed release is upgraded.
func (r *release) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return // it is removed
	}
	var m, given model
	var had *model
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &given)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &had)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if missing := given.unserved(); len(missing) > 0 {
		slices.Sort(missing)
		resp.Diagnostics.AddError("Not served by the stand-in", "The sandbox's helm provider does not serve "+strings.Join(missing, ", ")+".")
		return
	}
	m.Status = types.StringValue(common.StatusDeployed.String())
	m.Manifest, m.Resources = types.StringNull(), types.MapNull(types.StringType)
	if m.Description.IsUnknown() {
		m.Description = types.StringNull()
	}
	if !m.Chart.IsUnknown() {
		ch, err := loader.Load(m.Chart.ValueString())
		if err != nil {
			resp.Diagnostics.AddError("Error loading chart", fmt.Sprintf("Unable to load chart %s: %s", m.Chart.ValueString(), err))
			return
		}
		m.Version = types.StringValue(ch.Metadata.Version)
		if !given.Version.IsNull() && bare(given.Version) != bare(m.Version) {
			resp.Diagnostics.AddError("Planned version is different from configured version",
				fmt.Sprintf("The version in the configuration is %q but the planned version is %q.", given.Version.ValueString(), m.Version.ValueString()))
			return
		}
		if !given.Version.IsNull() {
			m.Version = given.Version
		}
	}
	if had == nil || m.differs(had) {
		m.Metadata = types.ObjectUnknown(metadataTypes())
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, &m)...)
}

func bare(v types.String) string { return strings.TrimPrefix(v.ValueString(), "v") }

// differs says whether the plan makes another revision of the release.
func (m *model) differs(had *model) bool {
	return m.Metadata.IsUnknown() || !m.Chart.Equal(had.Chart) || !m.Version.Equal(had.Version) || !m.Values.Equal(had.Values) || !m.Set.Equal(had.Set) ||
		!m.SetSensitive.Equal(had.SetSensitive) || !m.SetList.Equal(had.SetList) || !m.Status.Equal(had.Status)
}

func metadataTypes() map[string]attr.Type {
	out := map[string]attr.Type{}
	for name, a := range resourceSchema().Attributes["metadata"].GetType().(attr.TypeWithAttributeTypes).AttributeTypes() {
		out[name] = a
	}
	return out
}

// take fills in what a release tells.
func (m *model) take(ctx context.Context, r *v1.Release) diag.Diagnostics {
	var ds diag.Diagnostics
	m.ID, m.Name, m.Namespace = types.StringValue(r.Name), types.StringValue(r.Name), types.StringValue(r.Namespace)
	m.Status = types.StringValue(r.Info.Status.String())
	m.Manifest, m.Resources = types.StringNull(), types.MapNull(types.StringType)
	meta := r.Chart.Metadata
	if strings.TrimPrefix(meta.Version, "v") != bare(m.Version) {
		m.Version = types.StringValue(meta.Version)
	}
	values, err := m.shown(ctx, r.Config)
	if err != nil {
		ds.AddError("Error reading values", err.Error())
		return ds
	}
	m.Metadata, ds = types.ObjectValue(metadataTypes(), map[string]attr.Value{
		"name": m.Name, "namespace": m.Namespace, "revision": types.Int64Value(int64(r.Version)),
		"chart": types.StringValue(meta.Name), "version": types.StringValue(meta.Version), "app_version": types.StringValue(meta.AppVersion),
		"first_deployed": types.Int64Value(r.Info.FirstDeployed.Unix()), "last_deployed": types.Int64Value(r.Info.LastDeployed.Unix()),
		"notes": types.StringValue(r.Info.Notes), "values": types.StringValue(values),
	})
	return ds
}

// setDefaults is for an import, which has no configuration.
func (m *model) setDefaults() {
	no := types.BoolValue(false)
	for _, b := range []*types.Bool{
		&m.Atomic, &m.CleanupOnFail, &m.CreateNamespace, &m.DependencyUpdate, &m.DisableCRDHooks, &m.DisableOpenAPIValidation, &m.DisableWebhooks,
		&m.ForceUpdate, &m.Lint, &m.PassCredentials, &m.RecreatePods, &m.Replace, &m.ResetValues, &m.ReuseValues, &m.SkipCRDs, &m.TakeOwnership,
		&m.UpgradeInstall, &m.Verify, &m.WaitForJobs,
	} {
		*b = no
	}
	m.Wait, m.RenderSubchartNotes = types.BoolValue(true), types.BoolValue(true)
	m.Timeout, m.MaxHistory = types.Int64Value(numbers["timeout"]), types.Int64Value(numbers["max_history"])
}
