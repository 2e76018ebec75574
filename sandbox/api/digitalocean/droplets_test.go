package digitalocean

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/digitalocean/godo"

	"skysail/sandbox/world"
)

func TestADropletLives(t *testing.T) {
	c := newCloud(t)
	key, _, err := c.Keys.Create(t.Context(), &godo.KeyCreateRequest{Name: "k", PublicKey: publicKey(t, 0)})
	check(t, err)
	off := false
	made, res, err := c.Droplets.Create(t.Context(), create("web-1", func(r *godo.DropletCreateRequest) {
		r.Tags = []string{"skysail", "skysail-deployment:d1"}
		r.SSHKeys = []godo.DropletCreateSSHKey{{ID: key.ID}}
		r.UserData = "#cloud-config\n{}"
		r.Monitoring = true
		r.WithDropletAgent = &off
	}))
	check(t, err)
	if res.StatusCode != http.StatusAccepted || made.Status != "new" || !made.Locked {
		t.Errorf("create answers %d with %s, locked %v; want 202, new, locked", res.StatusCode, made.Status, made.Locked)
	}
	if len(made.Networks.V4) != 0 {
		t.Errorf("a new droplet has the address %v", made.Networks.V4)
	}
	if res.Links == nil || len(res.Links.Actions) != 1 || res.Links.Actions[0].Rel != "create" {
		t.Errorf("links: %+v", res.Links)
	}
	if res.Limit != hourlyLimit || res.Remaining == 0 || res.Reset.Before(time.Now()) {
		t.Errorf("rate: %+v", res.Rate)
	}

	_, err = c.Droplets.Delete(t.Context(), made.ID)
	wantError(t, err, 422, "Droplet already has a pending event.")

	d := c.await(made.ID, "active")
	ip, err := d.PublicIPv4()
	check(t, err)
	if !strings.HasPrefix(ip, "127.77.") {
		t.Errorf("address %q", ip)
	}
	if d.Region.Slug != "nyc1" || d.Size.Slug != "s-1vcpu-1gb" || d.SizeSlug != "s-1vcpu-1gb" || d.Image.Slug != "ubuntu-24-04-x64" ||
		d.Vcpus != 1 || d.Memory != 1024 || d.Disk != 25 || d.Size.PriceHourly != 0.00893 || d.Size.PriceMonthly != 6 {
		t.Errorf("droplet: %+v", d)
	}
	if !slices.Equal(d.Features, []string{"monitoring"}) || !slices.Equal(d.Tags, []string{"skysail", "skysail-deployment:d1"}) {
		t.Errorf("features %v, tags %v", d.Features, d.Tags)
	}
	s := c.world.State().Server(provider, strconv.Itoa(d.ID))
	if s.UserData != "#cloud-config\n{}" || !slices.Equal(s.KeyIDs, []string{strconv.Itoa(key.ID)}) {
		t.Errorf("the machine gets user data %q and keys %v", s.UserData, s.KeyIDs)
	}
	a, _, err := c.Actions.Get(t.Context(), res.Links.Actions[0].ID)
	check(t, err)
	if a.Status != godo.ActionCompleted || a.CompletedAt == nil || a.ResourceID != d.ID {
		t.Errorf("action: %+v", a)
	}

	res, err = c.Droplets.Delete(t.Context(), d.ID)
	check(t, err)
	if res.StatusCode != http.StatusNoContent {
		t.Errorf("delete answers %d", res.StatusCode)
	}
	_, _, err = c.Droplets.Get(t.Context(), d.ID)
	wantError(t, err, 404, "The resource you were accessing could not be found.")
	_, err = c.Droplets.Delete(t.Context(), d.ID)
	wantError(t, err, 404, "The resource you were accessing could not be found.")
}

func TestCreateIsRefused(t *testing.T) {
	c := newCloud(t)
	for _, tc := range []struct {
		name    string
		change  func(*godo.DropletCreateRequest)
		message string
	}{
		{"size", func(r *godo.DropletCreateRequest) { r.Size = "s-9" }, "You specified an invalid size for Droplet creation."},
		{"region", func(r *godo.DropletCreateRequest) { r.Region = "mars1" }, "You specified an invalid region for Droplet creation."},
		{"image", func(r *godo.DropletCreateRequest) { r.Image.Slug = "dos-6" }, "You specified an invalid image for Droplet creation."},
		{"size in region", func(r *godo.DropletCreateRequest) { r.Size, r.Region = "s-2vcpu-2gb", "fra1" }, "Size is not available in this region."},
		{"name", func(r *godo.DropletCreateRequest) { r.Name = "a_b" }, "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)"},
		{"keys", func(r *godo.DropletCreateRequest) {
			r.SSHKeys = []godo.DropletCreateSSHKey{{ID: 7}, {Fingerprint: "aa:bb"}}
		}, "7, aa:bb are invalid key identifiers for Droplet creation."},
		{"volumes", func(r *godo.DropletCreateRequest) { r.Volumes = []godo.DropletCreateVolume{{ID: "v"}} }, "the skysail sandbox attaches volumes to droplets that are there only"},
		{"ipv6", func(r *godo.DropletCreateRequest) { r.IPv6 = true }, "the skysail sandbox has no IPv6 addresses"},
		{"vpc", func(r *godo.DropletCreateRequest) { r.VPCUUID = "u" }, "the skysail sandbox has no VPC networks"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c.fault(world.Fault{Kind: world.Quota, Times: 1})
			_, _, err := c.Droplets.Create(t.Context(), create("web", tc.change))
			wantError(t, err, 422, tc.message)
			if n := len(c.world.State().Armed()); n != 1 {
				t.Error("a request that is wrong used a fault up")
			}
		})
	}
	if n := len(c.world.State().Servers); n != 0 {
		t.Errorf("%d servers were made", n)
	}
}

func TestListsOfDroplets(t *testing.T) {
	c := newCloud(t)
	var names []string
	for i := range 5 {
		name := fmt.Sprintf("web-%d", i)
		names = append(names, name)
		c.droplet(name, func(r *godo.DropletCreateRequest) { r.Tags = []string{"all", "tag" + strconv.Itoa(i%2)} })
	}
	c.droplet("gpu", func(r *godo.DropletCreateRequest) {
		r.Size, r.Tags = "gpu-h100x8-640gb", []string{"all"}
	})

	var got []string
	pages := 0
	for opt := (&godo.ListOptions{PerPage: 2}); ; opt.Page++ {
		ds, res, err := c.Droplets.List(t.Context(), opt)
		check(t, err)
		for _, d := range ds {
			got = append(got, d.Name)
		}
		pages++
		if res.Meta.Total != 5 {
			t.Errorf("total %d", res.Meta.Total)
		}
		if res.Links == nil || res.Links.IsLastPage() {
			break
		}
		if opt.Page == 0 {
			opt.Page = 1
		}
	}
	if pages != 3 || !slices.Equal(got, names) {
		t.Errorf("%d pages with %v, want 3 with %v", pages, got, names)
	}

	for name, tc := range map[string]struct {
		list func() ([]godo.Droplet, *godo.Response, error)
		want string
	}{
		"by tag":       {func() ([]godo.Droplet, *godo.Response, error) { return c.Droplets.ListByTag(t.Context(), "tag1", nil) }, "web-1 web-3"},
		"tag's case":   {func() ([]godo.Droplet, *godo.Response, error) { return c.Droplets.ListByTag(t.Context(), "TAG1", nil) }, "web-1 web-3"},
		"tag with GPU": {func() ([]godo.Droplet, *godo.Response, error) { return c.Droplets.ListByTag(t.Context(), "all", nil) }, "web-0 web-1 web-2 web-3 web-4 gpu"},
		"no such tag":  {func() ([]godo.Droplet, *godo.Response, error) { return c.Droplets.ListByTag(t.Context(), "tag", nil) }, ""},
		"by name": {func() ([]godo.Droplet, *godo.Response, error) {
			return c.Droplets.ListByName(t.Context(), "WEB-2", nil)
		}, "web-2"},
		"GPUs": {func() ([]godo.Droplet, *godo.Response, error) { return c.Droplets.ListWithGPUs(t.Context(), nil) }, "gpu"},
	} {
		ds, _, err := tc.list()
		check(t, err)
		var got []string
		for _, d := range ds {
			got = append(got, d.Name)
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s: %v, want %s", name, got, tc.want)
		}
	}

	_, err := c.Droplets.DeleteByTag(t.Context(), "tag0")
	check(t, err)
	ds, _, err := c.Droplets.List(t.Context(), nil)
	check(t, err)
	if len(ds) != 2 {
		t.Errorf("%d droplets after a delete by tag, want 2", len(ds))
	}
}

func TestCreateMany(t *testing.T) {
	c := newCloud(t)
	ds, _, err := c.Droplets.CreateMultiple(t.Context(), &godo.DropletMultiCreateRequest{
		Names: []string{"a", "b"}, Region: "nyc1", Size: "s-1vcpu-1gb", Image: godo.DropletCreateImage{Slug: "debian-12-x64"},
	})
	check(t, err)
	if len(ds) != 2 || ds[0].Name != "a" || ds[1].Name != "b" || ds[0].ID == ds[1].ID {
		t.Errorf("droplets: %+v", ds)
	}
}

func TestActions(t *testing.T) {
	c := newCloud(t)
	d := c.droplet("web")
	done := func(a *godo.Action, _ *godo.Response, err error) {
		t.Helper()
		check(t, err)
		for end := time.Now().Add(10 * time.Second); a.CompletedAt == nil; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("action %s never completes", a.Type)
			}
			a, _, err = c.DropletActions.Get(t.Context(), d.ID, a.ID)
			check(t, err)
		}
	}
	_, _, err := c.DropletActions.Resize(t.Context(), d.ID, "s-2vcpu-2gb", true)
	wantError(t, err, 422, "Droplet must be off to resize.")
	done(c.DropletActions.PowerOff(t.Context(), d.ID))
	c.await(d.ID, "off")
	_, _, err = c.DropletActions.PowerOff(t.Context(), d.ID)
	wantError(t, err, 422, "Droplet is already powered off.")
	done(c.DropletActions.Resize(t.Context(), d.ID, "s-2vcpu-2gb", true))
	done(c.DropletActions.PowerOn(t.Context(), d.ID))
	if got := c.await(d.ID, "active"); got.SizeSlug != "s-2vcpu-2gb" || got.Vcpus != 2 {
		t.Errorf("after resize: %s with %d vCPU", got.SizeSlug, got.Vcpus)
	}
	done(c.DropletActions.Rename(t.Context(), d.ID, "new-name"))
	done(c.DropletActions.Reboot(t.Context(), d.ID))
	if got := c.await(d.ID, "active"); got.Name != "new-name" {
		t.Errorf("after rename: %s", got.Name)
	}
	done(c.DropletActions.EnableBackups(t.Context(), d.ID))
	if got := c.await(d.ID, "active"); !slices.Contains(got.Features, "backups") {
		t.Errorf("features %v", got.Features)
	}
	_, _, err = c.DropletActions.Snapshot(t.Context(), d.ID, "s")
	wantError(t, err, 422, `the skysail sandbox does not simulate the action "snapshot"`)
	all, _, err := c.Droplets.Actions(t.Context(), d.ID, nil)
	check(t, err)
	if len(all) != 7 || all[0].Type != "enable_backups" || all[6].Type != "create" {
		t.Errorf("%d actions, want 7, newest first", len(all))
	}
}

func TestWhatThereIsToChooseFrom(t *testing.T) {
	c := newCloud(t)
	zs, _, err := c.Sizes.List(t.Context(), &godo.ListOptions{PerPage: 200})
	check(t, err)
	if len(zs) != 3 || zs[0].Slug != "s-1vcpu-1gb" || !zs[0].Available || zs[2].GPUInfo == nil ||
		zs[2].GPUInfo.Count != 8 || zs[2].GPUInfo.VRAM.Amount != 640 || zs[2].GPUInfo.Model != "nvidia_h100" {
		t.Errorf("sizes: %v", zs)
	}
	rs, _, err := c.Regions.List(t.Context(), nil)
	check(t, err)
	if len(rs) != 2 || rs[1].Slug != "fra1" || rs[1].Name != "Frankfurt 1" || !slices.Equal(rs[1].Sizes, []string{"s-1vcpu-1gb"}) {
		t.Errorf("regions: %v", rs)
	}
	i, _, err := c.Images.GetBySlug(t.Context(), "ubuntu-24-04-x64")
	check(t, err)
	again, _, err := c.Images.GetByID(t.Context(), i.ID)
	check(t, err)
	if again.Slug != "ubuntu-24-04-x64" || again.Distribution != "Ubuntu" {
		t.Errorf("image: %v", again)
	}
	_, _, err = c.Images.GetBySlug(t.Context(), "none")
	wantError(t, err, 404, "The resource you were accessing could not be found.")
	is, _, err := c.Images.ListDistribution(t.Context(), nil)
	check(t, err)
	if len(is) != len(images) {
		t.Errorf("%d images", len(is))
	}
	a, _, err := c.Account.Get(t.Context())
	check(t, err)
	if a.Status != "active" || a.DropletLimit == 0 {
		t.Errorf("account: %v", a)
	}
}
