// Package plugin holds the stand-ins for the Terraform providers of the
// simulated clouds. A stand-in has the real provider's address, its resource
// names and its schemas (cut out of what `terraform providers schema -json`
// says of the real one), and words its errors as that one does; it calls the
// provider's API with the official SDK, configured by the same settings and
// the same environment. What it leaves out are the long pauses between two
// looks at the API, and every attribute that it does not serve is an error.
package plugin

import (
	"embed"
	"fmt"

	tfjson "github.com/hashicorp/terraform-json"

	"skysail/internal/reexec"
	"skysail/internal/tfplugin"
)

// The addresses and versions of the real providers.
const (
	AWSSource           = "registry.terraform.io/hashicorp/aws"
	AWSVersion          = "6.59.0"
	DigitalOceanSource  = "registry.terraform.io/digitalocean/digitalocean"
	DigitalOceanVersion = "2.99.1"
	VultrSource         = "registry.terraform.io/vultr/vultr"
	VultrVersion        = "2.32.0"
	GoogleSource        = "registry.terraform.io/hashicorp/google"
	GoogleVersion       = "7.45.0"
)

const (
	awsHelper          = "plugin-aws"
	digitalOceanHelper = "plugin-digitalocean"
	vultrHelper        = "plugin-vultr"
	googleHelper       = "plugin-google"
)

//go:embed schemas/*.json
var schemas embed.FS

func init() {
	reexec.Register(awsHelper, func([]string) int {
		return serve(newAWS)
	})
	reexec.Register(digitalOceanHelper, func([]string) int {
		return serve(newDigitalOcean)
	})
	reexec.Register(vultrHelper, func([]string) int {
		return serve(newVultr)
	})
	reexec.Register(googleHelper, func([]string) int {
		return serve(newGoogle)
	})
}

// Providers are the stand-ins, for the mirror in which Terraform finds them.
func Providers() []tfplugin.Release {
	return []tfplugin.Release{
		{Source: AWSSource, Version: AWSVersion, Helper: awsHelper},
		{Source: DigitalOceanSource, Version: DigitalOceanVersion, Helper: digitalOceanHelper},
		{Source: VultrSource, Version: VultrVersion, Helper: vultrHelper},
		{Source: GoogleSource, Version: GoogleVersion, Helper: googleHelper},
	}
}

func serve[C any](provider func() *tfplugin.Provider[C]) int { return tfplugin.Serve(provider()) }

// schema reads an embedded schema, which is part of the program: a test reads
// each, so it does not fail at run time.
func schema(file, source string) *tfjson.ProviderSchema {
	b, err := schemas.ReadFile("schemas/" + file)
	if err != nil {
		panic(err)
	}
	s, err := tfplugin.ParseSchema(b, source)
	if err != nil {
		panic(err)
	}
	return s
}

// worded puts an error into the real provider's words, which begin with a
// capital letter where the real ones do: fault tables match them.
func worded(err error, format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
}
