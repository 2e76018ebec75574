package generator

import (
	"fmt"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"skysail/internal/failure"
	"skysail/modules"
)

// moduleName is the root's only module call: module.service.
const moduleName = "service"

// rootFiles are the HCL files of the root module. Its variables and outputs
// are the called module's own, so that the two can not drift apart.
func rootFiles(in Input, p provider) (map[string][]byte, error) {
	name := in.Provider
	vars, err := moduleBlocks(name, "variable", p.more)
	if err != nil {
		return nil, err
	}
	outputs, err := moduleBlocks(name, "output", p.more)
	if err != nil {
		return nil, err
	}
	backend := backendFile()
	if in.Backend != nil {
		n := stateName{service: in.Service.Name, deployment: in.DeploymentID, attempt: in.Attempt}
		if backend, err = remoteBackendFile(in.Backend, n); err != nil {
			return nil, failure.Wrap(err, failure.Input, "bundle for "+name, "Nothing was written.", "Mend the policy, and try again.")
		}
	}
	return map[string][]byte{
		"main.tf":      mainFile(name, vars),
		"versions.tf":  versionsFile(name, p),
		"backend.tf":   backend,
		"variables.tf": variablesFile(vars),
		"outputs.tf":   outputsFile(outputs),
	}, nil
}

// moduleBlocks are the blocks of a kind that a module shares with the others
// and, where it has more, its own after them.
func moduleBlocks(module, kind string, more bool) ([]*hclwrite.Block, error) {
	files := []string{kind + "s.tf"}
	if more {
		files = append(files, "cluster_"+kind+"s.tf")
	}
	var out []*hclwrite.Block
	for _, name := range files {
		f, err := parseModuleFile(path.Join(module, name))
		if err != nil {
			return nil, err
		}
		out = append(out, blocks(f, kind)...)
	}
	return out, nil
}

func parseModuleFile(name string) (*hclwrite.File, error) {
	src, err := modules.FS.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("module file %s of this program: %w", name, err)
	}
	f, diags := hclwrite.ParseConfig(src, name, hcl.InitialPos)
	if diags.HasErrors() {
		return nil, fmt.Errorf("module file %s of this program: %w", name, diags)
	}
	return f, nil
}

func blocks(f *hclwrite.File, kind string) []*hclwrite.Block {
	var out []*hclwrite.Block
	for _, b := range f.Body().Blocks() {
		if b.Type() == kind {
			out = append(out, b)
		}
	}
	return out
}

func mainFile(module string, vars []*hclwrite.Block) []byte {
	f := hclwrite.NewEmptyFile()
	comment(f.Body(), "Made by skysail. Change the service or the policy and plan again; what is changed here is lost.")
	body := f.Body().AppendNewBlock("module", []string{moduleName}).Body()
	body.SetAttributeValue("source", cty.StringVal("./modules/"+module))
	body.AppendNewline()
	for _, v := range vars {
		name := v.Labels()[0]
		body.SetAttributeTraversal(name, traversal("var", name))
	}
	return bytesOf(f)
}

func versionsFile(name string, p provider) []byte {
	if p.local != "" {
		name = p.local
	}
	f := hclwrite.NewEmptyFile()
	tf := f.Body().AppendNewBlock("terraform", nil).Body()
	tf.SetAttributeValue("required_version", cty.StringVal(">= 1.6"))
	tf.AppendNewline()
	tf.AppendNewBlock("required_providers", nil).Body().SetAttributeValue(name, cty.ObjectVal(map[string]cty.Value{
		"source":  cty.StringVal(p.source),
		"version": cty.StringVal(p.version),
	}))
	f.Body().AppendNewline()
	comment(f.Body(), p.comment)
	body := f.Body().AppendNewBlock("provider", []string{name}).Body()
	for _, s := range p.config {
		switch {
		case s.object != "":
			body.SetAttributeRaw(s.object, hclwrite.TokensForObject([]hclwrite.ObjectAttrTokens{{
				Name: hclwrite.TokensForIdentifier(s.name), Value: hclwrite.TokensForTraversal(traversal("var", s.variable)),
			}}))
		case s.variable != "":
			body.SetAttributeTraversal(s.name, traversal("var", s.variable))
		case s.text != "":
			body.SetAttributeValue(s.name, cty.StringVal(s.text))
		default:
			body.SetAttributeValue(s.name, cty.NumberIntVal(s.value))
		}
	}
	return bytesOf(f)
}

func backendFile() []byte {
	f := hclwrite.NewEmptyFile()
	comment(f.Body(), `State holds private values, so it lies beside this folder: terraform init -backend-config="path=…/private/terraform.tfstate"`)
	f.Body().AppendNewBlock("terraform", nil).Body().AppendNewBlock("backend", []string{"local"})
	return bytesOf(f)
}

// variablesFile declares what the module declares, without its validation:
// one message for one mistake.
func variablesFile(vars []*hclwrite.Block) []byte {
	f := hclwrite.NewEmptyFile()
	for i, v := range vars {
		if i > 0 {
			f.Body().AppendNewline()
		}
		to := f.Body().AppendNewBlock("variable", v.Labels()).Body()
		for _, name := range []string{"description", "type", "default", "sensitive"} {
			copyAttribute(to, v.Body(), name)
		}
	}
	return bytesOf(f)
}

func outputsFile(outputs []*hclwrite.Block) []byte {
	f := hclwrite.NewEmptyFile()
	for i, o := range outputs {
		if i > 0 {
			f.Body().AppendNewline()
		}
		name := o.Labels()[0]
		to := f.Body().AppendNewBlock("output", []string{name}).Body()
		copyAttribute(to, o.Body(), "description")
		to.SetAttributeTraversal("value", traversal("module", moduleName, name))
	}
	return bytesOf(f)
}

func copyAttribute(to, from *hclwrite.Body, name string) {
	if a := from.GetAttribute(name); a != nil {
		to.SetAttributeRaw(name, a.Expr().BuildTokens(nil))
	}
}

func traversal(root string, attrs ...string) hcl.Traversal {
	t := hcl.Traversal{hcl.TraverseRoot{Name: root}}
	for _, a := range attrs {
		t = append(t, hcl.TraverseAttr{Name: a})
	}
	return t
}

func comment(body *hclwrite.Body, text string) {
	for _, line := range strings.Split(text, "\n") {
		body.AppendUnstructuredTokens(hclwrite.Tokens{{Type: hclsyntax.TokenComment, Bytes: []byte("# " + line + "\n")}})
	}
}

// bytesOf is the file as `terraform fmt` leaves it.
func bytesOf(f *hclwrite.File) []byte { return hclwrite.Format(f.Bytes()) }
