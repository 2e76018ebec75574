package faults

import (
	"bytes"
	_ "embed" // the common rules
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

//go:embed common.yaml
var commonYAML []byte

var common = Lazy("clouds/faults/common.yaml", commonYAML)

// Common are the words that come from Terraform itself and from the network,
// whatever the provider. It goes after a provider's own rules.
func Common() Table { return common() }

// file is a table as it is written down.
type file struct {
	// CodeForm is the pattern of a refusal by code, in which CODES stands for
	// the codes of a rule.
	CodeForm string `yaml:"code_form"`
	Rules    []struct {
		Class   Class    `yaml:"class"`
		Scope   Scope    `yaml:"scope"`
		Codes   []string `yaml:"codes"`
		Pattern string   `yaml:"pattern"`
		Source  string   `yaml:"source"`
	} `yaml:"rules"`
}

// Lazy returns a function that parses a table when it is first called. A table
// that is part of the program and damaged is a defect of it: that panics, and
// the tests read every table.
func Lazy(name string, raw []byte) func() Table {
	return sync.OnceValue(func() Table {
		t, err := Parse(name, raw)
		if err != nil {
			panic(err)
		}
		return t
	})
}

// WithCommon is Lazy with the common rules after those of the file.
func WithCommon(name string, raw []byte) func() Table {
	own := Lazy(name, raw)
	return sync.OnceValue(func() Table { return slices.Concat(own(), Common()) })
}

// Parse reads a table; name says in errors which. Each rule must have a class,
// a source, and codes or a pattern that compiles.
func Parse(name string, raw []byte) (Table, error) {
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	var f file
	if err := dec.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("fault table %s: %w", name, err)
	}
	if len(f.Rules) == 0 {
		return nil, fmt.Errorf("fault table %s has no rules", name)
	}
	out := make(Table, 0, len(f.Rules))
	for i, r := range f.Rules {
		fail := func(format string, args ...any) (Table, error) {
			return nil, fmt.Errorf("fault table %s, rule %d: %w", name, i+1, fmt.Errorf(format, args...))
		}
		pattern := r.Pattern
		switch {
		case !slices.Contains(Classes(), r.Class):
			return fail("%q is no class", r.Class)
		case r.Scope != "" && !slices.Contains(Scopes(), r.Scope):
			return fail("%q is no scope", r.Scope)
		case r.Source == "":
			return fail("it names no source")
		case len(r.Codes) == 0 && pattern == "":
			return fail("it has neither codes nor a pattern")
		case len(r.Codes) > 0 && !strings.Contains(f.CodeForm, "CODES"):
			return fail("it has codes, and the table no code_form with the word CODES")
		case len(r.Codes) > 0:
			own := strings.ReplaceAll(f.CodeForm, "CODES", strings.Join(r.Codes, "|"))
			if pattern != "" {
				own += ".*(?:" + pattern + ")"
			}
			pattern = own
		}
		re, err := regexp.Compile(`(?is)` + pattern)
		if err != nil {
			return fail("its pattern: %w", err)
		}
		out = append(out, Rule{Class: r.Class, Scope: r.Scope, Pattern: re, Source: r.Source})
	}
	return out, nil
}
