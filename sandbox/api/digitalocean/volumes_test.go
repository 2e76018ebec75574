package digitalocean

import (
	"net/http"
	"testing"

	"github.com/digitalocean/godo"
	"github.com/google/go-cmp/cmp"
)

func (c *cloud) volume(name string) *godo.Volume {
	c.Helper()
	v, _, err := c.Storage.CreateVolume(c.Context(), &godo.VolumeCreateRequest{Name: name, Region: "nyc1", SizeGigaBytes: 10, Tags: []string{"disk"}})
	if err != nil {
		c.Fatal(err)
	}
	return v
}

func TestVolumes(t *testing.T) {
	c := newCloud(t)
	ctx := t.Context()
	v, d := c.volume("data"), c.droplet("web")
	if v.Name != "data" || v.SizeGigaBytes != 10 || v.Region == nil || v.Region.Slug != "nyc1" || len(v.DropletIDs) != 0 || v.CreatedAt.IsZero() {
		t.Errorf("made: %+v", v)
	}
	a, _, err := c.StorageActions.Attach(ctx, v.ID, d.ID)
	check(t, err)
	if again, _, err := c.Actions.Get(ctx, a.ID); err != nil || again.Status != "completed" || again.Type != "attach_volume" {
		t.Errorf("the action: %+v, %v", again, err)
	}
	v, _, err = c.Storage.GetVolume(ctx, v.ID)
	check(t, err)
	d, _, err = c.Droplets.Get(ctx, d.ID)
	check(t, err)
	if !cmp.Equal(v.DropletIDs, []int{d.ID}) || !cmp.Equal(d.VolumeIDs, []string{v.ID}) {
		t.Errorf("volume of %v, droplet with %v", v.DropletIDs, d.VolumeIDs)
	}
	_, _, err = c.StorageActions.Attach(ctx, v.ID, d.ID)
	wantError(t, err, http.StatusUnprocessableEntity, godo.ErrVolumeAlreadyAttached)
	_, err = c.Storage.DeleteVolume(ctx, v.ID)
	wantError(t, err, http.StatusConflict, "the volume is attached to a Droplet")

	tag, _, err := c.Tags.Get(ctx, "disk")
	check(t, err)
	if tag.Resources.Count != 1 || tag.Resources.Volumes.Count != 1 {
		t.Errorf("the tag is on %+v", tag.Resources)
	}
	if list, _, err := c.Storage.ListVolumes(ctx, &godo.ListVolumeParams{Name: "data", Region: "nyc1"}); err != nil || len(list) != 1 {
		t.Errorf("by name: %v, %v", list, err)
	}
	if list, _, err := c.Storage.ListVolumes(ctx, &godo.ListVolumeParams{Region: "fra1"}); err != nil || len(list) != 0 {
		t.Errorf("elsewhere: %v, %v", list, err)
	}

	_, _, err = c.StorageActions.DetachByDropletID(ctx, v.ID, d.ID)
	check(t, err)
	_, _, err = c.StorageActions.DetachByDropletID(ctx, v.ID, d.ID)
	wantError(t, err, http.StatusUnprocessableEntity, godo.ErrAttachmentNotFound)
	_, _, err = c.StorageActions.Resize(ctx, v.ID, 20, "nyc1")
	check(t, err)
	_, _, err = c.StorageActions.Resize(ctx, v.ID, 5, "nyc1")
	wantError(t, err, http.StatusUnprocessableEntity, "a volume can only grow, to at most 16384 GiB")
	_, err = c.Storage.DeleteVolume(ctx, v.ID)
	check(t, err)
	_, _, err = c.Storage.GetVolume(ctx, v.ID)
	wantError(t, err, http.StatusNotFound, "The resource you were accessing could not be found.")
}

// A droplet that goes leaves its volume behind, attached to nothing.
func TestVolumeOutlivesItsDroplet(t *testing.T) {
	c := newCloud(t)
	v, d := c.volume("data"), c.droplet("web")
	_, _, err := c.StorageActions.Attach(t.Context(), v.ID, d.ID)
	check(t, err)
	_, err = c.Droplets.Delete(t.Context(), d.ID)
	check(t, err)
	v, _, err = c.Storage.GetVolume(t.Context(), v.ID)
	check(t, err)
	if len(v.DropletIDs) != 0 {
		t.Errorf("it is attached to %v", v.DropletIDs)
	}
	_, err = c.Tags.Delete(t.Context(), "disk")
	check(t, err)
	if v, _, err = c.Storage.GetVolume(t.Context(), v.ID); err != nil || len(v.Tags) != 0 {
		t.Errorf("after its tag was deleted: %+v, %v", v, err)
	}
}

func TestVolumeRefusals(t *testing.T) {
	c := newCloud(t)
	v := c.volume("data")
	good := godo.VolumeCreateRequest{Name: "other", Region: "nyc1", SizeGigaBytes: 1}
	for name, tc := range map[string]struct {
		change func(*godo.VolumeCreateRequest)
		status int
		words  string
	}{
		"its name again": {func(r *godo.VolumeCreateRequest) { r.Name = "data" }, http.StatusConflict, "a volume with this name already exists"},
		"a bad name":     {func(r *godo.VolumeCreateRequest) { r.Name = "No" }, http.StatusUnprocessableEntity, "name: may only contain alphanumeric characters and dashes"},
		"no size":        {func(r *godo.VolumeCreateRequest) { r.SizeGigaBytes = 0 }, http.StatusUnprocessableEntity, "size_gigabytes must be between 1 and 16384"},
		"no region":      {func(r *godo.VolumeCreateRequest) { r.Region = "mars1" }, http.StatusUnprocessableEntity, "invalid region"},
		"a bad tag":      {func(r *godo.VolumeCreateRequest) { r.Tags = []string{"a b"} }, http.StatusUnprocessableEntity, "Tag name a b is invalid. Tags may contain letters, numbers, colons, dashes, and underscores; there is a limit of 255 characters per tag."},
		"a snapshot":     {func(r *godo.VolumeCreateRequest) { r.SnapshotID = "x" }, http.StatusUnprocessableEntity, "the skysail sandbox has no snapshots"},
	} {
		t.Run(name, func(t *testing.T) {
			r := good
			tc.change(&r)
			_, _, err := c.Storage.CreateVolume(t.Context(), &r)
			wantError(t, err, tc.status, tc.words)
		})
	}
	d := c.droplet("far", func(r *godo.DropletCreateRequest) { r.Region = "fra1" })
	_, _, err := c.StorageActions.Attach(t.Context(), v.ID, d.ID)
	wantError(t, err, http.StatusUnprocessableEntity, "Droplet and volume must be in the same region")
	_, _, err = c.StorageActions.Attach(t.Context(), v.ID, 1)
	wantError(t, err, http.StatusNotFound, "The resource you were accessing could not be found.")
}
