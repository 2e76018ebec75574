package gcp

import (
	"fmt"
	"slices"
	"strings"
)

// The types of disks, with the smallest size in GB of each.
// https://cloud.google.com/compute/docs/disks
var diskTypes = map[string]int{"pd-standard": 10, "pd-balanced": 10, "pd-ssd": 10, "hyperdisk-balanced": 4}

func diskTypeLink(zone, kind string) string {
	name := lastPart(kind)
	if name == "" {
		name = "pd-standard"
	}
	return link(zonePath(zone) + "/diskTypes/" + name)
}

// hyperdiskOnly are the machine families that take no persistent disk.
// https://cloud.google.com/compute/docs/disks/hyperdisks#machine-type-support
var hyperdiskOnly = []string{"c4", "c4a", "c4d", "n4", "n4a", "n4d", "x4", "m4", "a4", "a4x", "g4", "h4d"}

func checkDiskType(field, kind string) error {
	if _, ok := diskTypes[lastPart(kind)]; kind != "" && !ok {
		return invalid(field, kind, "The referenced diskType resource cannot be found.")
	}
	return nil
}

// checkDisks compares the disks of a request with the machine type and with
// what there is to choose from, and finds the image to boot from.
func (in *insertion) checkDisks() error {
	if len(in.Disks) == 0 || !in.Disks[0].Boot {
		return invalid("resource.disks", "", "No boot disk specified.")
	}
	for n, a := range in.Disks {
		field := fmt.Sprintf("resource.disks[%d]", n)
		p := a.InitializeParams
		switch {
		case a.Type == "SCRATCH":
			return lacking("local SSDs")
		case a.DiskEncryptionKey != nil:
			return lacking("encryption keys of its customers")
		case a.Source != "" && a.Boot:
			return lacking("instances that boot from a disk which was there before")
		case a.Source != "":
			continue
		case p == nil:
			return invalid(field, "", "Either a source or initializeParams is required.")
		case p.SourceSnapshot != "":
			return lacking("snapshots")
		}
		if err := checkLabels(p.Labels); err != nil {
			return err
		}
		if err := checkDiskType(field+".initializeParams.diskType", p.DiskType); err != nil {
			return err
		}
		kind := lastPart(diskTypeLink(in.zone, p.DiskType))
		if family, _, _ := strings.Cut(in.size.Name, "-"); (slices.Contains(hyperdiskOnly, family) || strings.HasPrefix(in.size.Name, "a3-ultragpu-")) && strings.HasPrefix(kind, "pd-") {
			return badRequest("[%s] features and [instance_type: VIRTUAL_MACHINE, family: %s] are not compatible for creating instance.", kind, strings.ToUpper(family))
		}
		if !a.Boot {
			continue
		}
		img, ok := findImage(p.SourceImage)
		if !ok {
			return invalid(field+".initializeParams.sourceImage", p.SourceImage, "The referenced image resource cannot be found.")
		}
		in.boot = img
		if p.DiskSizeGb != 0 && int(p.DiskSizeGb) < img.sizeGB {
			return invalid(field+".initializeParams.diskSizeGb", fmt.Sprint(p.DiskSizeGb),
				fmt.Sprintf("Requested disk size cannot be smaller than the image size (%d GB)", img.sizeGB))
		}
		if want := architecture(in.size); img.arch != want {
			return badRequest("Requested boot disk architecture (%s) is not compatible with machine type architecture (%s).", img.arch, want)
		}
	}
	return nil
}
