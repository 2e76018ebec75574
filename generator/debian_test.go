package generator_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"skysail/generator"
)

// debianTool finds a program of a Debian package. Where packages can be
// installed its absence is a failure; elsewhere the test says what it left out.
func debianTool(t *testing.T, program, pkg string) string {
	t.Helper()
	for _, name := range []string{program, "/usr/sbin/" + program} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if _, err := exec.LookPath("apt-get"); err == nil {
		t.Fatalf("%s is missing: `make tools-debian` installs it, or `apt-get install %s`", program, pkg)
	}
	t.Skipf("NOT RUN: this system has no %s and no apt-get to install %s with", program, pkg)
	return ""
}

// debianCheck has Debian's own programs judge a boot configuration: its form,
// each script in it, each unit in it.
func debianCheck(t *testing.T, userData string) {
	t.Helper()
	checkSchema(t, userData)
	c := parse(t, userData)
	scripts := map[string]string{"bootcmd": "#!/bin/sh\n" + strings.Join(c.Bootcmd, "\n") + "\n"}
	for _, f := range c.WriteFiles {
		if strings.HasPrefix(f.Content, "#!") {
			scripts[f.Path] = f.Content
		}
	}
	if len(scripts) < 4 {
		t.Errorf("only %d scripts found", len(scripts))
	}
	for name, text := range scripts {
		checkScript(t, name, text)
	}
	checkUnits(t, c)
}

func checkSchema(t *testing.T, userData string) {
	t.Helper()
	bin := debianTool(t, "cloud-init", "cloud-init")
	file := filepath.Join(t.TempDir(), "user-data")
	if err := os.WriteFile(file, []byte(userData), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), bin, "schema", "-c", file).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Valid ") {
		t.Errorf("cloud-init schema: %v\n%s", err, out)
	}
}

func checkScript(t *testing.T, name, text string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), debianTool(t, "shellcheck", "shellcheck"), "--norc", "-")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("shellcheck %s: %v\n%s", name, err, out)
	}
}

// absentProgram is what systemd says of programs that only an instance has.
var absentProgram = regexp.MustCompile(`(?m): Command (/usr/bin/(podman|docker)|/opt/skysail/(app/\S+|data-disk)|/usr/sbin/nft) is not executable: No such file or directory$`)

func checkUnits(t *testing.T, c *cloudConfig) {
	t.Helper()
	bin := debianTool(t, "systemd-analyze", "systemd")
	dir := t.TempDir()
	var files []string
	add := func(name, text string) {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	for _, f := range c.WriteFiles {
		if strings.HasPrefix(f.Path, "/etc/systemd/system/") {
			add(filepath.Base(f.Path), f.Content)
		}
	}
	if len(files) < 3 {
		t.Errorf("only %d units found", len(files))
	}
	// Those that a script writes.
	root := t.TempDir()
	boot(t, root, c)
	written, err := filepath.Glob(filepath.Join(root, "run/systemd/system/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range written {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		add(filepath.Base(file), string(text))
	}
	cmd := exec.CommandContext(t.Context(), bin, append([]string{"verify", "--man=no"}, files...)...)
	// docker.service comes with the distribution's package.
	stub := t.TempDir()
	if err := os.WriteFile(filepath.Join(stub, "docker.service"), []byte("[Service]\nExecStart=/bin/true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+dir+":"+stub+":", "SYSTEMD_LOG_LEVEL=warning")
	out, err := cmd.CombinedOutput()
	said := slices.DeleteFunc(strings.Split(strings.TrimSpace(string(out)), "\n"), func(line string) bool {
		return line == "" || absentProgram.MatchString(line) || !strings.Contains(line, "skysail") && !strings.Contains(line, dir)
	})
	if len(said) > 0 || (err != nil && !absentProgram.Match(out)) {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

// TestUserData renders the boot configuration of every case through the real
// module with the real Terraform.
func TestUserData(t *testing.T) {
	const disk = "data_disk = { path = \"/data\" }\ndata_devices = [\"/dev/disk/by-id/scsi-0DO_Volume_*\", \"/dev/vdb\"]\n"
	const gpu = "accelerator = %q\n"
	for name, c := range map[string]struct {
		provider string // vultr's input is a container, digitalocean's native
		args     string
		secrets  bool
		hostile  bool
		want     []string // in the user-data
	}{
		"native":                  {provider: "digitalocean", want: []string{"User=skysail"}},
		"container":               {provider: "vultr", want: []string{"--cgroups split", "Delegate=yes"}},
		"docker":                  {provider: "vultr", args: "engine = \"docker\"\n", want: []string{"--cgroup-parent skysail.slice", "Requires=skysail-metadata-guard.service docker.service"}},
		"native, secrets":         {provider: "digitalocean", secrets: true, want: []string{"ConditionPathExists"}},
		"container, secrets":      {provider: "vultr", secrets: true, want: []string{"--env API_KEY"}},
		"native, nvidia":          {provider: "digitalocean", args: fmt.Sprintf(gpu, "nvidia"), want: []string{"PrivateDevices=no"}},
		"native, amd":             {provider: "digitalocean", args: fmt.Sprintf(gpu, "amd"), want: []string{"SupplementaryGroups=video render"}},
		"container, nvidia":       {provider: "vultr", args: fmt.Sprintf(gpu, "nvidia"), want: []string{"--device nvidia.com/gpu=all"}},
		"docker, nvidia":          {provider: "vultr", args: fmt.Sprintf(gpu, "nvidia") + "engine = \"docker\"\n", want: []string{"--gpus all"}},
		"container, amd":          {provider: "vultr", args: fmt.Sprintf(gpu, "amd"), want: []string{"--device /dev/kfd"}},
		"native, disk":            {provider: "digitalocean", args: disk, want: []string{"BindPaths=/var/lib/skysail/disk/data:/data"}},
		"container, disk":         {provider: "vultr", args: disk, want: []string{"--volume /var/lib/skysail/disk/data:/data"}},
		"ttl":                     {provider: "digitalocean", args: "ttl_seconds = 3600\n", want: []string{"ttl_seconds='3600'"}},
		"native, hostile":         {provider: "digitalocean", hostile: true, secrets: true},
		"container, hostile":      {provider: "vultr", hostile: true, secrets: true},
		"all at once, native":     {provider: "digitalocean", args: disk + "ttl_seconds = 60\n", hostile: true, secrets: true},
		"all at once, containers": {provider: "vultr", args: disk + "ttl_seconds = 60\nengine = \"docker\"\n" + fmt.Sprintf(gpu, "nvidia"), hostile: true, secrets: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := input(t, c.provider)
			in.Service.Secrets = nil
			if c.secrets {
				in.Service.Secrets = []string{"API_KEY", "OTHER"}
			}
			if c.hostile {
				beHostile(&in)
			}
			for _, doc := range renderWith(t, in, c.args, func(service map[string]any) {
				if c.hostile {
					service["env"].(map[string]any)["MULTILINE"] = multiline
				}
			}) {
				debianCheck(t, doc)
				all := ""
				for _, f := range parse(t, doc).WriteFiles {
					all += f.Content + "\n"
				}
				all += strings.Join(parse(t, doc).Bootcmd, "\n")
				for _, w := range c.want {
					if !strings.Contains(all, w) {
						t.Errorf("it does not have %q", w)
					}
				}
			}
		})
	}
}

const multiline = "one\n\n  two=\"2\"\\\n#three {{ x }} $y `z` %n\n"

// beHostile gives a service texts that mean something to what they pass through.
func beHostile(in *generator.Input) {
	in.Service.Name = "a-9"
	in.Service.Env = map[string]string{}
	for i, h := range hostile {
		in.Service.Env["V"+strings.Repeat("X", i)] = h
	}
	if n := in.Service.Source.Native; n != nil {
		n.URL = `https://example.com/a'b$(reboot)&c;d!e*f,g%27.tar.gz?x=y@z`
		n.Args = slices.DeleteFunc(slices.Clone(hostile), func(s string) bool { return strings.Contains(s, "\t") })
	}
}
