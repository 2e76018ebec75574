// Package tfplugin serves Terraform providers of this program: it speaks
// plugin protocol 5 for a schema in the form of `terraform providers schema
// -json` and leaves to each resource only what is its own, which is making,
// reading, changing and removing one thing. It also lays out the filesystem
// mirror in which Terraform finds these providers.
package tfplugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"
	"github.com/zclconf/go-cty/cty"
)

// Provider is one provider: where it has its name from, its schema, and the
// resources behind that schema. C is the client that Configure makes and
// every resource gets.
type Provider[C any] struct {
	// Source is the provider's full address, such as
	// registry.terraform.io/vultr/vultr.
	Source string
	Schema *tfjson.ProviderSchema
	// EnvDefaults names, for a configuration attribute, the environment
	// variables that stand in for it, best first.
	EnvDefaults map[string][]string
	// LegacyTypes tells Terraform that this provider behaves as those built
	// on SDKv2 do: a plan may hold something else than the configuration.
	LegacyTypes bool
	// Configure makes the client. It is called once, before any resource.
	Configure   func(ctx context.Context, config Object) (C, error)
	Resources   map[string]*Resource[C]
	DataSources map[string]*DataSource[C]
}

// Resource is what one resource type does. Create, Read and Delete are
// required; a resource without Update has every configurable attribute in
// ForceNew.
type Resource[C any] struct {
	// ForceNew names the attributes and blocks whose change replaces it.
	ForceNew []string
	// Computed names the blocks that the API fills in when the configuration
	// has none of them; a schema does not say so of blocks.
	Computed []string
	// Defaults holds the values of attributes that the configuration leaves
	// out, as Go values. "block.attribute" is an attribute of a nested block.
	Defaults map[string]any
	// Refused names attributes and blocks that are in the schema and that
	// this provider does not serve, with the reason. Setting one to anything
	// that differs from leaving it out is an error.
	Refused map[string]string
	// StateFuncs turn a configured string into what is kept in the state.
	StateFuncs map[string]func(string) string
	// Same says that two strings mean the same to the provider.
	Same map[string]func(a, b string) bool

	// Validate judges a configuration that may still hold unknown values.
	Validate func(config Object) error
	// Plan adjusts a planned creation or change.
	Plan func(p *Plan) error

	// Create makes the thing. Once it has called SetID the thing is kept in
	// the state, as tainted when Create then fails.
	Create func(ctx context.Context, client C, d *Data) error
	// Read brings the state up to date, or calls Gone.
	Read   func(ctx context.Context, client C, d *Data) error
	Update func(ctx context.Context, client C, d *Data) error
	Delete func(ctx context.Context, client C, d *Data) error
}

// ParseSchema reads one provider's schema out of a document as `terraform
// providers schema -json` prints it.
func ParseSchema(document []byte, source string) (*tfjson.ProviderSchema, error) {
	var all tfjson.ProviderSchemas
	if err := json.Unmarshal(document, &all); err != nil {
		return nil, fmt.Errorf("schema of %s: %w", source, err)
	}
	s, ok := all.Schemas[source]
	if !ok || s.ConfigSchema == nil {
		return nil, fmt.Errorf("schema of %s: the document does not hold it", source)
	}
	return s, nil
}

// Serve answers Terraform on this process's standard streams until Terraform
// is done with it. It fits reexec.Helper; the result is the exit code.
func Serve[C any](p *Provider[C]) int {
	server, err := NewServer(p)
	if err == nil {
		err = tf5server.Serve(p.Source, func() tfprotov5.ProviderServer { return server })
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "skysail: provider %s: %v\n", p.Source, err)
		return 1
	}
	return 0
}

// NewServer checks that a provider is whole and returns its protocol server.
func NewServer[C any](p *Provider[C]) (tfprotov5.ProviderServer, error) {
	s := &server[C]{provider: p, resources: map[string]*served[C]{}, sources: map[string]*source[C]{}}
	var problems []error
	for name, r := range p.Resources {
		sv, err := serve(p.Schema, name, r)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
			continue
		}
		s.resources[name] = sv
	}
	for name, d := range p.DataSources {
		src, err := serveSource(p.Schema, name, d)
		if err != nil {
			problems = append(problems, fmt.Errorf("data source %s: %w", name, err))
			continue
		}
		s.sources[name] = src
	}
	for name := range p.EnvDefaults {
		if _, ok := p.Schema.ConfigSchema.Block.Attributes[name]; !ok {
			problems = append(problems, fmt.Errorf("provider configuration has no attribute %q", name))
		}
	}
	return s, errors.Join(problems...)
}

// served is a resource with its schema and what can be worked out of it once.
type served[C any] struct {
	*Resource[C]
	schema   *tfjson.Schema
	ty       cty.Type
	defaults map[string]cty.Value
	// blockDefaults are by block and attribute.
	blockDefaults map[string]map[string]cty.Value
	forceNew      map[string]bool
}

func serve[C any](schema *tfjson.ProviderSchema, name string, r *Resource[C]) (*served[C], error) {
	rs, ok := schema.ResourceSchemas[name]
	if !ok {
		return nil, errors.New("the schema does not have it")
	}
	if r.Create == nil || r.Read == nil || r.Delete == nil {
		return nil, errors.New("it can not be created, read and deleted")
	}
	sv := &served[C]{
		Resource: r, schema: rs, ty: blockType(rs.Block), defaults: map[string]cty.Value{},
		blockDefaults: map[string]map[string]cty.Value{}, forceNew: map[string]bool{},
	}
	var unknown []string
	known := func(name string) {
		if !sv.ty.HasAttribute(name) {
			unknown = append(unknown, name)
		}
	}
	for name, v := range r.Defaults {
		at, in, into := rs.Block, name, sv.defaults
		if block, attribute, ok := strings.Cut(name, "."); ok {
			if rs.Block.NestedBlocks[block] == nil {
				unknown = append(unknown, "block "+block)
				continue
			}
			if sv.blockDefaults[block] == nil {
				sv.blockDefaults[block] = map[string]cty.Value{}
			}
			at, in, into = rs.Block.NestedBlocks[block].Block, attribute, sv.blockDefaults[block]
		}
		a, ok := at.Attributes[in]
		if !ok {
			unknown = append(unknown, name)
			continue
		}
		cv, err := toCty(v, a.AttributeType)
		if err != nil {
			return nil, fmt.Errorf("default of %s: %w", name, err)
		}
		into[in] = cv
	}
	for _, name := range r.Computed {
		if rs.Block.NestedBlocks[name] == nil {
			unknown = append(unknown, "block "+name)
		}
	}
	for _, name := range r.ForceNew {
		known(name)
		sv.forceNew[name] = true
	}
	for name := range r.Refused {
		known(name)
	}
	for name := range r.StateFuncs {
		known(name)
	}
	for name := range r.Same {
		known(name)
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("the schema has no %s", strings.Join(unknown, ", "))
	}
	return sv, nil
}
