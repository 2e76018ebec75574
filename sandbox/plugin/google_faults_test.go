package plugin

import (
	"bytes"
	"strings"
	"syscall"
	"testing"
	"time"

	"skysail/internal/tfplugin/tfplugintest"
	"skysail/sandbox/world"
)

func TestGoogleFaultTexts(t *testing.T) {
	t.Parallel()
	c := newGoogleCloud(t)
	for _, tc := range []struct {
		fault world.Fault
		want  []string
		left  int
	}{
		{world.Fault{Kind: world.Capacity, Times: 1}, []string{
			"Error waiting for instance to create: The zone 'projects/skysail-sandbox/zones/us-central1-a' does not have enough resources available to fulfill the request.",
			"A e2-small VM instance is currently unavailable in the us-central1-a zone.",
		}, 0},
		{world.Fault{Kind: world.Quota, Times: 1}, []string{
			"Error waiting for instance to create: Quota 'CPUS' exceeded. Limit: 24.0 in region us-central1.", "metric name = compute.googleapis.com/cpus",
		}, 0},
		{world.Fault{Kind: world.NotEnabled, Times: 1}, []string{
			"Error creating instance: googleapi: Error 403: Compute Engine API has not been used in project", ", accessNotConfigured",
		}, 0},
		{world.Fault{Kind: world.Invalid, Times: 1}, []string{"Error creating instance: googleapi: Error 400: Invalid value for field 'resource.disks[0].initializeParams.sourceImage'", ", invalid"}, 0},
		{world.Fault{Kind: world.RateLimit, Times: 1}, []string{"Error creating instance: googleapi: Error 403: Rate Limit Exceeded, rateLimitExceeded"}, 0},
		{world.Fault{Kind: world.Auth}, []string{"Error creating", "googleapi: Error 401: Request had invalid authentication credentials."}, 0},
		{world.Fault{Kind: world.HalfMade, Times: 1}, []string{"Error waiting for instance to create: Internal error. Please try again or contact Google Support."}, 1},
	} {
		tc.fault.Provider = world.GCP
		c.fault(t, tc.fault)
		w := c.workspace(t, googleWith())
		out := w.ApplyFails()
		for _, want := range tc.want {
			if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
				t.Errorf("%s: no %q in:\n%s", tc.fault.Kind, want, out)
			}
		}
		// What the provider could not wait for it has forgotten.
		if _, kept := w.Resources()["google_compute_instance.instance[0]"]; kept {
			t.Errorf("%s: the instance is in the state", tc.fault.Kind)
		}
		c.clearFaults(t)
		c.sweep(t, world.GCP, tc.left)
		w.Destroy()
		c.wantNothing(t)
	}
}

// TestGoogleInterruptedCreateIsForgotten is about the real provider's way with
// an interrupt: it stops waiting and drops the instance from the state.
func TestGoogleInterruptedCreateIsForgotten(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{world.Slow, world.Hang} {
		c := newGoogleCloud(t)
		c.fault(t, world.Fault{Provider: world.GCP, Kind: kind})
		w := c.workspace(t, googleWith())
		cmd := w.Command("apply", "-auto-approve", "-input=false", "-no-color")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		c.server(t, world.GCP)
		time.Sleep(300 * time.Millisecond) // the answer to the create is on its way
		begin := time.Now()
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Errorf("%s: the interrupted apply succeeded", kind)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s: the interrupted apply took %v to end", kind, took)
		}
		text := tfplugintest.Flat(out.String())
		if want := "Error waiting for instance to create: error while retrieving operation: unable to finish polling, context has been cancelled"; !strings.Contains(text, want) {
			t.Errorf("%s: no %q in:\n%s", kind, want, text)
		}
		if _, kept := w.Resources()["google_compute_instance.instance[0]"]; kept {
			t.Errorf("%s: the instance is in the state", kind)
		}
		c.clearFaults(t)
		c.sweep(t, world.GCP, 1)
		w.Destroy()
		c.wantNothing(t)
	}
}

// TestGoogleGPU takes the other kind of machine: no live migration, an image
// with the driver, no disk beside.
func TestGoogleGPU(t *testing.T) {
	t.Parallel()
	c := newGoogleCloud(t)
	w := c.workspace(t, googleWith(
		"TYPE", "g2-standard-4", "IMAGE", "deeplearning-platform-release/common-cu129-ubuntu-2404-nvidia-580", "size   = 20", "size = 80",
		`"SPOT"`, `"STANDARD"`, "preemptible         = true", "preemptible = false",
	))
	w.Apply()
	w.WantNoChanges()
	if s := c.server(t, world.GCP); !s.GPU || s.Spot || s.DiskGB != 80 {
		t.Errorf("server %+v", s)
	}
	w.Destroy()
	c.wantNothing(t)
}

func TestSameImage(t *testing.T) {
	const base = "https://www.googleapis.com/compute/v1/projects/"
	for _, tc := range []struct {
		have, want string
		same       bool
	}{
		{"ubuntu-os-cloud/global/images/ubuntu-2404-noble-amd64-v20260812", "ubuntu-os-cloud/ubuntu-2404-lts-amd64", true},
		{"ubuntu-os-cloud/global/images/ubuntu-2404-noble-amd64-v20260812", "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64", true},
		{"ubuntu-os-cloud/global/images/ubuntu-2404-noble-amd64-v20260812", base + "ubuntu-os-cloud/global/images/ubuntu-2404-noble-amd64-v20260812", true},
		{"ubuntu-os-cloud/global/images/ubuntu-2404-noble-arm64-v20260812", "ubuntu-os-cloud/ubuntu-2404-lts-amd64", false},
		{"ubuntu-os-cloud/global/images/ubuntu-2204-jammy-v20260812", "ubuntu-os-cloud/ubuntu-2404-lts-amd64", false},
		{"debian-cloud/global/images/debian-12-bookworm-v20260812", "debian-cloud/debian-12", true},
		{"debian-cloud/global/images/debian-12-bookworm-v20260812", "other/debian-12", false},
	} {
		if got := sameImage(base+tc.have, tc.want); got != tc.same {
			t.Errorf("%s as %s: %v", tc.have, tc.want, got)
		}
	}
}
