package cloudinit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"skysail/sandbox/vm/rootdir"
)

func TestParse(t *testing.T) {
	c, err := Parse(`#cloud-config
users:
  - default
  - name: a
    groups: adm, systemd-journal
    sudo: ["ALL=(ALL) NOPASSWD: ALL"]
    ssh_authorized_keys: ["ssh-ed25519 AAAA a"]
    lock_passwd: false
  - name: b
    groups: [x]
    sudo: false
  - {name: root, ssh_authorized_keys: [k]}
runcmd:
  - echo one
  - [echo, two words]
swap: {size: 1G}
`)
	if err != nil {
		t.Fatal(err)
	}
	no := false
	want := &Config{
		Users: []User{
			{Name: "a", Groups: nameList{"adm", "systemd-journal"}, Sudo: ruleList{"ALL=(ALL) NOPASSWD: ALL"}, AuthorizedKeys: []string{"ssh-ed25519 AAAA a"}, LockPassword: &no},
			{Name: "b", Groups: nameList{"x"}},
			{Name: "root", AuthorizedKeys: []string{"k"}},
		},
		Run:      []ShellAction{{Line: "echo one"}, {Argv: []string{"echo", "two words"}}},
		Warnings: []string{"swap is not simulated"},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	logins := c.Logins()
	if _, ok := logins["a"]; !ok || len(logins) != 1 {
		t.Errorf("these may log in: %v", logins)
	}
	if c.Users[0].Locked() || !c.Users[1].Locked() || (User{Password: "*"}).Locked() {
		t.Error("locked is wrong")
	}
}

func TestParseJSONAsTerraformWritesIt(t *testing.T) {
	c, err := Parse("#cloud-config\n" + `{"write_files":[{"path":"/a","permissions":"0600","content":"\u003ca\u003e \u2028 ü 😀 \"\\\n"}],"runcmd":[["/opt/x"]]}` + "\n")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Files[0].Content, "<a> \u2028 ü 😀 \"\\\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"#include http://x":                         "begins with",
		"{}":                                        "begins with",
		"#cloud-config\n- a":                        "not a mapping",
		"#cloud-config\na: [":                       "not YAML",
		"#cloud-config\nusers: [{name: ../x}]":      "not a user name",
		"#cloud-config\nusers: [{shell: x}]":        "not a user name",
		"#cloud-config\nwrite_files: [{path: a/b}]": "not absolute",
		"#cloud-config\nruncmd: 7":                  "wrong form",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	for _, text := range []string{"", " \n", "#cloud-config\n", "#cloud-config\n# nothing\n"} {
		if _, err := Parse(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	c, err := Parse("#!/bin/sh\necho hi\n")
	if err != nil || len(c.Files) != 1 || c.Run[0].Argv[0] != c.Files[0].Path {
		t.Errorf("a script: %+v, %v", c, err)
	}
}

func TestDecode(t *testing.T) {
	// echo hi | gzip -9 | base64
	const packed = "H4sIAAAAAAACA8vI5AIAenpv7QMAAAA="
	for name, tc := range map[string]struct {
		file File
		want string
	}{
		"plain":           {File{Content: "x"}, "x"},
		"base64":          {File{Content: "aGkK", Encoding: "b64"}, "hi\n"},
		"base64 in lines": {File{Content: "aG\nkK\n", Encoding: "base64"}, "hi\n"},
		"gzip":            {File{Content: packed, Encoding: "gz+b64"}, "hi\n"},
	} {
		got, mode, err := tc.file.decode()
		if err != nil || string(got) != tc.want || mode != 0o644 {
			t.Errorf("%s: %q, %v, %v", name, got, mode, err)
		}
	}
	for name, f := range map[string]File{
		"encoding": {Encoding: "rot13"}, "base64": {Encoding: "b64", Content: "%"}, "gzip": {Encoding: "gz", Content: "x"}, "mode": {Permissions: "rw"},
	} {
		if _, _, err := f.decode(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, mode, err := (File{Permissions: "0600"}).decode(); err != nil || mode != 0o600 {
		t.Errorf("mode %v, %v", mode, err)
	}
}

func TestScript(t *testing.T) {
	root := rootdir.Root(filepath.Join(t.TempDir(), "a root"))
	if err := os.MkdirAll(root.Join("/opt"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root.Join("/opt/x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := string(root)
	got := Script(root, []ShellAction{
		{Argv: []string{"/opt/x", "it's", "/opt/none"}},
		{Line: "/opt/x && cat /opt/x"},
		{Line: `cat "$SKYSAIL_ROOT"/opt/x`},
		{Line: "/bin/true"},
	})
	want := "#!/bin/sh\n" +
		"'" + r + "/opt/x' 'it'\\''s' /opt/none\n" +
		"'" + r + "/opt/x' && cat /opt/x\n" +
		"cat \"$SKYSAIL_ROOT\"/opt/x\n" +
		"/bin/true\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A link in the root folder must not lead a file out of it.
func TestWriteStaysBelowTheRoot(t *testing.T) {
	outside := t.TempDir()
	root := rootdir.Root(t.TempDir())
	if err := os.Symlink(outside, root.Join("/etc")); err != nil {
		t.Fatal(err)
	}
	b := &Boot{Root: root}
	if err := b.write("/etc/file", []byte("x"), 0o600, false); err == nil {
		t.Error("written through a link")
	}
	if err := b.write("/../../../file", []byte("x"), 0o640, false); err != nil {
		t.Error(err)
	}
	if st, err := os.Stat(root.Join("/file")); err != nil || st.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", st, err)
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
		t.Errorf("outside there is %v, %v", left, err)
	}
}
