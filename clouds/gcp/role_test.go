package gcp

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// needs are the IAM permissions of each API method
// (https://docs.cloud.google.com/compute/docs/reference/rest/v1, the section
// "IAM Permissions" of the method), by service and method of the SDK.
var needs = map[string][]string{
	"Instances.AggregatedList":    {"compute.instances.list"},
	"Instances.Get":               {"compute.instances.get"},
	"Instances.Delete":            {"compute.instances.delete"},
	"Disks.AggregatedList":        {"compute.disks.list"},
	"Disks.Get":                   {"compute.disks.get"},
	"Disks.Delete":                {"compute.disks.delete"},
	"RegionDisks.Get":             {"compute.disks.get"},
	"RegionDisks.Delete":          {"compute.disks.delete"},
	"Addresses.AggregatedList":    {"compute.addresses.list"},
	"Addresses.Get":               {"compute.addresses.get"},
	"Addresses.Delete":            {"compute.addresses.delete"},
	"Firewalls.List":              {"compute.firewalls.list"},
	"Firewalls.Get":               {"compute.firewalls.get"},
	"Firewalls.Delete":            {"compute.firewalls.delete", "compute.networks.updatePolicy"},
	"ZoneOperations.Get":          {"compute.zoneOperations.get"},
	"RegionOperations.Get":        {"compute.regionOperations.get"},
	"GlobalOperations.Get":        {"compute.globalOperations.get"},
	"MachineTypes.AggregatedList": {"compute.machineTypes.list"},
	"Projects.Get":                {"compute.projects.get"},
	"Regions.Get":                 {"compute.regions.get"},
	"TimeSeries.List":             {"monitoring.timeSeries.list"},
	"Skus.List":                   {}, // public
}

// provider is what Terraform's provider calls for each resource of the module
// (google/services/compute/resource_compute_*.go), with what creating the
// thing needs of others. Images of Google and Canonical are public.
var provider = map[string][]string{
	"google_compute_instance": {
		"compute.instances.create", "compute.instances.get", "compute.instances.delete",
		"compute.instances.setLabels", "compute.instances.setMetadata", "compute.instances.setTags",
		"compute.disks.create", "compute.disks.setLabels", "compute.disks.use", "compute.disks.get",
		"compute.subnetworks.use", "compute.subnetworks.useExternalIp", "compute.zoneOperations.get",
	},
	"google_compute_disk": {
		"compute.disks.create", "compute.disks.get", "compute.disks.delete", "compute.disks.setLabels", "compute.zoneOperations.get",
	},
	"google_compute_firewall": {
		"compute.firewalls.create", "compute.firewalls.get", "compute.firewalls.update", "compute.firewalls.delete",
		"compute.networks.updatePolicy", "compute.globalOperations.get",
	},
}

// The documented role is enough for all that is called, and for nothing else.
func TestRole(t *testing.T) {
	content, err := os.ReadFile("../../docs/providers/gcp-role.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var role struct {
		Title, Description, Stage string
		Permissions               []string `yaml:"includedPermissions"`
	}
	if err := yaml.Unmarshal(content, &role); err != nil {
		t.Fatal(err)
	}
	if role.Title == "" || role.Description == "" || role.Stage != "GA" {
		t.Errorf("%+v is not what gcloud iam roles create takes", role)
	}
	want := map[string]bool{}
	for _, method := range called(t) {
		permissions, known := needs[method]
		if !known {
			t.Errorf("the code calls %s: say in needs which permissions that takes", method)
		}
		for _, p := range permissions {
			want[p] = true
		}
	}
	module, err := os.ReadFile("../../modules/gcp/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^(?:resource|data) "(google_\w+)"`).FindAllStringSubmatch(string(module), -1) {
		permissions, known := provider[m[1]]
		if !known {
			t.Errorf("the module has a %s: say in provider which permissions that takes", m[1])
		}
		for _, p := range permissions {
			want[p] = true
		}
	}
	for p := range want {
		if !slices.Contains(role.Permissions, p) {
			t.Errorf("the role lacks %s", p)
		}
	}
	for i, p := range role.Permissions {
		if !want[p] || slices.Contains(role.Permissions[:i], p) {
			t.Errorf("nothing needs %s, or it is there twice", p)
		}
	}
}

// called are the methods of the SDK that the package's source names.
func called(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	call := regexp.MustCompile(`\.([A-Z]\w+)\.(AggregatedList|List|Get|Delete|Insert|Update|Patch|Wait)\(`)
	var out []string
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		source, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range call.FindAllStringSubmatch(string(source), -1) {
			out = append(out, m[1]+"."+m[2])
		}
	}
	if len(out) < 15 {
		t.Fatalf("only %v were found in the source", out)
	}
	return out
}
