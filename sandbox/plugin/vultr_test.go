package plugin

import (
	"strings"
	"testing"
	"time"

	"skysail/internal/tfplugin/tfplugintest"
	"skysail/sandbox/world"
)

const vultrConfig = `
terraform {
  required_providers {
    vultr = {
      source  = "vultr/vultr"
      version = "2.32.0"
    }
  }
}

resource "vultr_ssh_key" "this" {
  name    = "KEYNAME"
  ssh_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKUvuHJ0eQyX0sPrOLAoZU4J4m6NkhR+Kq6vWkAxnZ6B test"
}

resource "vultr_firewall_group" "this" {
  description = "skysail-d4k2m9x7qpb1"
}

resource "vultr_firewall_rule" "ssh" {
  firewall_group_id = vultr_firewall_group.this.id
  protocol          = "tcp"
  ip_type           = "v4"
  subnet            = "203.0.113.0"
  subnet_size       = 24
  port              = "22"
  notes             = "ssh"
}

resource "vultr_firewall_rule" "service" {
  firewall_group_id = vultr_firewall_group.this.id
  protocol          = "tcp"
  ip_type           = "v6"
  subnet            = "0::0"
  subnet_size       = 0
  port              = "PORT"
}

resource "vultr_instance" "this" {
  label             = "skysail-d4k2m9x7qpb1-0"
  hostname          = "skysail-d4k2m9x7qpb1-0"
  region            = "ewr"
  plan              = "PLAN"
  os_id             = 2136
  firewall_group_id = vultr_firewall_group.this.id
  ssh_key_ids       = [vultr_ssh_key.this.id]
  user_data         = "#cloud-config\nUSERDATA"
  tags              = ["skysail", "skysail-deployment:d4k2m9x7qpb1", "TAG"]
  activation_email  = false
  backups           = "disabled"
  enable_ipv6       = false
}
`

func vultrWith(changes ...string) string {
	return fill(vultrConfig, []string{"KEYNAME", "skysail-d4k2m9x7qpb1", "PORT", "8080", "PLAN", "vc2-1c-1gb", "TAG", "blue", "USERDATA", "{}"}, changes)
}

func TestVultrLifeCycle(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	w := c.workspace(t, vultrWith())
	w.Apply()
	w.WantNoChanges()

	server := c.server(t, world.Vultr)
	instance := w.Resource("vultr_instance.this").AttributeValues
	for name, want := range map[string]any{
		"id": server.ID, "main_ip": server.Address, "status": "active", "power_status": "running",
		"user_data": "#cloud-config\n{}", "user_scheme": "root",
	} {
		if instance[name] != want {
			t.Errorf("%s = %v, want %v", name, instance[name], want)
		}
	}
	if instance["default_password"] == "" || instance["default_password"] == nil {
		t.Error("the password that is told once is lost")
	}
	if server.UserData != "#cloud-config\n{}" {
		t.Errorf("the cloud got user data %q", server.UserData)
	}

	// In place: a tag and a key's name. Replaced: a rule, which has no update.
	w.Write(vultrWith("PORT", "9090", "TAG", "green", "KEYNAME", "renamed"))
	if out, _ := w.Plan(); !strings.Contains(out, "1 to add, 2 to change, 1 to destroy") {
		t.Errorf("plan:\n%s", out)
	}
	w.Apply()
	w.WantNoChanges()
	if s := c.server(t, world.Vultr); s.ID != server.ID || !s.HasTag("green") || s.HasTag("blue") {
		t.Errorf("after the change: %+v", s)
	}
	if k := c.State().KeysOf(world.Vultr); len(k) != 1 || k[0].Name != "renamed" {
		t.Errorf("keys %+v", k)
	}
	if got := w.Resource("vultr_instance.this").AttributeValues["default_password"]; got != instance["default_password"] {
		t.Error("the password that is told once was lost by a change")
	}

	// Replaced: user data.
	w.Write(vultrWith("PORT", "9090", "TAG", "green", "KEYNAME", "renamed", "USERDATA", `{\"packages\": []}`))
	if out, _ := w.Plan(); !strings.Contains(out, "forces replacement") || !strings.Contains(out, "1 to add, 0 to change, 1 to destroy") {
		t.Errorf("plan:\n%s", out)
	}
	w.Apply()
	if s := c.server(t, world.Vultr); s.ID == server.ID {
		t.Error("the instance is the same")
	}

	// Drift: somebody deleted the instance and the key.
	if err := c.Update(func(st *world.State) error {
		st.RemoveServer(world.Vultr, c.State().ServersOf(world.Vultr)[0].ID)
		st.RemoveKey(world.Vultr, c.State().KeysOf(world.Vultr)[0].ID)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if out, _ := w.Plan(); !strings.Contains(out, "2 to add, 0 to change, 0 to destroy") {
		t.Errorf("plan:\n%s", out)
	}
	w.Destroy()
	c.wantEmpty(t)
}

func TestVultrFaultTexts(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	for _, tc := range []struct {
		fault world.Fault
		want  []string
		left  int
	}{
		{world.Fault{Kind: world.Capacity, Times: 1}, []string{`error creating server: {"error":"`, "available", `"status":400}`}, 0},
		{world.Fault{Kind: world.Quota, Times: 1}, []string{`error creating server: {"error":"`, "maximum", `"status":400}`}, 0},
		{world.Fault{Kind: world.Auth}, []string{"error creating", "Invalid API token"}, 0},
		{world.Fault{Kind: world.HalfMade, Times: 1}, []string{"error creating server: ", "gave up after 4 attempts, last error: "}, 4},
	} {
		tc.fault.Provider = world.Vultr
		c.fault(t, tc.fault)
		w := c.workspace(t, vultrWith())
		out := w.ApplyFails()
		for _, want := range tc.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in:\n%s", tc.fault.Kind, want, out)
			}
		}
		c.clearFaults(t)
		// A group that still guards what nobody knows of can not be destroyed.
		c.sweep(t, world.Vultr, tc.left)
		w.Destroy()
		c.wantEmpty(t)
	}
}

func TestVultrInterruptedCreateIsKept(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.fault(t, world.Fault{Provider: world.Vultr, Kind: world.Slow})
	w := c.workspace(t, vultrWith())
	interrupted(t, c, w, world.Vultr, "vultr_instance.this", "error while waiting for Server ")
}

func TestVultrHangEndsWithTheInterrupt(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.fault(t, world.Fault{Provider: world.Vultr, Kind: world.Hang})
	w := c.workspace(t, vultrWith())
	out := interrupt(t, c, w, world.Vultr, createGrace+5*time.Second)
	if !strings.Contains(out, "error creating server") {
		t.Errorf("says:\n%s", out)
	}
	c.clearFaults(t)
	c.sweep(t, world.Vultr, 1)
	w.Destroy()
	c.wantEmpty(t)
}

func TestVultrRefusesWhatItDoesNotServe(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	for _, tc := range []struct {
		config, want string
	}{
		{vultrWith(`"disabled"`, `"enabled"`), "backups of vultr_instance is not served here"},
		{vultrWith("os_id             = 2136", `block_devices { block_id = "x" }`), "block_devices of vultr_instance is not served here"},
		{vultrWith("0::0", "anywhere"), "expected subnet to contain a valid IP, got: anywhere"},
		{vultrWith(`ip_type           = "v4"`, `ip_type = "4"`), `expected ip_type to be one of ["v4" "v6"], got 4`},
	} {
		w := c.workspace(t, tc.config)
		out, code := w.Run("plan", "-input=false", "-no-color")
		if out = tfplugintest.Flat(out); code != 1 || !strings.Contains(out, tc.want) {
			t.Errorf("exit %d, no %q in:\n%s", code, tc.want, out)
		}
	}
	w := c.workspace(t, vultrWith())
	w.Setenv("HTTPS_PROXY", "")
	out, code := w.Run("plan", "-input=false", "-no-color")
	if want := "skysail's stand-in for this provider does not call api.vultr.com"; code != 1 || !strings.Contains(tfplugintest.Flat(out), want) {
		t.Errorf("exit %d, no %q in:\n%s", code, want, out)
	}
}
