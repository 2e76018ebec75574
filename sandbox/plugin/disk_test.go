package plugin

import (
	"strings"
	"testing"

	"skysail/sandbox/world"
)

const doDisk = `
resource "digitalocean_volume" "data" {
  name   = "skysail-d4k2m9x7qpb1-0"
  region = "NYC3"
  size   = GIB
  tags   = [digitalocean_tag.this.name, "MARK"]
}

resource "digitalocean_volume_attachment" "data" {
  droplet_id = digitalocean_droplet.this.id
  volume_id  = digitalocean_volume.data.id
}
`

func TestDigitalOceanVolume(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	with := func(changes ...string) string {
		return doWith() + fill(doDisk, []string{"GIB", "10", "MARK", "blue"}, changes)
	}
	w := c.workspace(t, with())
	w.Apply()
	w.WantNoChanges()
	disk := func() *world.Disk {
		t.Helper()
		disks := c.State().DisksOf(world.DigitalOcean)
		if len(disks) != 1 {
			t.Fatalf("%d volumes", len(disks))
		}
		return disks[0]
	}
	d := disk()
	if d.ServerID != c.server(t, world.DigitalOcean).ID || d.SizeGB != 10 || len(d.Tags) != 2 {
		t.Errorf("volume: %+v", d)
	}
	// In place: it grows, and a tag is another. The droplet's replacement moves it.
	w.Write(with("GIB", "20", "MARK", "green"))
	w.Apply()
	w.WantNoChanges()
	if d := disk(); d.SizeGB != 20 || strings.Join(d.Tags, " ") != "skysail-deployment:d4k2m9x7qpb1 green" {
		t.Errorf("after the change: %+v", d)
	}
	w.Write(doWith("USERDATA", `{\"packages\": []}`) + fill(doDisk, []string{"GIB", "20", "MARK", "green"}, nil))
	w.Apply()
	w.WantNoChanges()
	if moved := disk(); moved.ID != d.ID || moved.ServerID != c.server(t, world.DigitalOcean).ID {
		t.Errorf("after the droplet's replacement: %+v", moved)
	}
	w.Write(with("GIB", "5", "MARK", "green"))
	if out, code := w.Run("plan", "-input=false", "-no-color"); code != 1 || !strings.Contains(out, "can only be expanded and not shrunk") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	// Drift: somebody detached it.
	w.Write(with("GIB", "20", "MARK", "green"))
	if err := c.Update(func(st *world.State) error { st.Disks[0].ServerID = ""; return nil }); err != nil {
		t.Fatal(err)
	}
	if out, _ := w.Plan(); !strings.Contains(out, "digitalocean_volume_attachment.data will be created") {
		t.Errorf("plan:\n%s", out)
	}
	w.Apply()
	w.Destroy()
	c.wantEmpty(t)
}

const vultrDisk = `
resource "vultr_block_storage" "data" {
  label                = "skysail-d4k2m9x7qpb1-0"
  region               = "ewr"
  size_gb              = GIB
  block_type           = "high_perf"
  attached_to_instance = vultr_instance.this.id
  live                 = true
}
`

func TestVultrBlockStorage(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	w := c.workspace(t, vultrWith()+fill(vultrDisk, []string{"GIB", "50"}, nil))
	w.Apply()
	w.WantNoChanges()
	block := w.Resource("vultr_block_storage.data").AttributeValues
	if block["status"] != "active" || block["mount_id"] == "" || block["attached_to_instance"] != c.server(t, world.Vultr).ID {
		t.Errorf("block storage: %v", block)
	}
	w.Write(vultrWith() + fill(vultrDisk, []string{"GIB", "60"}, nil))
	w.Apply()
	w.WantNoChanges()
	w.Write(vultrWith("USERDATA", `{\"packages\": []}`) + fill(vultrDisk, []string{"GIB", "60"}, nil))
	w.Apply()
	w.WantNoChanges()
	if d := c.State().DisksOf(world.Vultr); len(d) != 1 || d[0].ID != block["id"] || d[0].SizeGB != 60 || d[0].ServerID != c.server(t, world.Vultr).ID {
		t.Errorf("after the instance's replacement: %+v", d)
	}
	w.Write(vultrWith() + fill(vultrDisk, []string{"GIB", "5"}, nil))
	if out := w.ApplyFails(); !strings.Contains(out, "error getting block storage:") || !strings.Contains(out, "can only grow") {
		t.Errorf("apply:\n%s", out)
	}
	w.Destroy()
	c.wantEmpty(t)
}
