package kube

import (
	"os"

	"skysail/internal/tfplugin"
)

// The Terraform provider for charts that the sandbox has in place of the real
// one: Helm's own library behind the real one's schema. It is built with the
// cluster, and a program of its own, for that library is as large as skysail.
const (
	HelmSource  = "registry.terraform.io/hashicorp/helm"
	HelmVersion = "3.1.2"
	helmProgram = "terraform-provider-helm"
)

// Providers is the stand-in, for the mirror in which Terraform finds it.
// Terraform's environment must name the tools' folder: see EnvTools.
func Providers() []tfplugin.Release {
	return []tfplugin.Release{{Source: HelmSource, Version: HelmVersion, Program: helmProgram, Folder: EnvTools}}
}

// Helm says whether the tools have the stand-in for the helm provider.
func (t Tools) Helm() bool {
	info, err := os.Stat(t.path(helmProgram))
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
