package modules_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestDataDisk runs the script on real block devices: a blank disk gets a file
// system once, and nothing that holds anything is ever written to.
func TestDataDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("NOT RUN: only root can make the disks on which data-disk is tried")
	}
	for _, program := range []string{"losetup", "mkfs.ext4", "blkid", "lsblk", "unshare"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("NOT RUN: there is no %s to try data-disk with", program)
		}
	}
	if out, err := exec.CommandContext(t.Context(), "losetup", "--find").CombinedOutput(); err != nil {
		t.Skipf("NOT RUN: this system has no loop devices: %v: %s", err, out)
	}
	dir := t.TempDir()
	text := strings.NewReplacer(
		"$root/etc/skysail/install.env", dir+"/install.env", "$root/var/lib/skysail", dir+"/lib",
		"patience=300", "patience=0", "chown skysail:", "chown nobody:", "= disk ]", "= loop ]",
	).Replace(read(t, "cloudinit/files/data-disk.sh"))
	script := filepath.Join(dir, "data-disk")
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "unshare", "--mount", "sh", "testdata/data-disk.sh", script, dir).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		t.Fatalf("%v\n%s", err, out)
	}
	const nothing = "skysail data disk: no disk appeared at DIR/dev-* within 0 seconds"
	want := []string{
		"no disk: " + nothing,
		"a disk that holds something: " + nothing,
		"its content: precious",
		"and one with swap: " + nothing,
		"and a blank one: mounted",
		"again: mounted",
		"next boot, with another blank one: mounted",
		"the file: kept",
		"the other: ",
		"a machine made anew finds its disk: mounted",
		"the file: kept",
		"two blank ones: skysail data disk: both DISK and DISK are blank: which one is meant is not to be guessed",
	}
	if diff := cmp.Diff(want, strings.Split(strings.TrimRight(string(out), "\n"), "\n")); diff != "" {
		t.Errorf("data-disk (-want +got):\n%s", diff)
	}
}
