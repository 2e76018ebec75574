package gcp

import (
	"net/http"
	"strings"

	"google.golang.org/api/compute/v1"
)

// image is an operating system that an instance can boot. A simulated machine
// has the host's own system whatever this is: the sandbox runs processes, not
// kernels.
type image struct {
	project, family, name, arch string
	sizeGB                      int
}

// images are the public ones that modules ask for. Families as in
// https://cloud.google.com/compute/docs/images/os-details and
// https://cloud.google.com/deep-learning-vm/docs/images
var images = []image{
	{"ubuntu-os-cloud", "ubuntu-2404-lts-amd64", "ubuntu-2404-noble-amd64-v20260812", "X86_64", 10},
	{"ubuntu-os-cloud", "ubuntu-2404-lts-arm64", "ubuntu-2404-noble-arm64-v20260812", "ARM64", 10},
	{"ubuntu-os-cloud", "ubuntu-2204-lts", "ubuntu-2204-jammy-v20260812", "X86_64", 10},
	{"ubuntu-os-cloud", "ubuntu-2204-lts-arm64", "ubuntu-2204-jammy-arm64-v20260812", "ARM64", 10},
	{"debian-cloud", "debian-12", "debian-12-bookworm-v20260812", "X86_64", 10},
	{"debian-cloud", "debian-12-arm64", "debian-12-bookworm-arm64-v20260812", "ARM64", 10},
	{"deeplearning-platform-release", "common-cu128-ubuntu-2204-nvidia-570", "common-cu128-ubuntu-2204-nvidia-570-v20260812", "X86_64", 50},
	{"deeplearning-platform-release", "common-cu129-ubuntu-2204-nvidia-580", "common-cu129-ubuntu-2204-nvidia-580-v20260812", "X86_64", 50},
	{"deeplearning-platform-release", "common-cu129-ubuntu-2404-nvidia-580", "common-cu129-ubuntu-2404-nvidia-580-v20260812", "X86_64", 50},
	{"ubuntu-os-accelerator-images", "ubuntu-accelerator-2404-arm64-with-nvidia-580", "ubuntu-accelerator-2404-arm64-with-nvidia-580-v20260812", "ARM64", 20},
	{"ubuntu-os-accelerator-images", "ubuntu-accelerator-2404-amd64-with-nvidia-580", "ubuntu-accelerator-2404-amd64-with-nvidia-580-v20260812", "X86_64", 20},
}

func (i image) path() string { return "projects/" + i.project + "/global/images/" + i.name }

func (i image) id() string { return decimal(stableID(i.path())) }

// findImage finds what a source names: projects/P/global/images/NAME or
// projects/P/global/images/family/FAMILY, as a path or a link.
func findImage(source string) (image, bool) {
	_, path, ok := strings.Cut(source, "projects/")
	parts := strings.Split(path, "/")
	if !ok || len(parts) < 4 || parts[1] != "global" || parts[2] != "images" {
		return image{}, false
	}
	for _, i := range images {
		if i.project != parts[0] {
			continue
		}
		if (len(parts) == 4 && parts[3] == i.name) || (len(parts) == 5 && parts[3] == "family" && parts[4] == i.family) {
			return i, true
		}
	}
	return image{}, false
}

func imageView(i image) *compute.Image {
	return &compute.Image{
		Kind: "compute#image", Id: stableID(i.path()), Name: i.name, Family: i.family, Architecture: i.arch, DiskSizeGb: int64(i.sizeGB),
		Status: "READY", SourceType: "RAW", SelfLink: link(i.path()), CreationTimestamp: "2026-08-12T08:00:00.000-07:00",
	}
}

func (s *server) getImage(_ http.ResponseWriter, r *http.Request) (any, error) {
	return s.image(r.PathValue("project") + "/global/images/" + r.PathValue("name"))
}

func (s *server) getImageFromFamily(_ http.ResponseWriter, r *http.Request) (any, error) {
	return s.image(r.PathValue("project") + "/global/images/family/" + r.PathValue("name"))
}

func (s *server) image(path string) (any, error) {
	i, ok := findImage("projects/" + path)
	if !ok {
		return nil, notFound("projects/" + path)
	}
	return imageView(i), nil
}

func (s *server) listImages(_ http.ResponseWriter, r *http.Request) (any, error) {
	var all []item
	for n, i := range images {
		if i.project == r.PathValue("project") {
			all = append(all, item{int64(n), imageView(i)})
		}
	}
	return page(r, "compute#imageList", all)
}
