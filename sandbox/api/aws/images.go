package aws

import (
	"context"
	"slices"
	"strings"
)

// image is a machine image and the public parameter that names its newest
// version. The parameters are those of
// https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/,
// https://wiki.debian.org/Cloud/AmazonEC2Image and
// https://docs.aws.amazon.com/dlami/latest/devguide/find-dlami-id.html
type image struct {
	parameter, name, arch, owner, root string
	sizeGB                             int
}

func images() []image {
	var out []image
	for _, arch := range []struct{ deb, aws string }{{"amd64", "x86_64"}, {"arm64", "arm64"}} {
		for _, v := range []struct{ version, code string }{{"22.04", "jammy"}, {"24.04", "noble"}} {
			class := map[string]string{"22.04": "ebs-gp2", "24.04": "ebs-gp3"}[v.version]
			out = append(out, image{
				"/aws/service/canonical/ubuntu/server/" + v.version + "/stable/current/" + arch.deb + "/hvm/" + class + "/ami-id",
				"ubuntu/images/hvm-ssd-gp3/ubuntu-" + v.code + "-" + v.version + "-" + arch.deb + "-server", arch.aws, "099720109477", "/dev/sda1", 8,
			})
			out = append(out, image{
				"/aws/service/deeplearning/ami/" + arch.aws + "/base-oss-nvidia-driver-gpu-ubuntu-" + v.version + "/latest/ami-id",
				"Deep Learning Base OSS Nvidia Driver GPU AMI (Ubuntu " + v.version + ") " + arch.aws, arch.aws, "898082745236", "/dev/sda1", 75,
			})
		}
		for _, release := range []string{"12", "13"} {
			out = append(out, image{
				"/aws/service/debian/release/" + release + "/latest/" + arch.deb,
				"debian-" + release + "-" + arch.deb, arch.aws, "136693071363", "/dev/xvda", 8,
			})
		}
		out = append(out, image{
			"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-" + arch.aws,
			"al2023-ami-kernel-default-" + arch.aws, arch.aws, "137112412989", "/dev/xvda", 8,
		})
	}
	return out
}

// id differs between regions, as it does in AWS.
func (i image) id(region string) string { return fixedID("ami", region, i.parameter) }

func findImage(region, id string) (image, *apiError) {
	if !strings.HasPrefix(id, "ami-") {
		return image{}, badRequest("InvalidAMIID.Malformed", "Invalid id: \"%s\" (expecting \"ami-...\")", id)
	}
	for _, i := range images() {
		if i.id(region) == id {
			return i, nil
		}
	}
	return image{}, badRequest("InvalidAMIID.NotFound", "The image id '[%s]' does not exist", id)
}

func (s *server) describeImages(_ context.Context, c *call) (x, error) {
	asked, owners, f := c.params.list("ImageId"), c.params.list("Owner"), c.params.filters()
	for _, id := range asked {
		if _, err := findImage(c.region, id); err != nil {
			return nil, err
		}
	}
	out := xs{}
	for _, i := range images() {
		id := i.id(c.region)
		keep, err := f.match(map[string][]string{
			"image-id": {id}, "name": {i.name}, "architecture": {i.arch}, "owner-id": {i.owner}, "state": {"available"},
			"root-device-type": {"ebs"}, "virtualization-type": {"hvm"}, "is-public": {"true"}, "root-device-name": {i.root},
		})
		if err != nil {
			return nil, err
		}
		if !keep || (len(asked) > 0 && !slices.Contains(asked, id)) || (len(owners) > 0 && !slices.Contains(owners, i.owner)) {
			continue
		}
		out = append(out, x{
			"imageId", id, "imageState", "available", "imageOwnerId", i.owner, "isPublic", true, "architecture", i.arch,
			"imageType", "machine", "name", i.name, "rootDeviceType", "ebs", "rootDeviceName", i.root,
			"blockDeviceMapping",
			xs{{"deviceName", i.root, "ebs", x{
				"snapshotId", fixedID("snap", id), "volumeSize", i.sizeGB, "deleteOnTermination", true, "volumeType", "gp3", "encrypted", false,
			}}},
			"virtualizationType", "hvm", "hypervisor", "xen", "enaSupport", true, "platformDetails", "Linux/UNIX", "tagSet",
			xs{},
		})
	}
	return x{"imagesSet", out}, nil
}
