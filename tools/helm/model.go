package main

import "github.com/hashicorp/terraform-plugin-framework/types"

// model is helm_release as it stands in a configuration, plan or state.
type model struct {
	Atomic                   types.Bool   `tfsdk:"atomic"`
	Chart                    types.String `tfsdk:"chart"`
	CleanupOnFail            types.Bool   `tfsdk:"cleanup_on_fail"`
	CreateNamespace          types.Bool   `tfsdk:"create_namespace"`
	DependencyUpdate         types.Bool   `tfsdk:"dependency_update"`
	Description              types.String `tfsdk:"description"`
	Devel                    types.Bool   `tfsdk:"devel"`
	DisableCRDHooks          types.Bool   `tfsdk:"disable_crd_hooks"`
	DisableOpenAPIValidation types.Bool   `tfsdk:"disable_openapi_validation"`
	DisableWebhooks          types.Bool   `tfsdk:"disable_webhooks"`
	ForceUpdate              types.Bool   `tfsdk:"force_update"`
	ID                       types.String `tfsdk:"id"`
	Keyring                  types.String `tfsdk:"keyring"`
	Lint                     types.Bool   `tfsdk:"lint"`
	Manifest                 types.String `tfsdk:"manifest"`
	MaxHistory               types.Int64  `tfsdk:"max_history"`
	Metadata                 types.Object `tfsdk:"metadata"`
	Name                     types.String `tfsdk:"name"`
	Namespace                types.String `tfsdk:"namespace"`
	PassCredentials          types.Bool   `tfsdk:"pass_credentials"`
	PostRender               types.Object `tfsdk:"postrender"`
	RecreatePods             types.Bool   `tfsdk:"recreate_pods"`
	RenderSubchartNotes      types.Bool   `tfsdk:"render_subchart_notes"`
	Replace                  types.Bool   `tfsdk:"replace"`
	Repository               types.String `tfsdk:"repository"`
	RepositoryCAFile         types.String `tfsdk:"repository_ca_file"`
	RepositoryCertFile       types.String `tfsdk:"repository_cert_file"`
	RepositoryKeyFile        types.String `tfsdk:"repository_key_file"`
	RepositoryPassword       types.String `tfsdk:"repository_password"`
	RepositoryUsername       types.String `tfsdk:"repository_username"`
	ResetValues              types.Bool   `tfsdk:"reset_values"`
	Resources                types.Map    `tfsdk:"resources"`
	ReuseValues              types.Bool   `tfsdk:"reuse_values"`
	Set                      types.List   `tfsdk:"set"`
	SetList                  types.List   `tfsdk:"set_list"`
	SetSensitive             types.List   `tfsdk:"set_sensitive"`
	SetWO                    types.List   `tfsdk:"set_wo"`
	SetWORevision            types.Int64  `tfsdk:"set_wo_revision"`
	SkipCRDs                 types.Bool   `tfsdk:"skip_crds"`
	Status                   types.String `tfsdk:"status"`
	TakeOwnership            types.Bool   `tfsdk:"take_ownership"`
	Timeout                  types.Int64  `tfsdk:"timeout"`
	Timeouts                 types.Object `tfsdk:"timeouts"`
	UpgradeInstall           types.Bool   `tfsdk:"upgrade_install"`
	Values                   types.List   `tfsdk:"values"`
	Verify                   types.Bool   `tfsdk:"verify"`
	Version                  types.String `tfsdk:"version"`
	Wait                     types.Bool   `tfsdk:"wait"`
	WaitForJobs              types.Bool   `tfsdk:"wait_for_jobs"`
}

// setValue is an element of set, set_sensitive and set_wo.
type setValue struct {
	Name  types.String `tfsdk:"name"`
	Type  types.String `tfsdk:"type"`
	Value types.String `tfsdk:"value"`
}

// setList is an element of set_list.
type setList struct {
	Name  types.String `tfsdk:"name"`
	Value []string     `tfsdk:"value"`
}

// unserved names what a configuration asks for and this stand-in lacks.
func (m *model) unserved() []string {
	var out []string
	for name, set := range map[string]bool{
		"dependency_update": m.DependencyUpdate.ValueBool(), "devel": m.Devel.ValueBool(), "disable_crd_hooks": m.DisableCRDHooks.ValueBool(),
		"keyring": !m.Keyring.IsNull(), "lint": m.Lint.ValueBool(), "pass_credentials": m.PassCredentials.ValueBool(),
		"postrender": !m.PostRender.IsNull(), "recreate_pods": m.RecreatePods.ValueBool(), "repository": !m.Repository.IsNull(),
		"repository_ca_file": !m.RepositoryCAFile.IsNull(), "repository_cert_file": !m.RepositoryCertFile.IsNull(),
		"repository_key_file": !m.RepositoryKeyFile.IsNull(), "repository_password": !m.RepositoryPassword.IsNull(),
		"repository_username": !m.RepositoryUsername.IsNull(), "set_wo": !m.SetWO.IsNull(), "timeouts": !m.Timeouts.IsNull(),
		"verify": m.Verify.ValueBool(),
	} {
		if set {
			out = append(out, name)
		}
	}
	return out
}
