// Command terraform-provider-helm stands in for the Terraform provider
// hashicorp/helm where that one is not installed: same address, same schema of
// helm_release, and Helm itself, as a library, behind it. Charts are really
// rendered, installed, upgraded, rolled back and removed.
//
// It behaves as version 3.1.2 does, where users would wish otherwise too: see
// release.go. It is a program and a module of its own, because Helm's library
// is as large as skysail.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
)

// source is the address and version the version of the provider that this
// stands in for.
const (
	source  = "registry.terraform.io/hashicorp/helm"
	version = "3.1.2"
)

func main() {
	err := providerserver.Serve(context.Background(), newProvider, providerserver.ServeOpts{Address: source, ProtocolVersion: 6})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
