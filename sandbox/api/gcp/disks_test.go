package gcp

import (
	"testing"

	"google.golang.org/api/compute/v1"
)

func TestDataDisks(t *testing.T) {
	c := newCloud(t)
	op, err := c.Disks.Insert(Project, zone, &compute.Disk{Name: "data", SizeGb: 30, Type: "zones/" + zone + "/diskTypes/pd-ssd", Labels: map[string]string{"skysail-deployment": "d1"}}).Do()
	check(t, err)
	c.done(op)
	with := func(i *compute.Instance) {
		i.Disks = append(i.Disks, &compute.AttachedDisk{Source: diskPath(zone, "data"), DeviceName: "skysail-data"})
	}
	i := c.instance("web", with)
	if len(i.Disks) != 2 || !i.Disks[0].Boot || i.Disks[1].DeviceName != "skysail-data" || i.Disks[1].AutoDelete || i.Disks[1].Index != 1 {
		t.Errorf("disks %+v", i.Disks)
	}
	_, err = c.Instances.Insert(Project, zone, request("second", with)).Do()
	wantError(t, err, 400, "resourceInUseByAnotherResource", "is already being used by 'projects/skysail-sandbox/zones/us-central1-a/instances/web'")
	_, err = c.Disks.Delete(Project, zone, "data").Do()
	wantError(t, err, 400, "resourceInUseByAnotherResource", "The disk resource 'projects/skysail-sandbox/zones/us-central1-a/disks/data' is already being used by")

	op, err = c.Instances.DetachDisk(Project, zone, "web", "skysail-data").Do()
	check(t, err)
	c.done(op)
	op, err = c.Instances.AttachDisk(Project, zone, "web", &compute.AttachedDisk{Source: diskPath(zone, "data"), DeviceName: "again"}).Do()
	check(t, err)
	c.done(op)
	op, err = c.Disks.Resize(Project, zone, "data", &compute.DisksResizeRequest{SizeGb: 40}).Do()
	check(t, err)
	c.done(op)
	_, err = c.Disks.Resize(Project, zone, "data", &compute.DisksResizeRequest{SizeGb: 10}).Do()
	wantError(t, err, 400, "invalid", "New disk size '10' GiB must be larger than existing size '40' GiB.")

	// What is not to go with the instance stays.
	op, err = c.Instances.Delete(Project, zone, "web").Do()
	check(t, err)
	c.done(op)
	d, err := c.Disks.Get(Project, zone, "data").Do()
	check(t, err)
	if len(d.Users) != 0 || d.SizeGb != 40 || d.Labels["skysail-deployment"] != "d1" {
		t.Errorf("disk %+v", d)
	}
	op, err = c.Disks.Delete(Project, zone, "data").Do()
	check(t, err)
	c.done(op)
	if n := len(c.world.State().Disks); n != 0 {
		t.Errorf("%d disks", n)
	}
	_, err = c.Disks.Insert(Project, zone, &compute.Disk{Name: "tiny", SizeGb: 5}).Do()
	wantError(t, err, 400, "invalid", "smaller than the minimum of '10 GB'")
}
