package plugin

import (
	"strings"
	"testing"

	"skysail/internal/tfplugin/tfplugintest"
	"skysail/sandbox/world"
)

const googleConfig = `
terraform {
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "7.45.0"
    }
  }
}

provider "google" {
  zone          = "us-central1-a"
  poll_interval = "200ms"
}

resource "google_compute_firewall" "service" {
  name          = "skysail-d4k2m9x7qpb1"
  network       = "default"
  source_ranges = ["203.0.113.0/24"]
  target_tags   = ["skysail-d4k2m9x7qpb1"]

  allow {
    protocol = "tcp"
    ports    = ["22", "PORT"]
  }
}

resource "google_compute_disk" "data" {
  count = COUNT

  name   = "skysail-d4k2m9x7qpb1-data-${count.index}"
  type   = "pd-balanced"
  size   = SIZE
  labels = { skysail-deployment = "d4k2m9x7qpb1" }
}

resource "google_compute_instance" "instance" {
  count = COUNT

  name         = "skysail-d4k2m9x7qpb1-${count.index}"
  machine_type = "TYPE"
  tags         = ["skysail-d4k2m9x7qpb1"]
  labels = {
    skysail            = "true"
    skysail-deployment = "d4k2m9x7qpb1"
    colour             = "LABEL"
  }
  allow_stopping_for_update = true

  boot_disk {
    initialize_params {
      image  = "IMAGE"
      size   = 20
      type   = "pd-balanced"
      labels = { skysail-deployment = "d4k2m9x7qpb1" }
    }
  }

  attached_disk {
    source      = google_compute_disk.data[count.index].id
    device_name = "data"
  }

  network_interface {
    network = "default"
    access_config {}
  }

  metadata = { user-data = "#cloud-config\nUSERDATA" }

  scheduling {
    automatic_restart   = false
    on_host_maintenance = "TERMINATE"
    provisioning_model  = "SPOT"
    preemptible         = true

    instance_termination_action = "DELETE"
    max_run_duration {
      seconds = 3600
    }
  }

  shielded_instance_config {
    enable_secure_boot = true
  }

  lifecycle {
    postcondition {
      condition     = self.network_interface[0].access_config[0].nat_ip != ""
      error_message = "Google gave the instance no public address."
    }
  }
}

output "addresses" {
  value = google_compute_instance.instance[*].network_interface[0].access_config[0].nat_ip
}
`

func googleWith(changes ...string) string {
	return fill(googleConfig, []string{
		"PORT", "8080", "COUNT", "1", "SIZE", "30", "TYPE", "e2-small", "LABEL", "blue", "USERDATA", "{}",
		"IMAGE", "ubuntu-os-cloud/ubuntu-2404-lts-amd64",
	}, changes)
}

func TestGoogleLifeCycle(t *testing.T) {
	t.Parallel()
	c := newGoogleCloud(t)
	w := c.workspace(t, googleWith())
	w.Apply()
	w.WantNoChanges()

	server := c.server(t, world.GCP)
	instance := w.Resource("google_compute_instance.instance[0]").AttributeValues
	for name, want := range map[string]any{
		"id":             "projects/skysail-sandbox/zones/us-central1-a/instances/skysail-d4k2m9x7qpb1-0",
		"current_status": "RUNNING", "project": "skysail-sandbox", "zone": "us-central1-a", "instance_id": server.ID,
	} {
		if instance[name] != want {
			t.Errorf("%s = %v, want %v", name, instance[name], want)
		}
	}
	if out := w.MustRun("output", "-json", "addresses"); !strings.Contains(out, server.Address) {
		t.Errorf("addresses are %s, want %s", out, server.Address)
	}
	if server.UserData != "#cloud-config\n{}" || !server.Spot || server.PriceUSD != 0.005 || server.ExpiresAt.IsZero() {
		t.Errorf("server %+v", server)
	}
	for _, tag := range []string{"skysail-deployment:d4k2m9x7qpb1", "goog-terraform-provisioned:true", "skysail-d4k2m9x7qpb1"} {
		if !server.HasTag(tag) {
			t.Errorf("no tag %s in %v", tag, server.Tags)
		}
	}
	if n := len(c.State().Disks); n != 2 {
		t.Errorf("%d disks, want one to boot from and one of data", n)
	}

	// In place: ports, a label, a bigger disk, another machine type.
	w.Write(googleWith("PORT", "9090", "LABEL", "green", "SIZE", "40", "TYPE", "e2-medium"))
	if out, _ := w.Plan(); !strings.Contains(out, "0 to add, 3 to change, 0 to destroy") {
		t.Errorf("plan:\n%s", out)
	}
	w.Apply()
	w.WantNoChanges()
	if s := c.server(t, world.GCP); s.ID != server.ID || !s.HasTag("colour:green") || s.HasTag("colour:blue") || s.Size != "e2-medium" || s.Phase != world.Running {
		t.Errorf("after the change: %+v", s)
	}

	// Replaced: the image. Of another one, that is: its family is the same.
	w.Write(googleWith("PORT", "9090", "LABEL", "green", "SIZE", "40", "TYPE", "e2-medium", "IMAGE", "debian-cloud/debian-12"))
	if out, _ := w.Plan(); !strings.Contains(out, "forces replacement") && !strings.Contains(out, "must be replaced") {
		t.Errorf("plan:\n%s", out)
	}
	w.Write(googleWith("PORT", "9090", "LABEL", "green", "SIZE", "40", "TYPE", "e2-medium"))
	w.WantNoChanges()

	// Drift: somebody deleted the instance and the firewall.
	if err := c.Update(func(st *world.State) error {
		st.RemoveServer(world.GCP, st.ServersOf(world.GCP)[0].ID)
		st.RemoveFirewall(world.GCP, st.FirewallsOf(world.GCP)[0].ID)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if out, _ := w.Plan(); !strings.Contains(out, "2 to add, 0 to change, 0 to destroy") {
		t.Errorf("plan:\n%s", out)
	}
	w.Destroy()
	c.wantNothing(t)
}

func TestGoogleMany(t *testing.T) {
	t.Parallel()
	c := newGoogleCloud(t)
	w := c.workspace(t, googleWith("COUNT", "3"))
	w.Apply()
	w.WantNoChanges()
	if n := len(c.State().ServersOf(world.GCP)); n != 3 {
		t.Errorf("%d servers", n)
	}
	w.Write(googleWith("COUNT", "1"))
	w.Apply()
	w.WantNoChanges()
	if s := c.server(t, world.GCP); s.Name != "skysail-d4k2m9x7qpb1-0" {
		t.Errorf("kept %s", s.Name)
	}
	w.Destroy()
	c.wantNothing(t)
}

func TestGoogleRefusesWhatItDoesNotServe(t *testing.T) {
	t.Parallel()
	c := newGoogleCloud(t)
	for _, tc := range []struct{ config, want string }{
		{googleWith(`allow_stopping_for_update = true`, `hostname = "a.example.com"`), "hostname of google_compute_instance is not served here"},
		{googleWith(`access_config {}`, `access_config { nat_ip = "203.0.113.1" }`), "network_interface.access_config.nat_ip is not served here"},
		{googleWith(`source_ranges = ["203.0.113.0/24"]`, ``), "one of source_tags, source_ranges, or source_service_accounts must be defined"},
		{googleWith(`"skysail-d4k2m9x7qpb1-${count.index}"`, `"Upper"`), `"name" ("Upper") doesn't match regexp`},
	} {
		w := c.workspace(t, tc.config)
		out, code := w.Run("plan", "-input=false", "-no-color")
		if out = tfplugintest.Flat(out); code != 1 || !strings.Contains(out, tc.want) {
			t.Errorf("exit %d, no %q in:\n%s", code, tc.want, out)
		}
	}
	w := c.workspace(t, googleWith())
	w.Setenv("HTTPS_PROXY", "")
	out, code := w.Run("plan", "-input=false", "-no-color")
	if want := "skysail's stand-in for this provider does not call compute.googleapis.com"; code != 1 || !strings.Contains(tfplugintest.Flat(out), want) {
		t.Errorf("exit %d, no %q in:\n%s", code, want, out)
	}
}
