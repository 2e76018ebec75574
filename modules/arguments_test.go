package modules_test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	tfjson "github.com/hashicorp/terraform-json"

	"skysail/internal/tfplugin"
	"skysail/internal/tfplugin/tfplugintest"
	"skysail/modules"
)

// Every argument of every module exists in the real provider's schema, may be
// set, is not deprecated, and none that is required is missing. `terraform
// validate` says the same, but only where the real provider can be had.
func TestArguments(t *testing.T) {
	for module, p := range map[string]struct{ file, source string }{
		"digitalocean": {"digitalocean.json", "registry.terraform.io/digitalocean/digitalocean"},
		"vultr":        {"vultr.json", "registry.terraform.io/vultr/vultr"},
		"aws":          {"aws.json", "registry.terraform.io/hashicorp/aws"},
		"gcp":          {"google.json", "registry.terraform.io/hashicorp/google"},
		"kubernetes":   {"helm.json", "registry.terraform.io/hashicorp/helm"},
		"local":        {"", "skysail.internal/skysail/local"},
	} {
		t.Run(module, func(t *testing.T) {
			c := checker{schema: schemaOf(t, p.file, p.source)}
			files, err := fs.Glob(modules.FS, module+"/*.tf")
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				c.file(t, file, read(t, file))
			}
			for _, problem := range c.problems {
				if !slices.ContainsFunc(beyondTheFile, func(known string) bool { return strings.HasSuffix(problem, ": "+known) }) {
					t.Error(problem)
				}
			}
			if c.resources == 0 {
				t.Errorf("%s makes nothing", module)
			}
		})
	}
}

// beyondTheFile is what the schema file of AWS lacks, which is rebuilt from
// published bindings and not printed by the provider. Each is in the provider's
// documentation: registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/
// key_pair, vpc_security_group_ingress_rule, instance.
var beyondTheFile = []string{
	"aws_key_pair has no argument tags",
	"aws_vpc_security_group_ingress_rule.to_port can not be set",
	"aws_instance.vpc_security_group_ids can not be set",
}

// schemaOf is the real provider's schema, or our own provider's.
func schemaOf(t *testing.T, file, source string) *tfjson.ProviderSchema {
	t.Helper()
	if file != "" {
		return tfplugintest.Published(t, file, source)
	}
	b, err := os.ReadFile("../clouds/local/plugin/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	s, err := tfplugin.ParseSchema(b, source)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The check finds each kind of mistake.
func TestArgumentsMistakes(t *testing.T) {
	c := checker{schema: schemaOf(t, "", "skysail.internal/skysail/local")}
	c.file(t, "bad.tf", `
resource "local_service" "instance" {
  count         = 1
  deployment_id = "d"
  nme           = "a"
  address       = "a"
  port {
  }
  dynamic "port" {
    for_each = []
    content {}
  }
}

resource "local_network" "n" {
}

output "x" {
  value = local_service.instance[0].location
}
`)
	want := []string{
		"has no argument nme", "local_service.address can not be set", "needs the argument name", "local_service has no block port",
		"local_service has no block port", "no resource local_network", "local_service has no attribute location",
	}
	for _, w := range want {
		i := slices.IndexFunc(c.problems, func(p string) bool { return strings.Contains(p, w) })
		if i < 0 {
			t.Errorf("it did not find %q", w)
			continue
		}
		c.problems = slices.Delete(c.problems, i, i+1)
	}
	if len(c.problems) > 0 {
		t.Errorf("and these it should not find: %q", c.problems)
	}
}

type checker struct {
	schema    *tfjson.ProviderSchema
	resources int
	problems  []string
}

// meta are Terraform's own arguments and blocks of a resource.
var meta = map[string]bool{
	"count": true, "for_each": true, "depends_on": true, "provider": true, "lifecycle": true, "timeouts": false,
}

func (c *checker) file(t *testing.T, name, src string) {
	t.Helper()
	f, diags := hclsyntax.ParseConfig([]byte(src), path.Base(name), hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	body := f.Body.(*hclsyntax.Body) //nolint:forcetypeassert // what ParseConfig makes
	c.references(body)
	for _, b := range body.Blocks {
		var all map[string]*tfjson.Schema
		switch b.Type {
		case "resource":
			all = c.schema.ResourceSchemas
		case "data":
			all = c.schema.DataSourceSchemas
		default:
			continue
		}
		c.resources++
		s, ok := all[b.Labels[0]]
		if !ok {
			c.problem(b.TypeRange, "the provider has no %s %s", b.Type, b.Labels[0])
			continue
		}
		c.block(b.Labels[0], b.Body, s.Block, true)
	}
}

func (c *checker) problem(at hcl.Range, format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf("%s: %s", at, fmt.Sprintf(format, args...)))
}

// block holds one block of a module against its schema. The outermost may
// hold Terraform's own arguments.
func (c *checker) block(where string, b *hclsyntax.Body, s *tfjson.SchemaBlock, outermost bool) {
	for name, a := range b.Attributes {
		if outermost && meta[name] {
			continue
		}
		switch as := s.Attributes[name]; {
		case as == nil:
			c.problem(a.NameRange, "%s has no argument %s", where, name)
		case !as.Optional && !as.Required:
			c.problem(a.NameRange, "%s.%s can not be set", where, name)
		case as.Deprecated:
			c.problem(a.NameRange, "%s.%s is deprecated", where, name)
		}
	}
	for name, as := range s.Attributes {
		if as.Required && b.Attributes[name] == nil {
			c.problem(b.SrcRange, "%s needs the argument %s", where, name)
		}
	}
	count := map[string]uint64{}
	for _, n := range b.Blocks {
		name, body := n.Type, n.Body
		if outermost && meta[name] {
			continue
		}
		if name == "dynamic" {
			name = n.Labels[0]
			for _, inner := range n.Body.Blocks {
				if inner.Type == "content" {
					body = inner.Body
				}
			}
		}
		count[name]++
		ns, ok := s.NestedBlocks[name]
		if !ok {
			c.problem(n.TypeRange, "%s has no block %s", where, name)
			continue
		}
		if ns.Block.Deprecated {
			c.problem(n.TypeRange, "%s.%s is deprecated", where, name)
		}
		c.block(where+"."+name, body, ns.Block, false)
	}
	for name, ns := range s.NestedBlocks {
		if count[name] < ns.MinItems {
			c.problem(b.SrcRange, "%s needs the block %s", where, name)
		}
		if ns.MaxItems > 0 && count[name] > ns.MaxItems {
			c.problem(b.SrcRange, "%s may have %d of the block %s, not %d", where, ns.MaxItems, name, count[name])
		}
	}
}

// references holds what the module reads of its resources against the schema.
func (c *checker) references(body *hclsyntax.Body) {
	_ = hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
		if e, ok := n.(*hclsyntax.ScopeTraversalExpr); ok {
			c.reference(e.Traversal)
		}
		return nil // so there are no diagnostics
	})
}

func (c *checker) reference(t hcl.Traversal) {
	all := c.schema.ResourceSchemas
	if t.RootName() == "data" {
		all, t = c.schema.DataSourceSchemas, t[1:]
	}
	var names []string
	for _, step := range t {
		switch s := step.(type) {
		case hcl.TraverseRoot:
			names = append(names, s.Name)
		case hcl.TraverseAttr:
			names = append(names, s.Name)
		}
	}
	if len(names) < 3 || !c.provides(names[0]) {
		return
	}
	s, ok := all[names[0]]
	if !ok {
		c.problem(t.SourceRange(), "the provider has no %s", names[0])
		return
	}
	_, attr := s.Block.Attributes[names[2]]
	_, nested := s.Block.NestedBlocks[names[2]]
	if !attr && !nested {
		c.problem(t.SourceRange(), "%s has no attribute %s", names[0], names[2])
	}
}

// provides says whether a name is that of a resource type of the provider:
// they all begin with its own name.
func (c *checker) provides(name string) bool {
	for known := range c.schema.ResourceSchemas {
		prefix, _, _ := strings.Cut(known, "_")
		return strings.HasPrefix(name, prefix+"_")
	}
	return false
}
