package gcp

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/api/compute/v1"

	"skysail/sandbox/world"
)

func TestLifeCycle(t *testing.T) {
	c := newCloud(t)
	i := c.instance("web")
	s := c.world.State().ServersOf(provider)[0]
	nic := i.NetworkInterfaces[0]
	if nic.AccessConfigs[0].NatIP != s.Address || nic.NetworkIP == s.Address || lastPart(i.Zone) != zone || lastPart(i.MachineType) != "e2-standard-2" {
		t.Errorf("instance %+v, interface %+v", i, nic)
	}
	if s.UserData != "#cloud-config\n{}" || s.PriceUSD != 0.067011 || s.DiskGB != 20 || !slices.Equal(s.Tags, []string{"skysail-deployment:d1", "skysail-d1"}) {
		t.Errorf("server %+v", s)
	}
	if i.ShieldedInstanceConfig == nil || !i.ShieldedInstanceConfig.EnableVtpm || i.Scheduling.OnHostMaintenance != "MIGRATE" || !*i.Scheduling.AutomaticRestart {
		t.Errorf("defaults: %+v, %+v", i.ShieldedInstanceConfig, i.Scheduling)
	}
	d, err := c.Disks.Get(Project, zone, "web").Do()
	check(t, err)
	if d.SizeGb != 20 || lastPart(d.Type) != "pd-balanced" || !strings.Contains(d.SourceImage, "ubuntu-2404-noble-amd64-v") || len(d.Users) != 1 || d.Users[0] != i.SelfLink {
		t.Errorf("disk %+v", d)
	}

	op, err := c.Instances.Stop(Project, zone, "web").Do()
	check(t, err)
	c.done(op)
	i, err = c.Instances.Get(Project, zone, "web").Do()
	check(t, err)
	if i.Status != "TERMINATED" || i.NetworkInterfaces[0].AccessConfigs[0].NatIP != "" {
		t.Errorf("stopped: %s, address %s", i.Status, i.NetworkInterfaces[0].AccessConfigs[0].NatIP)
	}
	op, err = c.Instances.SetMachineType(Project, zone, "web", &compute.InstancesSetMachineTypeRequest{MachineType: "zones/" + zone + "/machineTypes/e2-highcpu-2"}).Do()
	check(t, err)
	c.done(op)
	op, err = c.Instances.Start(Project, zone, "web").Do()
	check(t, err)
	c.done(op)
	i, err = c.Instances.Get(Project, zone, "web").Do()
	check(t, err)
	if i.Status != "RUNNING" || lastPart(i.MachineType) != "e2-highcpu-2" {
		t.Errorf("started again: %s, %s", i.Status, i.MachineType)
	}

	op, err = c.Instances.Delete(Project, zone, "web").Do()
	check(t, err)
	c.done(op)
	_, err = c.Instances.Get(Project, zone, "web").Do()
	wantError(t, err, 404, "notFound", "The resource 'projects/skysail-sandbox/zones/us-central1-a/instances/web' was not found")
	if st := c.world.State(); len(st.Disks)+len(st.Servers) != 0 {
		t.Errorf("left: %d disks, %d servers", len(st.Disks), len(st.Servers))
	}
}

func TestChanges(t *testing.T) {
	c := newCloud(t)
	i := c.instance("web")
	op, err := c.Instances.SetLabels(Project, zone, "web", &compute.InstancesSetLabelsRequest{LabelFingerprint: i.LabelFingerprint, Labels: map[string]string{"a": "b"}}).Do()
	check(t, err)
	c.done(op)
	_, err = c.Instances.SetLabels(Project, zone, "web", &compute.InstancesSetLabelsRequest{LabelFingerprint: i.LabelFingerprint, Labels: map[string]string{}}).Do()
	wantError(t, err, 412, "conditionNotMet", "Labels fingerprint either invalid or resource labels have changed")
	op, err = c.Instances.SetTags(Project, zone, "web", &compute.Tags{Fingerprint: i.Tags.Fingerprint, Items: []string{"x"}}).Do()
	check(t, err)
	c.done(op)
	data := "#!/bin/sh"
	op, err = c.Instances.SetMetadata(Project, zone, "web", &compute.Metadata{Fingerprint: i.Metadata.Fingerprint, Items: []*compute.MetadataItems{{Key: "user-data", Value: &data}}}).Do()
	check(t, err)
	c.done(op)
	s := c.world.State().ServersOf(provider)[0]
	if !slices.Equal(s.Tags, []string{"a:b", "x"}) || s.UserData != data {
		t.Errorf("tags %v, user data %q", s.Tags, s.UserData)
	}

	op, err = c.Instances.SetDeletionProtection(Project, zone, "web").Do()
	check(t, err)
	c.done(op)
	_, err = c.Instances.Delete(Project, zone, "web").Do()
	wantError(t, err, 412, "conditionNotMet", "protected against deletion")
	if len(c.world.State().ServersOf(provider)) != 1 {
		t.Error("a protected instance is gone")
	}
}

func TestLists(t *testing.T) {
	c := newCloud(t)
	c.instance("skysail-d1-0")
	c.instance("skysail-d1-1", func(i *compute.Instance) { i.Labels["n"] = "1" })
	c.instance("other", func(i *compute.Instance) { i.Labels = map[string]string{"skysail-deployment": "d10"} })
	for filter, want := range map[string]string{
		"":                             "skysail-d1-0 skysail-d1-1 other",
		"labels.skysail-deployment=d1": "skysail-d1-0 skysail-d1-1",
		`(labels.skysail-deployment = "d1") (labels.n = 1)`:       "skysail-d1-1",
		`labels.skysail-deployment = d1 AND name != skysail-d1-0`: "skysail-d1-1",
		"labels.n:*":                  "skysail-d1-1",
		"name eq skysail-d1.*":        "skysail-d1-0 skysail-d1-1",
		"name ne skysail-.*":          "other",
		"name = skysail-*":            "skysail-d1-0 skysail-d1-1",
		"status = RUNNING":            "skysail-d1-0 skysail-d1-1 other",
		"scheduling.preemptible=true": "",
	} {
		var got []string
		check(t, c.Instances.AggregatedList(Project).Filter(filter).MaxResults(1).Pages(t.Context(), func(l *compute.InstanceAggregatedList) error {
			for _, s := range l.Items {
				for _, i := range s.Instances {
					got = append(got, i.Name)
				}
			}
			return nil
		}))
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %v, want %s", filter, got, want)
		}
		l, err := c.Instances.List(Project, zone).Filter(filter).Do()
		check(t, err)
		if n := len(strings.Fields(want)); len(l.Items) != n {
			t.Errorf("%q in the zone: %d, want %d", filter, len(l.Items), n)
		}
	}
	_, err := c.Instances.List(Project, zone).Filter("a OR").Do()
	wantError(t, err, 400, "invalid", "Invalid list filter expression.")
	_, err = c.Instances.List(Project, "mars-a").Do()
	wantError(t, err, 400, "invalid", "Invalid value for field 'zone': 'mars-a'. Unknown zone.")
	_, err = c.Instances.List("another", zone).Do()
	wantError(t, err, 404, "notFound", "The resource 'projects/another' was not found")
	disks, err := c.Disks.AggregatedList(Project).Filter("labels.skysail-deployment=d1").Do()
	check(t, err)
	if n := len(disks.Items["zones/"+zone].Disks); n != 3 { // all have boot disks of d1
		t.Errorf("%d disks", n)
	}
	if w := disks.Items["zones/us-east4-a"].Warning; w == nil || w.Code != "NO_RESULTS_ON_PAGE" {
		t.Errorf("an empty zone: %+v", w)
	}
}

func TestRefusedRequests(t *testing.T) {
	c := newCloud(t)
	c.instance("there")
	boot := func(i *compute.Instance) *compute.AttachedDiskInitializeParams { return i.Disks[0].InitializeParams }
	on := true
	for name, tc := range map[string]struct {
		change          func(*compute.Instance)
		code            int
		reason, message string
	}{
		"name":     {func(i *compute.Instance) { i.Name = "Upper" }, 400, "invalid", "Must be a match of regex"},
		"twice":    {func(i *compute.Instance) { i.Name = "there" }, 409, "alreadyExists", "already exists"},
		"type":     {func(i *compute.Instance) { i.MachineType = "zones/z/machineTypes/e9" }, 400, "invalid", "Machine type with name 'e9' does not exist in zone 'us-central1-a'."},
		"label":    {func(i *compute.Instance) { i.Labels["a"] = "B:c" }, 400, "invalid", "Label value 'B:c' violates format constraints"},
		"image":    {func(i *compute.Instance) { boot(i).SourceImage = "projects/p/global/images/x" }, 400, "invalid", "The referenced image resource cannot be found."},
		"arm":      {func(i *compute.Instance) { i.MachineType = "zones/z/machineTypes/t2a-standard-1" }, 400, "badRequest", "Requested boot disk architecture (X86_64) is not compatible with machine type architecture (ARM64)."},
		"small":    {func(i *compute.Instance) { boot(i).DiskSizeGb = 5 }, 400, "invalid", "Requested disk size cannot be smaller than the image size (10 GB)"},
		"pd on c4": {func(i *compute.Instance) { i.MachineType = "zones/z/machineTypes/c4-standard-2" }, 400, "badRequest", "[pd-balanced] features and"},
		"network":  {func(i *compute.Instance) { i.NetworkInterfaces[0].Network = "global/networks/mine" }, 400, "invalid", "The referenced network resource cannot be found."},
		"GPU that migrates": {func(i *compute.Instance) {
			i.MachineType = "zones/z/machineTypes/g2-standard-4"
			i.Scheduling = &compute.Scheduling{OnHostMaintenance: "MIGRATE"}
		}, 400, "badRequest", "do not support live migration"},
		"spot that restarts": {func(i *compute.Instance) {
			i.Scheduling = &compute.Scheduling{ProvisioningModel: "SPOT", AutomaticRestart: &on}
		}, 400, "invalid", "preemptible be false when AutomaticRestart is true"},
		"end without what to do": {func(i *compute.Instance) {
			i.Scheduling = &compute.Scheduling{MaxRunDuration: &compute.Duration{Seconds: 60}}
		}, 400, "invalid", "You must specify an instance termination action"},
		"local SSD": {func(i *compute.Instance) { i.Disks = append(i.Disks, &compute.AttachedDisk{Type: "SCRATCH"}) }, 400, "badRequest", "the skysail sandbox has no local SSDs"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.Instances.Insert(Project, zone, request("new", tc.change)).Do()
			wantError(t, err, tc.code, tc.reason, tc.message)
		})
	}
	if n := len(c.world.State().Servers); n != 1 {
		t.Errorf("%d servers", n)
	}
	_, err := c.Instances.Suspend(Project, zone, "there").Do()
	wantError(t, err, 501, "notImplemented", "the skysail sandbox does not simulate POST")
}

func TestSpotAndTheEndOfItsTime(t *testing.T) {
	c := newCloud(t)
	off := false
	c.instance("web", func(i *compute.Instance) {
		i.Scheduling = &compute.Scheduling{
			ProvisioningModel: "SPOT", AutomaticRestart: &off, InstanceTerminationAction: "DELETE", MaxRunDuration: &compute.Duration{Seconds: 30},
		}
	})
	s := c.world.State().ServersOf(provider)[0]
	if !s.Spot || s.PriceUSD != 0.040212 || s.ExpiresAt.Sub(s.CreatedAt) != 30*time.Second {
		t.Errorf("server %+v", s)
	}
	check(t, c.world.Update(func(st *world.State) error {
		st.Server(provider, s.ID).ExpiresAt = time.Now()
		return nil
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for len(c.world.State().Servers) > 0 && ctx.Err() == nil {
		time.Sleep(20 * time.Millisecond)
	}
	if st := c.world.State(); len(st.Servers)+len(st.Disks) != 0 {
		t.Errorf("left: %d servers, %d disks", len(st.Servers), len(st.Disks))
	}
}

// TestNumbersAreTakenToo sends what Terraform's provider does: 64-bit numbers
// that are no texts, and lists of null.
func TestNumbersAreTakenToo(t *testing.T) {
	c := newCloud(t)
	status, body := c.raw("POST", "/compute/v1/projects/"+Project+"/zones/"+zone+"/disks", c.token(), `{"name":"data","sizeGb":30,"licenses":[null]}`)
	var op compute.Operation
	check(t, json.Unmarshal([]byte(body), &op))
	if status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	c.done(&op)
	d, err := c.Disks.Get(Project, zone, "data").Do()
	check(t, err)
	if d.SizeGb != 30 {
		t.Errorf("disk %+v", d)
	}
}
