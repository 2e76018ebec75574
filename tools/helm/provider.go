package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

type helm struct{}

func newProvider() provider.Provider { return helm{} }

func (helm) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName, resp.Version = "helm", version
}

func (helm) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = configSchema()
}

func (helm) DataSources(context.Context) []func() datasource.DataSource { return nil }

func (helm) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &release{} }}
}

// config is the provider block.
type config struct {
	BurstLimit           types.Float64 `tfsdk:"burst_limit"`
	Debug                types.Bool    `tfsdk:"debug"`
	Experiments          types.Object  `tfsdk:"experiments"`
	HelmDriver           types.String  `tfsdk:"helm_driver"`
	Kubernetes           *kubernetes   `tfsdk:"kubernetes"`
	PluginsPath          types.String  `tfsdk:"plugins_path"`
	QPS                  types.Float64 `tfsdk:"qps"`
	Registries           types.List    `tfsdk:"registries"`
	RegistryConfigPath   types.String  `tfsdk:"registry_config_path"`
	RepositoryCache      types.String  `tfsdk:"repository_cache"`
	RepositoryConfigPath types.String  `tfsdk:"repository_config_path"`
}

// kubernetes says which cluster, and as whom.
type kubernetes struct {
	ClientCertificate     types.String `tfsdk:"client_certificate"`
	ClientKey             types.String `tfsdk:"client_key"`
	ClusterCACertificate  types.String `tfsdk:"cluster_ca_certificate"`
	ConfigContext         types.String `tfsdk:"config_context"`
	ConfigContextAuthInfo types.String `tfsdk:"config_context_auth_info"`
	ConfigContextCluster  types.String `tfsdk:"config_context_cluster"`
	ConfigPath            types.String `tfsdk:"config_path"`
	ConfigPaths           []string     `tfsdk:"config_paths"`
	Exec                  *execConfig  `tfsdk:"exec"`
	Host                  types.String `tfsdk:"host"`
	Insecure              types.Bool   `tfsdk:"insecure"`
	Password              types.String `tfsdk:"password"`
	ProxyURL              types.String `tfsdk:"proxy_url"`
	TLSServerName         types.String `tfsdk:"tls_server_name"`
	Token                 types.String `tfsdk:"token"`
	Username              types.String `tfsdk:"username"`
}

type execConfig struct {
	APIVersion types.String      `tfsdk:"api_version"`
	Args       []string          `tfsdk:"args"`
	Command    types.String      `tfsdk:"command"`
	Env        map[string]string `tfsdk:"env"`
}

func (helm) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var c config
	resp.Diagnostics.Append(req.Config.Get(ctx, &c)...)
	if resp.Diagnostics.HasError() {
		return
	}
	for name, set := range map[string]bool{"experiments": !c.Experiments.IsNull(), "registries": !c.Registries.IsNull(), "plugins_path": !c.PluginsPath.IsNull()} {
		if set {
			resp.Diagnostics.AddAttributeError(path.Root(name), "Not served by the stand-in", fmt.Sprintf("The sandbox's helm provider has no %q.", name))
		}
	}
	if c.Kubernetes == nil {
		c.Kubernetes = &kubernetes{}
	}
	c.Kubernetes.fromEnvironment()
	cl := &cluster{kubernetes: c.Kubernetes, driver: first(c.HelmDriver, "HELM_DRIVER"), qps: c.QPS.ValueFloat64(), burst: int(c.BurstLimit.ValueFloat64())}
	resp.ResourceData = cl
}

// fromEnvironment fills in what the block leaves out from the variables that
// the provider documents.
func (k *kubernetes) fromEnvironment() {
	for name, field := range map[string]*types.String{
		"KUBE_HOST": &k.Host, "KUBE_USER": &k.Username, "KUBE_PASSWORD": &k.Password, "KUBE_TLS_SERVER_NAME": &k.TLSServerName,
		"KUBE_CLIENT_CERT_DATA": &k.ClientCertificate, "KUBE_CLIENT_KEY_DATA": &k.ClientKey, "KUBE_CLUSTER_CA_CERT_DATA": &k.ClusterCACertificate,
		"KUBE_CONFIG_PATH": &k.ConfigPath, "KUBE_CTX": &k.ConfigContext, "KUBE_CTX_AUTH_INFO": &k.ConfigContextAuthInfo,
		"KUBE_CTX_CLUSTER": &k.ConfigContextCluster, "KUBE_TOKEN": &k.Token, "KUBE_PROXY_URL": &k.ProxyURL,
	} {
		if v := os.Getenv(name); field.IsNull() && v != "" {
			*field = types.StringValue(v)
		}
	}
	if v, err := strconv.ParseBool(os.Getenv("KUBE_INSECURE")); err == nil && k.Insecure.IsNull() {
		k.Insecure = types.BoolValue(v)
	}
}

func first(v types.String, env string) string {
	if !v.IsNull() {
		return v.ValueString()
	}
	return os.Getenv(env)
}
