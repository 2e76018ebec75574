package plugin

import (
	"strings"
	"testing"

	"skysail/internal/tfplugin/tfplugintest"
	"skysail/sandbox/world"
)

// The parts of the configuration that tests change stand in capitals.
const doConfig = `
terraform {
  required_providers {
    digitalocean = {
      source  = "digitalocean/digitalocean"
      version = "2.99.1"
    }
  }
}

resource "digitalocean_tag" "this" {
  name = "skysail-deployment:d4k2m9x7qpb1"
}

resource "digitalocean_ssh_key" "this" {
  name       = "skysail-d4k2m9x7qpb1"
  public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKUvuHJ0eQyX0sPrOLAoZU4J4m6NkhR+Kq6vWkAxnZ6B test"
}

resource "digitalocean_firewall" "this" {
  name = "skysail-d4k2m9x7qpb1"
  tags = [digitalocean_tag.this.name]
  inbound_rule {
    protocol         = "tcp"
    port_range       = "22"
    source_addresses = ["203.0.113.0/24"]
  }
  inbound_rule {
    protocol         = "tcp"
    port_range       = "PORT"
    source_addresses = ["0.0.0.0/0", "::/0"]
  }
  outbound_rule {
    protocol              = "tcp"
    port_range            = "1-65535"
    destination_addresses = ["0.0.0.0/0", "::/0"]
  }
  outbound_rule {
    protocol              = "udp"
    port_range            = "1-65535"
    destination_addresses = ["0.0.0.0/0", "::/0"]
  }
  outbound_rule {
    protocol              = "icmp"
    destination_addresses = ["0.0.0.0/0", "::/0"]
  }
}

resource "digitalocean_droplet" "this" {
  name          = "skysail-d4k2m9x7qpb1-0"
  image         = "debian-12-x64"
  size          = "SIZE"
  region        = "nyc3"
  monitoring    = true
  droplet_agent = false
  ssh_keys      = [digitalocean_ssh_key.this.id]
  tags          = ["skysail", digitalocean_tag.this.name, "TAG"]
  user_data     = "#cloud-config\nUSERDATA"
  depends_on    = [digitalocean_firewall.this]
}
`

// fill puts defaults, then the changes, into a configuration.
func fill(config string, defaults, changes []string) string {
	config = strings.NewReplacer(changes...).Replace(config)
	return strings.NewReplacer(defaults...).Replace(config)
}

func doWith(changes ...string) string {
	return fill(doConfig, []string{"PORT", "8080", "SIZE", "s-1vcpu-1gb", "TAG", "blue", "USERDATA", "{}"}, changes)
}

func TestDigitalOceanLifeCycle(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	w := c.workspace(t, doWith())
	w.Apply()
	w.WantNoChanges()

	server := c.server(t, world.DigitalOcean)
	droplet := w.Resource("digitalocean_droplet.this").AttributeValues
	for name, want := range map[string]any{
		"id":           server.ID,
		"ipv4_address": server.Address,
		"status":       "active",
		"region":       "nyc3",
		// What the real provider keeps of user data is its SHA-1.
		"user_data": "bba373d2f1e4b0d557b2d22088aae9c28d1a22d3",
	} {
		if droplet[name] != want {
			t.Errorf("%s = %v, want %v", name, droplet[name], want)
		}
	}
	if server.UserData != "#cloud-config\n{}" {
		t.Errorf("the cloud got user data %q", server.UserData)
	}

	// In place: a rule, a tag, a resize.
	w.Write(doWith("PORT", "9090", "TAG", "green", "SIZE", "s-2vcpu-2gb"))
	if out, _ := w.Plan(); !strings.Contains(out, "0 to add, 2 to change, 0 to destroy") {
		t.Errorf("plan:\n%s", out)
	}
	w.Apply()
	w.WantNoChanges()
	if s := c.server(t, world.DigitalOcean); s.ID != server.ID || !s.HasTag("green") || s.HasTag("blue") || s.Size != "s-2vcpu-2gb" {
		t.Errorf("after the change: %+v", s)
	}

	// Replaced: user data.
	w.Write(doWith("PORT", "9090", "TAG", "green", "SIZE", "s-2vcpu-2gb", "USERDATA", `{\"packages\": []}`))
	if out, _ := w.Plan(); !strings.Contains(out, "forces replacement") || !strings.Contains(out, "1 to add, 0 to change, 1 to destroy") {
		t.Errorf("plan:\n%s", out)
	}
	w.Apply()
	if s := c.server(t, world.DigitalOcean); s.ID == server.ID {
		t.Error("the droplet is the same")
	}

	// Drift: somebody deleted the droplet.
	if err := c.Update(func(st *world.State) error {
		st.RemoveServer(world.DigitalOcean, c.State().ServersOf(world.DigitalOcean)[0].ID)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if out, _ := w.Plan(); !strings.Contains(out, "1 to add, 0 to change, 0 to destroy") {
		t.Errorf("plan:\n%s", out)
	}
	w.Destroy()
	c.wantEmpty(t)
}

func TestDigitalOceanFaultTexts(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	for _, tc := range []struct {
		fault world.Fault
		want  []string
	}{
		{world.Fault{Kind: world.Capacity, Times: 1}, []string{"Error creating droplet: POST http://", "/v2/droplets: 422 (request", "available"}},
		{world.Fault{Kind: world.Quota, Times: 1}, []string{"Error creating droplet: POST http://", "422", "will exceed your droplet limit"}},
		{world.Fault{Kind: world.Auth}, []string{"Error creating SSH Key: POST http://", "401", "Unable to authenticate you"}},
		{world.Fault{Kind: world.HalfMade, Times: 1}, []string{"Error creating droplet: POST http://", "giving up after 5 attempt(s)"}},
	} {
		tc.fault.Provider = world.DigitalOcean
		c.fault(t, tc.fault)
		w := c.workspace(t, doWith())
		out := w.ApplyFails()
		for _, want := range tc.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in:\n%s", tc.fault.Kind, want, out)
			}
		}
		c.clearFaults(t)
		w.Destroy()
		if tc.fault.Kind == world.HalfMade {
			// Each attempt made one, and nobody was told an ID: finding them is
			// what the sweep is for.
			c.sweep(t, world.DigitalOcean, 5)
		}
		c.wantEmpty(t)
	}
}

func TestDigitalOceanInterruptedCreateIsKept(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.fault(t, world.Fault{Provider: world.DigitalOcean, Kind: world.Slow})
	w := c.workspace(t, doWith())
	interrupted(t, c, w, world.DigitalOcean, "digitalocean_droplet.this", "Error waiting for droplet (")
}

func TestDigitalOceanRefusesWhatItDoesNotServe(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	for config, want := range map[string]string{
		doWith("monitoring    = true", "backups = true"):                                             "backups of digitalocean_droplet is not served here",
		doWith("monitoring    = true", `volume_ids = ["x"]`):                                         "volume_ids of digitalocean_droplet is not served here",
		doWith("TAG", "not a tag"):                                                                   "tags may contain lowercase letters",
		doWith(`port_range       = "PORT"`, ""):                                                      "`port_range` of inbound rules is required if protocol is `tcp` or `udp`",
		doWith() + "\nprovider \"digitalocean\" {\n spaces_access_id = \"x\"\n}\n":                   "spaces_access_id is not served here",
		doWith() + "\nprovider \"digitalocean\" {\n api_endpoint = \"https://api.example.com\"\n}\n": "skysail's stand-in for this provider does not call api.example.com",
	} {
		w := c.workspace(t, config)
		w.Setenv("HTTPS_PROXY", "")
		out, code := w.Run("plan", "-input=false", "-no-color")
		if out = tfplugintest.Flat(out); code != 1 || !strings.Contains(out, want) {
			t.Errorf("exit %d, no %q in:\n%s", code, want, out)
		}
	}
}
