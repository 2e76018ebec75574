package test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"skysail/sandbox"
	"skysail/spec"
)

// TestDataDisk gives the service a disk of its own on each cloud: it is listed
// with its price, prepared on the instance, and gone after destroy.
func TestDataDisk(t *testing.T) {
	kinds := []string{"volume", "block_storage", "disk"}
	for _, p := range providers {
		if !p.cloud {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			b := newBench(t)
			svc := hello(t)
			svc.Disk = &spec.Disk{SizeGB: 50, Path: "/data"}
			d := b.deployer(true, only(p.name))
			dep, err := d.Deploy(t.Context(), svc)
			if err != nil {
				t.Fatal(err)
			}
			var disks []sandbox.Resource
			for _, r := range b.resources() {
				// Boot disks go by another name where a cloud lists them.
				if slices.Contains(kinds, r.Kind) && !strings.HasSuffix(r.Name, "-boot") {
					disks = append(disks, r)
				}
			}
			if len(disks) == 0 || !slices.ContainsFunc(disks, func(r sandbox.Resource) bool { return strings.Contains(r.Name, dep.ID) && r.PriceUSD > 0 }) {
				t.Errorf("disks: %+v", disks)
			}
			st, err := d.Status(t.Context(), dep.Name)
			if err != nil {
				t.Fatal(err)
			}
			seen := 0
			for _, r := range st.Found {
				if slices.Contains(kinds, r.Kind) {
					seen++
				}
			}
			if seen == 0 {
				t.Errorf("the sweep does not see the disk: %+v", st.Found)
			}
			if got := paths(t, b.sandboxDir(), "/root/var/lib/skysail/disk/data"); len(got) != 1 {
				t.Errorf("prepared on %d instances: %v", len(got), got)
			}
			if got := paths(t, b.sandboxDir(), "/root/data"); len(got) != 1 {
				t.Errorf("in the service's sight on %d instances: %v", len(got), got)
			}
			if _, err := d.Destroy(t.Context(), dep.Name); err != nil {
				t.Fatal(err)
			}
			if left := b.resources(); len(left) != 0 {
				t.Errorf("left behind: %+v", left)
			}
		})
	}
}

// paths are the files below dir that end so.
func paths(t *testing.T, dir, suffix string) (out []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, suffix) {
			out = append(out, path)
		}
		return nil // files come and go beside us
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
