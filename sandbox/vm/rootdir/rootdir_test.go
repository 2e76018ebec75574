package rootdir_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"skysail/sandbox/vm/rootdir"
)

func makeRoot(t *testing.T, name string) rootdir.Root {
	t.Helper()
	root := rootdir.Root(filepath.Join(t.TempDir(), name))
	for _, f := range []string{"/opt/skysail/install.sh", "/etc/skysail/a b"} {
		if err := os.MkdirAll(filepath.Dir(root.Join(f)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(root.Join(f), []byte("#!/bin/sh\necho ran\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestPathAndArgs(t *testing.T) {
	root := makeRoot(t, "root")
	r := string(root)
	for in, want := range map[string]string{
		"/opt/skysail/install.sh":          r + "/opt/skysail/install.sh",
		"/opt/skysail/../skysail":          r + "/opt/skysail",
		"/opt/skysail/none":                "/opt/skysail/none",
		"/":                                "/",
		"//":                               "//",
		"/../../etc/skysail":               r + "/etc/skysail",
		"opt/skysail":                      "opt/skysail",
		"--file=/opt/skysail/install.sh":   "--file=" + r + "/opt/skysail/install.sh",
		"HOME=/etc/skysail":                "HOME=" + r + "/etc/skysail",
		r + "/opt/skysail/install.sh":      r + "/opt/skysail/install.sh",
		"--url=http://h/opt/skysail":       "--url=http://h/opt/skysail",
		"/opt/skysail/install.sh\x00/none": "/opt/skysail/install.sh\x00/none",
		"":                                 "",
	} {
		if got := root.Args([]string{in})[0]; got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestLine(t *testing.T) {
	for _, name := range []string{"root", "a 'b' \"c\" $d"} {
		root := makeRoot(t, name)
		q := rootdir.Quote(string(root))
		for in, want := range map[string]string{
			"/opt/skysail/install.sh arg":             q + "RUN",
			"sudo -n /opt/skysail/install.sh":         "",
			"cd / && ls /proc":                        "cd / && ls /proc",
			`x="$root"/etc/skysail`:                   `x="$root"/etc/skysail`,
			`echo ${marker%/*} $SKYSAIL_ROOT/etc`:     `echo ${marker%/*} $SKYSAIL_ROOT/etc`,
			`echo http://host/opt/skysail/install.sh`: `echo http://host/opt/skysail/install.sh`,
			`echo \/opt/skysail/install.sh`:           `echo \/opt/skysail/install.sh`,
		} {
			got := root.Line(in)
			if want == "" || strings.HasSuffix(want, "RUN") {
				if got == in {
					t.Errorf("%s: %q was left as it is", name, in)
				}
				continue
			}
			if got != want {
				t.Errorf("%s: %q became %q, want %q", name, in, got, want)
			}
		}
		// What matters is what the shell makes of it.
		for _, in := range []string{
			"/opt/skysail/install.sh",
			"'/opt/skysail/install.sh'",
			`"/opt/skysail/install.sh"`,
			"true;/opt/skysail/install.sh",
			"(/opt/skysail/install.sh)",
			"cat </opt/skysail/install.sh | tail -n 1 | sed s/echo.//",
			`"/etc/skysail/a b"`,
		} {
			out, err := exec.Command("/bin/sh", "-c", root.Line(in)).CombinedOutput()
			if err != nil || string(out) != "ran\n" {
				t.Errorf("%s: %q became %q, which gave %q, %v", name, in, root.Line(in), out, err)
			}
		}
	}
}
