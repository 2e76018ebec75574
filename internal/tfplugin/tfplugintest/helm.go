package tfplugintest

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"skysail/internal/reexec"
	"skysail/internal/tfplugin"
)

// The Helm provider's address and the version whose schema this is.
const (
	HelmSource  = "registry.terraform.io/hashicorp/helm"
	HelmVersion = "3.1.2"
	helmHelper  = "schema-helm"
)

// helmSchema is what `terraform providers schema -json` says of it, without
// descriptions.
//
//go:embed helm.json
var helmSchema []byte

func init() {
	reexec.Register(helmHelper, func([]string) int {
		err := tf6server.Serve(HelmSource, func() tfprotov6.ProviderServer { return &schemaServer{} })
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	})
}

// Helm is a provider that has the real one's schema and nothing behind it:
// enough for validate, plan and `terraform test` with a mock. It has protocol
// 6, which its nested attributes need.
func Helm() tfplugin.Release {
	return tfplugin.Release{Source: HelmSource, Version: HelmVersion, Helper: helmHelper}
}

// HelmSchema is the schema that Helm serves.
func HelmSchema() (*tfjson.ProviderSchema, error) {
	return tfplugin.ParseSchema(helmSchema, HelmSource)
}

// schemaServer answers what Terraform asks before an apply. The calls that it
// does not have belong to kinds of things that the provider has not.
type schemaServer struct {
	tfprotov6.ProviderServer
}

func (s *schemaServer) GetMetadata(context.Context, *tfprotov6.GetMetadataRequest) (*tfprotov6.GetMetadataResponse, error) {
	return nil, errors.New("not served: Terraform asks for the schema instead")
}

func (s *schemaServer) GetProviderSchema(context.Context, *tfprotov6.GetProviderSchemaRequest) (*tfprotov6.GetProviderSchemaResponse, error) {
	schema, err := HelmSchema()
	if err != nil {
		return nil, err
	}
	resp := &tfprotov6.GetProviderSchemaResponse{
		ServerCapabilities: &tfprotov6.ServerCapabilities{}, ResourceSchemas: map[string]*tfprotov6.Schema{},
	}
	if resp.Provider, err = schemaOf(schema.ConfigSchema); err != nil {
		return nil, err
	}
	for name, r := range schema.ResourceSchemas {
		if resp.ResourceSchemas[name], err = schemaOf(r); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

func (s *schemaServer) GetResourceIdentitySchemas(context.Context, *tfprotov6.GetResourceIdentitySchemasRequest) (*tfprotov6.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov6.GetResourceIdentitySchemasResponse{}, nil
}

func (s *schemaServer) ValidateProviderConfig(_ context.Context, r *tfprotov6.ValidateProviderConfigRequest) (*tfprotov6.ValidateProviderConfigResponse, error) {
	return &tfprotov6.ValidateProviderConfigResponse{PreparedConfig: r.Config}, nil
}

func (s *schemaServer) ConfigureProvider(context.Context, *tfprotov6.ConfigureProviderRequest) (*tfprotov6.ConfigureProviderResponse, error) {
	return &tfprotov6.ConfigureProviderResponse{}, nil
}

func (s *schemaServer) StopProvider(context.Context, *tfprotov6.StopProviderRequest) (*tfprotov6.StopProviderResponse, error) {
	return &tfprotov6.StopProviderResponse{}, nil
}

func (s *schemaServer) ValidateResourceConfig(context.Context, *tfprotov6.ValidateResourceConfigRequest) (*tfprotov6.ValidateResourceConfigResponse, error) {
	return &tfprotov6.ValidateResourceConfigResponse{}, nil
}

// PlanResourceChange leaves to the apply what is computed and not given.
func (s *schemaServer) PlanResourceChange(_ context.Context, r *tfprotov6.PlanResourceChangeRequest) (*tfprotov6.PlanResourceChangeResponse, error) {
	schema, err := HelmSchema()
	if err != nil {
		return nil, err
	}
	known := schema.ResourceSchemas[r.TypeName]
	ps, err := schemaOf(known)
	if err != nil {
		return nil, err
	}
	v, err := r.ProposedNewState.Unmarshal(ps.ValueType())
	if err != nil {
		return nil, err
	}
	if !v.IsNull() {
		var attrs map[string]tftypes.Value
		if err := v.As(&attrs); err != nil {
			return nil, err
		}
		for name, a := range known.Block.Attributes {
			if a.Computed && attrs[name].IsNull() {
				attrs[name] = tftypes.NewValue(attrs[name].Type(), tftypes.UnknownValue)
			}
		}
		v = tftypes.NewValue(v.Type(), attrs)
	}
	planned, err := tfprotov6.NewDynamicValue(v.Type(), v)
	return &tfprotov6.PlanResourceChangeResponse{PlannedState: &planned}, err
}
