package runner

import (
	"os"

	version "github.com/hashicorp/go-version"
	"github.com/hashicorp/hc-install/product"

	"skysail/internal/failure"
)

// EngineKind is the program that runs bundles.
type EngineKind string

// The kinds. A deployment keeps the one that it began with: state that one
// wrote is not given to the other.
const (
	Terraform EngineKind = "terraform"
	OpenTofu  EngineKind = "tofu"
)

// Name is what people call it.
func (k EngineKind) Name() string {
	if k == OpenTofu {
		return "OpenTofu"
	}
	return "Terraform"
}

// Registry is the host that provider addresses without one stand for
// (https://opentofu.org/docs/language/providers/requirements/#source-addresses).
func (k EngineKind) Registry() string {
	if k == OpenTofu {
		return "registry.opentofu.org"
	}
	return "registry.terraform.io"
}

// Constraint is the range of versions that bundles work with. OpenTofu's first
// release is 1.6.
func (k EngineKind) Constraint() string { return EngineConstraint }

func (k EngineKind) product() product.Product {
	p := product.Terraform
	if k == OpenTofu {
		p = product.Product{Name: "tofu", BinaryName: func() string { return "tofu" }}
	}
	return p
}

// otherEngines says, in words, which executables of the kind on PATH will not
// do. It collects while hc-install looks.
type otherEngines []string

func (o *otherEngines) add(path string, v *version.Version, err error) {
	if err != nil {
		*o = append(*o, path+" does not say its version")
		return
	}
	*o = append(*o, path+" is "+v.String())
}

// notFetched is the failure where there is no OpenTofu: hc-install, which
// checks what it fetches, knows HashiCorp's releases only.
func notFetched(missing string) error {
	return failure.New(failure.Failed, missing,
		`The policy says engine = "tofu", and skysail fetches Terraform only; nothing was changed.`,
		"Install OpenTofu (https://opentofu.org/docs/intro/install) and put tofu on PATH, or leave engine out of the policy to use Terraform.")
}

func isFile(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
