package policies

import (
	"bytes"
	_ "embed"
)

//go:embed starter.hcl
var starter []byte

// Starter is a commented policy file that states the defaults.
func Starter() []byte { return bytes.Clone(starter) }
