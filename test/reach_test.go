package test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"skysail/deploy"
	"skysail/policies"
)

// TestReach runs commands on a simulated machine by OpenSSH with the pinned
// host key, and opens its service's port here.
func TestReach(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Fatal("this test drives OpenSSH's ssh: install it (Debian: openssh-client)")
	}
	b := newBench(t)
	d := b.deployer(true, only(policies.Vultr))
	dep, err := d.Deploy(t.Context(), hello(t))
	if err != nil {
		t.Fatal(err)
	}
	var out, said bytes.Buffer
	q := deploy.ShellQuery{Command: []string{"sh", "-c", `echo "$1" x; exit 7`, "-", "a b"}, In: strings.NewReader(""), Out: &out, Err: &said}
	status, err := d.Shell(t.Context(), dep.Name, q)
	if err != nil || status != 7 || out.String() != "a b x\n" {
		t.Errorf("status %d, %v, %q, %q", status, err, out.String(), said.String())
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err = d.Open(ctx, dep.Name, deploy.OpenQuery{}, func(o deploy.Opened) {
		defer cancel()
		resp, err := http.Get(o.URL + "healthz")
		if err != nil {
			t.Errorf("%+v: %v", o, err)
			return
		}
		defer resp.Body.Close()
		if _, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%s, %v", resp.Status, err)
		}
	})
	if err != nil {
		t.Error(err)
	}
	if _, err := d.Destroy(t.Context(), dep.Name); err != nil {
		t.Error(err)
	}
}
