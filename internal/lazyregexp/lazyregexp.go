// Package lazyregexp compiles regular expressions at their first use. Those of
// all packages together cost more at the start of a process than most commands
// need in all: a bounded repetition is as many instructions as its bound, and
// this program starts itself for each plugin and each simulated command.
package lazyregexp

import (
	"regexp"
	"sync"
)

// Regexp is a regular expression that is compiled when it is first used. It
// may be used side by side.
type Regexp struct{ compiled func() *regexp.Regexp }

// New returns a Regexp. Its first use panics where expr is none, so each must
// be used by a test.
func New(expr string) *Regexp {
	return &Regexp{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })}
}

// MatchString is regexp.Regexp's.
func (r *Regexp) MatchString(s string) bool { return r.compiled().MatchString(s) }

// FindString is regexp.Regexp's.
func (r *Regexp) FindString(s string) string { return r.compiled().FindString(s) }

// FindStringSubmatch is regexp.Regexp's.
func (r *Regexp) FindStringSubmatch(s string) []string { return r.compiled().FindStringSubmatch(s) }

// ReplaceAllString is regexp.Regexp's.
func (r *Regexp) ReplaceAllString(src, repl string) string {
	return r.compiled().ReplaceAllString(src, repl)
}

// String is the expression.
func (r *Regexp) String() string { return r.compiled().String() }
