package tfplugin

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/zclconf/go-cty/cty"
)

// server answers the protocol's calls. The calls of a kind that no provider
// here has are answered in unserved.
type server[C any] struct {
	unserved
	provider  *Provider[C]
	resources map[string]*served[C]
	sources   map[string]*source[C]
	client    C
}

func (s *server[C]) GetMetadata(context.Context, *tfprotov5.GetMetadataRequest) (*tfprotov5.GetMetadataResponse, error) {
	resp := &tfprotov5.GetMetadataResponse{ServerCapabilities: &tfprotov5.ServerCapabilities{}}
	for name := range s.resources {
		resp.Resources = append(resp.Resources, tfprotov5.ResourceMetadata{TypeName: name})
	}
	for name := range s.sources {
		resp.DataSources = append(resp.DataSources, tfprotov5.DataSourceMetadata{TypeName: name})
	}
	return resp, nil
}

func (s *server[C]) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	config, err := s.provider.configSchema()
	if err != nil {
		return nil, err
	}
	resp := &tfprotov5.GetProviderSchemaResponse{
		ServerCapabilities: &tfprotov5.ServerCapabilities{},
		Provider:           config,
		ResourceSchemas:    map[string]*tfprotov5.Schema{},
		DataSourceSchemas:  map[string]*tfprotov5.Schema{},
	}
	for name, src := range s.sources {
		if resp.DataSourceSchemas[name], err = protoSchema(src.schema); err != nil {
			return nil, fmt.Errorf("data source %s: %w", name, err)
		}
	}
	for name, r := range s.resources {
		if resp.ResourceSchemas[name], err = protoSchema(r.schema); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return resp, nil
}

func (s *server[C]) GetResourceIdentitySchemas(context.Context, *tfprotov5.GetResourceIdentitySchemasRequest) (*tfprotov5.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov5.GetResourceIdentitySchemasResponse{IdentitySchemas: map[string]*tfprotov5.ResourceIdentitySchema{}}, nil
}

func (s *server[C]) PrepareProviderConfig(_ context.Context, req *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: req.Config}, nil
}

func (s *server[C]) ConfigureProvider(ctx context.Context, req *tfprotov5.ConfigureProviderRequest) (*tfprotov5.ConfigureProviderResponse, error) {
	config, err := decode(req.Config, blockType(s.provider.Schema.ConfigSchema.Block))
	if err != nil {
		return nil, err
	}
	if !config.IsNull() {
		attrs := config.AsValueMap()
		for name := range s.provider.EnvDefaults {
			if v, ok := s.provider.envDefault(name); ok && attrs[name].IsNull() {
				cv, err := toCty(cty.StringVal(v), attrs[name].Type())
				if err != nil {
					return &tfprotov5.ConfigureProviderResponse{Diagnostics: diagnostics(&Problem{ //nolint:nilerr // the answer says it
						Summary:   fmt.Sprintf("the environment's value for %s is not a %s", name, attrs[name].Type().FriendlyName()),
						Attribute: name,
						Err:       err,
					})}, nil
				}
				attrs[name] = cv
			}
		}
		config = cty.ObjectVal(attrs)
	}
	s.client, err = s.provider.Configure(ctx, Object{config})
	return &tfprotov5.ConfigureProviderResponse{Diagnostics: diagnostics(err)}, nil
}

// StopProvider has nothing to do of its own: the server around it ends the
// context of every call under way, and handlers return with what they have.
func (s *server[C]) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	return &tfprotov5.StopProviderResponse{}, nil
}

func (s *server[C]) resource(name string) (*served[C], error) {
	if r, ok := s.resources[name]; ok {
		return r, nil
	}
	return nil, fmt.Errorf("provider %s, as skysail serves it, has no resource %s", s.provider.Source, name)
}
