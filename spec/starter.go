package spec

import (
	_ "embed"
	"strings"
)

//go:embed starter.hcl
var starter string

// Starter is a commented service file to begin with. The name is made valid
// by NameFrom.
func Starter(name string) []byte {
	return []byte(strings.ReplaceAll(starter, "NAME", NameFrom(name)))
}
