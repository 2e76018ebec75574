package tfplugin

import (
	"context"
	"errors"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/zclconf/go-cty/cty"
)

// DataSource is what one data source does: it looks something up.
type DataSource[C any] struct {
	// Refused is as for a Resource.
	Refused map[string]string
	// Read sets what the configuration, which is d itself, asks for. Not to
	// find it is an error.
	Read func(ctx context.Context, client C, d *Data) error
}

// source is a data source with its schema.
type source[C any] struct {
	*DataSource[C]
	schema *tfjson.Schema
	ty     cty.Type
}

func serveSource[C any](schema *tfjson.ProviderSchema, name string, d *DataSource[C]) (*source[C], error) {
	ds, ok := schema.DataSourceSchemas[name]
	if !ok {
		return nil, errors.New("the schema does not have it")
	}
	if d.Read == nil {
		return nil, errors.New("it can not be read")
	}
	s := &source[C]{DataSource: d, schema: ds, ty: blockType(ds.Block)}
	for attribute := range d.Refused {
		if !s.ty.HasAttribute(attribute) {
			return nil, errors.New("the schema has no " + attribute)
		}
	}
	return s, nil
}

func (s *server[C]) ValidateDataSourceConfig(_ context.Context, req *tfprotov5.ValidateDataSourceConfigRequest) (*tfprotov5.ValidateDataSourceConfigResponse, error) {
	src, ok := s.sources[req.TypeName]
	if !ok {
		return &tfprotov5.ValidateDataSourceConfigResponse{Diagnostics: notServed("data source", req.TypeName)}, nil
	}
	config, err := decode(req.Config, src.ty)
	if err != nil {
		return nil, err
	}
	return &tfprotov5.ValidateDataSourceConfigResponse{Diagnostics: diagnostics(refusals(req.TypeName, config, src.Refused, nil))}, nil
}

// ReadDataSource is called once all of the configuration is known.
func (s *server[C]) ReadDataSource(ctx context.Context, req *tfprotov5.ReadDataSourceRequest) (*tfprotov5.ReadDataSourceResponse, error) {
	src, ok := s.sources[req.TypeName]
	if !ok {
		return &tfprotov5.ReadDataSourceResponse{Diagnostics: notServed("data source", req.TypeName)}, nil
	}
	config, err := decode(req.Config, src.ty)
	if err != nil {
		return nil, err
	}
	d := newData(src.ty, config, cty.NullVal(src.ty), config)
	err = errors.Join(src.Read(ctx, s.client, d), d.err)
	resp := &tfprotov5.ReadDataSourceResponse{Diagnostics: append(diagnostics(err), warnings(d.notes)...)}
	if err != nil {
		return resp, nil //nolint:nilerr // the answer says it
	}
	resp.State, err = encode(d.result(), src.ty)
	return resp, err
}
