package systemd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"skysail/sandbox/vm/rootdir"
)

func TestBindPaths(t *testing.T) {
	root := t.TempDir()
	m := &Manager{o: Options{Root: rootdir.Root(root)}}
	u := &Unit{}
	if err := u.bindPaths("/var/lib/disk:/data -/srv/one"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Bind{{"/var/lib/disk", "/data"}, {"/srv/one", "/srv/one"}}, u.Service.Binds); diff != "" {
		t.Error(diff)
	}
	u.Service.Binds = u.Service.Binds[:1]
	if err := os.MkdirAll(filepath.Join(root, "var/lib/disk"), 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a restart finds the link there
		got, err := m.bind(u, []string{"/bin/x", "/data", "--db=/data/a.db", "DIR=/data", "/database", "a=/database"})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"/bin/x", root + "/data", "--db=" + root + "/data/a.db", "DIR=" + root + "/data", "/database", "a=/database"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "data/file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "var/lib/disk/file")); err != nil {
		t.Errorf("the bound folder is another: %v", err)
	}
	if err := u.bindPaths("relative:/data"); err == nil {
		t.Error("a relative source is taken")
	}
}
