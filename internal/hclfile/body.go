package hclfile

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Schema describes what may stand in a block, or at the top of a file.
type Schema struct {
	What       string // with article, for messages: "a service block"
	Attributes []string
	// Free allows any argument: somebody else knows which there are. They are
	// read with Names and Value.
	Free   bool
	Blocks []Block
	// Hints are for unknown words of which it is known where they belong.
	Hints map[string]string
}

// Block describes a kind of block inside another.
type Block struct {
	Type string
	// Label says what the label is, such as "name"; empty means that the
	// block has none.
	Label string
	// Many allows more than one. Their paths then are Path[0], Path[1], …
	Many bool
	// Path is the field that the block fills; empty means Type.
	Path   string
	Schema *Schema
}

// Body is the content of one block.
type Body struct {
	Label string
	Path  string

	file   *File
	schema *Schema
	at     hcl.Range // where to say that something is missing
	// meant are words that were probably meant by unknown ones: they are not
	// reported as missing on top of it.
	meant  map[string]bool
	attrs  map[string]*hcl.Attribute
	blocks map[string][]*Body
}

// found is a block as the syntax has it.
type found struct {
	kind        string
	labels      []string
	labelRanges []hcl.Range
	header      hcl.Range
	body        hcl.Body
}

// Root decodes the top of the file.
func (f *File) Root(s *Schema) *Body {
	f.root = s
	start := hcl.Range{Filename: f.path, Start: hcl.InitialPos, End: hcl.InitialPos}
	return f.body(f.hcl.Body, s, "", "", start)
}

func (f *File) body(src hcl.Body, s *Schema, path, label string, at hcl.Range) *Body {
	b := &Body{Label: label, Path: path, file: f, schema: s, at: at, attrs: map[string]*hcl.Attribute{}, blocks: map[string][]*Body{}, meant: map[string]bool{}}
	f.places[path] = at
	var blocks []found
	if native, ok := src.(*hclsyntax.Body); ok {
		blocks = b.native(native)
	} else {
		blocks = b.json(src)
	}
	for name, a := range b.attrs {
		f.places[b.path(name)] = a.NameRange
	}
	for _, kind := range s.Blocks {
		for _, blk := range blocks {
			if blk.kind == kind.Type {
				b.nest(kind, blk)
			}
		}
	}
	return b
}

// native sorts the content of an HCL body into known and unknown.
func (b *Body) native(src *hclsyntax.Body) []found {
	for name, a := range src.Attributes {
		if kind, ok := b.schema.block(name); ok {
			b.file.broken[b.path(name)] = true
			b.file.fail(&a.NameRange, "Block written as an argument",
				fmt.Sprintf("%s is a block of %s, so no equals sign follows it.", name, b.schema.What),
				"write it as "+kind.form())
			continue
		}
		if !b.schema.Free && !b.schema.attribute(name) {
			b.unknown("argument", name, a.NameRange)
			continue
		}
		b.attrs[name] = a.AsHCLAttribute()
	}
	var out []found
	for _, blk := range src.Blocks {
		switch {
		case b.schema.attribute(blk.Type):
			b.file.fail(&blk.TypeRange, "Argument written as a block",
				fmt.Sprintf("%s is an argument of %s: an equals sign stands between it and its value.", blk.Type, b.schema.What),
				fmt.Sprintf("write it as %s = …", blk.Type))
			b.file.broken[b.path(blk.Type)] = true
			continue
		case !b.schema.hasBlock(blk.Type):
			b.unknown("block", blk.Type, blk.TypeRange)
			continue
		}
		out = append(out, found{blk.Type, blk.Labels, blk.LabelRanges, blk.DefRange(), blk.Body})
	}
	return out
}

// nest decodes a block inside this one, unless its header is wrong.
func (b *Body) nest(kind Block, blk found) {
	path := kind.Path
	if path == "" {
		path = kind.Type
	}
	path = b.path(path)
	n := len(b.blocks[kind.Type])
	switch {
	case kind.Label == "" && len(blk.labels) > 0:
		b.file.fail(&blk.labelRanges[0], "Unexpected label", capital(kind.Schema.What)+" has no name.",
			"write it as "+kind.form())
	case kind.Label != "" && len(blk.labels) == 0:
		b.file.fail(&blk.header, "Missing "+kind.Label, fmt.Sprintf("%s needs a %s.", capital(kind.Schema.What), kind.Label),
			"write it as "+kind.form())
	case kind.Label != "" && len(blk.labels) > 1:
		b.file.fail(&blk.labelRanges[1], "Too many labels", fmt.Sprintf("%s has one %s.", capital(kind.Schema.What), kind.Label),
			"write it as "+kind.form())
	case n > 0 && !kind.Many:
		first := b.blocks[kind.Type][0]
		b.file.fail(&blk.header, "More than one "+kind.Type+" block",
			fmt.Sprintf("%s stands at line %d already, and there can be only one.", capital(kind.Schema.What), first.at.Start.Line),
			"keep one of the two")
		// Its unknown words are reported as well.
		b.file.body(blk.body, kind.Schema, path+"[again]", "", blk.header)
		return
	}
	if kind.Many {
		path += "[" + strconv.Itoa(n) + "]"
	}
	label := ""
	if len(blk.labels) > 0 {
		label = blk.labels[0]
	}
	child := b.file.body(blk.body, kind.Schema, path, label, blk.header)
	if len(blk.labelRanges) > 0 {
		b.file.places[path+"#label"] = blk.labelRanges[0]
	}
	if kind.Label != "" && len(blk.labels) != 1 {
		b.file.broken[path+"#label"] = true
	}
	b.blocks[kind.Type] = append(b.blocks[kind.Type], child)
}

// Children returns the blocks of a kind, in the file's order.
func (b *Body) Children(kind string) []*Body { return b.blocks[kind] }

// RequireBlock reports a block as missing when there is none of its kind.
func (b *Body) RequireBlock(kind, hint string) {
	if len(b.blocks[kind]) > 0 || b.file.broken[b.path(kind)] {
		return
	}
	// Nothing more is to be said of what would be in it.
	b.file.broken[b.path(kind)] = true
	if b.meant[kind] {
		return
	}
	b.Fail("Missing "+kind+" block", fmt.Sprintf("%s needs a %s block.", capital(b.schema.What), kind), hint)
}

// Child returns the block of a kind that may stand once, or nil.
func (b *Body) Child(kind string) *Body {
	if all := b.blocks[kind]; len(all) > 0 {
		return all[0]
	}
	return nil
}

// Report puts a mistake, whose path counts from this block, at its place.
func (b *Body) Report(m Mistake) {
	if !strings.HasPrefix(m.Path, "#") {
		m.Path = b.path(m.Path)
	} else {
		m.Path = b.Path + m.Path
	}
	b.file.report(m)
}

// Fail reports a mistake at the block's header.
func (b *Body) Fail(summary, detail, hint string) {
	b.file.fail(&b.at, summary, detail, hint)
}

func (b *Body) path(name string) string {
	if b.Path == "" {
		return name
	}
	return b.Path + "." + name
}

func (b *Body) unknown(what, name string, at hcl.Range) {
	allowed := b.schema.names()
	hint := DidYouMean(name, allowed)
	if h, ok := b.schema.Hints[name]; ok {
		hint = h
	} else if home := b.file.root.home(name); home != "" {
		hint = fmt.Sprintf("%s belongs in %s", name, home)
	} else if s := Suggest(name, allowed); s != "" {
		b.meant[s] = true
	}
	b.file.fail(&at, "Unknown "+what, fmt.Sprintf("%s has no %s named %s.", capital(b.schema.What), what, Quote(name)), hint)
}

func (s *Schema) attribute(name string) bool {
	for _, a := range s.Attributes {
		if a == name {
			return true
		}
	}
	return false
}

func (s *Schema) block(name string) (Block, bool) {
	for _, k := range s.Blocks {
		if k.Type == name {
			return k, true
		}
	}
	return Block{}, false
}

func (s *Schema) hasBlock(name string) bool {
	_, ok := s.block(name)
	return ok
}

// names are all words that may stand in the block, sorted.
func (s *Schema) names() []string {
	out := append([]string(nil), s.Attributes...)
	for _, k := range s.Blocks {
		out = append(out, k.Type)
	}
	sort.Strings(out)
	return out
}

// home is the first block, from the outside in, in which a word is known.
func (s *Schema) home(name string) string {
	level := []*Schema{s}
	for len(level) > 0 {
		var next []*Schema
		for _, s := range level {
			if s.attribute(name) || s.hasBlock(name) {
				return s.What
			}
			for _, k := range s.Blocks {
				next = append(next, k.Schema)
			}
		}
		level = next
	}
	return ""
}

// form is how the block is written in HCL.
func (k Block) form() string {
	if k.Label == "" {
		return k.Type + " { … }"
	}
	return fmt.Sprintf("%s %q { … }", k.Type, strings.ToUpper(k.Label))
}
