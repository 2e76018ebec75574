package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"helm.sh/helm/v4/pkg/action"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	v1 "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"
)

// release is helm_release. What version 3.1.2 does to its users' sorrow, it
// does too, for whoever deploys through it has to live with that:
//
//   - A failed installation is in the cluster (without atomic) and not in the
//     state.
//   - When the cluster can not be asked, a refresh takes the release out of the
//     state, and a destroy succeeds without having removed anything.
//   - A change of a live object is no drift: only the release's record is read.
type release struct{ cluster *cluster }

func (r *release) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = resourceName
}

func (r *release) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = resourceSchema()
}

func (r *release) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	r.cluster, _ = req.ProviderData.(*cluster)
}

func (r *release) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m model
	if resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	rel, err := r.create(ctx, &m)
	if err != nil {
		exists, known := r.exists(&m)
		if rel != nil && known == nil && exists {
			resp.Diagnostics.AddWarning("Helm release created with warnings", fmt.Sprintf(
				"Helm release %q was created but has a failed status. Use the `helm` command to investigate the error, correct it, then run Terraform again.", m.Name.ValueString()))
			resp.Diagnostics.AddError("Helm release error", err.Error())
			return
		}
		resp.Diagnostics.AddError("installation failed", err.Error())
		return
	}
	if resp.Diagnostics.Append(m.take(ctx, rel)...); !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	}
}

func (r *release) create(ctx context.Context, m *model) (*v1.Release, error) {
	cfg, err := r.cluster.configuration(m.Namespace.ValueString())
	if err != nil {
		return nil, err
	}
	ch, values, err := m.inputs(ctx)
	if err != nil {
		return nil, err
	}
	if m.UpgradeInstall.ValueBool() {
		if _, err := get(cfg, m.Name.ValueString()); err == nil {
			return upgrade(cfg, m, ch, values)
		} else if !errors.Is(err, driver.ErrReleaseNotFound) {
			return nil, err
		}
	}
	return install(cfg, m, ch, values)
}

func (r *release) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m model
	if resp.Diagnostics.Append(req.State.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	rel, err := r.find(&m)
	if err != nil {
		resp.State.RemoveResource(ctx) // whatever the error is, as 3.1.2 does
		return
	}
	if resp.Diagnostics.Append(m.take(ctx, rel)...); !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	}
}

func (r *release) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var m model
	if resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	rel, err := r.update(ctx, &m)
	if err != nil {
		resp.Diagnostics.AddError("Error upgrading chart", "Upgrade failed: "+err.Error())
		return
	}
	if resp.Diagnostics.Append(m.take(ctx, rel)...); !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	}
}

func (r *release) update(ctx context.Context, m *model) (*v1.Release, error) {
	cfg, err := r.cluster.configuration(m.Namespace.ValueString())
	if err != nil {
		return nil, err
	}
	ch, values, err := m.inputs(ctx)
	if err != nil {
		return nil, err
	}
	return upgrade(cfg, m, ch, values)
}

func (r *release) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m model
	if resp.Diagnostics.Append(req.State.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	if exists, _ := r.exists(&m); !exists {
		return // whatever the reason is, as 3.1.2 does
	}
	name := m.Name.ValueString()
	cfg, err := r.cluster.configuration(m.Namespace.ValueString())
	if err == nil {
		u := action.NewUninstall(cfg)
		u.WaitStrategy, u.DisableHooks, u.Timeout = m.strategy(), m.DisableWebhooks.ValueBool(), m.patience()
		_, err = u.Run(name)
	}
	if err != nil {
		resp.Diagnostics.AddError("Error uninstalling release", fmt.Sprintf("Unable to uninstall Helm release %s: %s", name, err))
	}
}

// ImportState takes NAMESPACE/NAME, or NAME in the namespace "default".
func (r *release) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	namespace, name, ok := strings.Cut(req.ID, "/")
	if !ok {
		namespace, name = "default", req.ID
	}
	var m model
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("namespace"), namespace)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("name"), name)...)
	if resp.Diagnostics.Append(resp.State.Get(ctx, &m)...); resp.Diagnostics.HasError() {
		return
	}
	rel, err := r.find(&m)
	if err != nil {
		resp.Diagnostics.AddError("Error getting release", fmt.Sprintf("Unable to get Helm release %s: %s", name, err))
		return
	}
	m.Chart = types.StringValue(rel.Chart.Metadata.Name)
	m.setDefaults()
	if resp.Diagnostics.Append(m.take(ctx, rel)...); !resp.Diagnostics.HasError() {
		m.Description = types.StringValue(rel.Info.Description)
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	}
}

// exists says whether the cluster has the release, and whether that is known.
func (r *release) exists(m *model) (bool, error) {
	_, err := r.find(m)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (r *release) find(m *model) (*v1.Release, error) {
	cfg, err := r.cluster.configuration(m.Namespace.ValueString())
	if err != nil {
		return nil, err
	}
	return get(cfg, m.Name.ValueString())
}

// inputs are the chart and what it is given.
func (m *model) inputs(ctx context.Context) (*chart.Chart, map[string]any, error) {
	if missing := m.unserved(); len(missing) > 0 {
		slices.Sort(missing)
		return nil, nil, fmt.Errorf("the sandbox's helm provider does not serve %s", strings.Join(missing, ", "))
	}
	ch, err := loader.Load(m.Chart.ValueString())
	if err != nil {
		return nil, nil, fmt.Errorf("unable to load chart %s: %w", m.Chart.ValueString(), err)
	}
	if t := ch.Metadata.Type; t != "" && t != "application" {
		return nil, nil, fmt.Errorf("%s charts are not installable", t)
	}
	values, err := m.values(ctx)
	return ch, values, err
}

// diagnosed turns the framework's findings into an error.
func diagnosed(ds diag.Diagnostics) error {
	var errs []error
	for _, d := range ds.Errors() {
		errs = append(errs, fmt.Errorf("%s: %s", d.Summary(), d.Detail()))
	}
	return errors.Join(errs...)
}
