package vm_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"skysail/internal/reexec"
	"skysail/modules"
	"skysail/sandbox/vm"
)

// archive packs a program that starts the test service.
func archive(t *testing.T) (url, digest string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\nexport " + reexec.HelperEnv(serviceHelper) + " LISTEN=\"$2\"\nexec '" + self + "'\n"
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: "bin/echo", Mode: 0o755, Size: int64(len(script)), Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(script)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "echo.tar.gz")
	if err := os.WriteFile(path, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(packed.Bytes())
	return "file://" + path, hex.EncodeToString(sum[:])
}

// render makes the user-data with Terraform and the module that bundles use.
func render(t *testing.T, vars map[string]any) string {
	t.Helper()
	engine := ""
	for _, name := range []string{"terraform", "tofu"} {
		if path, err := exec.LookPath(name); err == nil {
			engine = path
			break
		}
	}
	if engine == "" {
		t.Skip("there is no terraform or tofu to render the module with")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, modules.FS); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(map[string]any{
		"module": map[string]any{"boot": merge(vars, "source", "./cloudinit")},
		"output": map[string]any{"user_data": map[string]any{"value": "${module.boot.user_data}", "sensitive": true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.tf.json"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out []byte
	for _, args := range [][]string{{"init", "-no-color", "-input=false"}, {"apply", "-no-color", "-input=false", "-auto-approve"}, {"output", "-json", "user_data"}} {
		cmd := exec.CommandContext(ctx, engine, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")
		if out, err = cmd.Output(); err != nil {
			t.Fatalf("%s: %v\n%s", args[0], err, out)
		}
	}
	var documents []string
	if err := json.Unmarshal(out, &documents); err != nil || len(documents) != 1 {
		t.Fatalf("%v, %s", err, out)
	}
	return documents[0]
}

func merge(m map[string]any, key string, value any) map[string]any {
	out := map[string]any{key: value}
	for k, v := range m {
		out[k] = v
	}
	return out
}

func moduleVars(i *instance, service map[string]any) map[string]any {
	return map[string]any{
		"name": "echo", "accelerator": "", "service": service,
		"ssh_public_key": strings.TrimSpace(string(gossh.MarshalAuthorizedKey(i.client.PublicKey()))),
		"ssh_host_keys":  []any{map[string]any{"private_key": i.hostPEM, "public_key": string(gossh.MarshalAuthorizedKey(i.hostKey))}},
	}
}

// The user-data of the real module boots, installs and runs a service, and
// its secrets arrive over SSH.
func TestModuleUserData(t *testing.T) {
	i := newInstance(t)
	url, digest := archive(t)
	i.config.UserData = render(t, moduleVars(i, map[string]any{
		"source":  map[string]any{"native": map[string]any{"url": url, "sha256": digest, "binary": "bin/echo", "args": []string{"--listen", ":8080"}}},
		"ports":   []any{map[string]any{"name": "http", "number": 8080, "public": true}},
		"env":     map[string]any{"GREETING": "it's \"quoted\" `$HOME` \\ 100%"},
		"secrets": []string{"API_KEY"},
	}))
	i.start()
	i.eventually("the end of the boot", func() bool { return i.sh("cloud-init status --wait") == "status: done\n" })
	if _, err := i.get("/healthz"); err == nil {
		t.Error("the service runs without its secrets")
	}
	if out, errOut, code := i.ssh("sudo -n /opt/skysail/secrets", "API_KEY=\"hunter2\"\n"); code != 0 {
		t.Fatalf("secrets: code %d, %s%s", code, out, errOut)
	}
	i.eventually("the service answers", func() bool {
		body, err := i.get("/healthz")
		return err == nil && body == "ok\n"
	})
	for name, want := range map[string]string{
		"GREETING": "it's \"quoted\" `$HOME` \\ 100%",
		"API_KEY":  "hunter2",
		"HOME":     filepath.Join(i.dir, "root/var/lib/skysail-echo"),
	} {
		if got, err := i.get("/env?" + name); err != nil || got != want {
			t.Errorf("%s is %q, %v, want %q", name, got, err, want)
		}
	}
	if out := i.sh("systemctl show skysail-echo.service -p LoadState -p ActiveState -p NRestarts"); out != "NRestarts=0\nLoadState=loaded\nActiveState=active\n" {
		t.Errorf("systemctl show: %q", out)
	}
	if err := vm.Stop(t.Context(), i.dir); err != nil {
		t.Fatal(err)
	}
	i.up() // it comes up by itself after a reboot, with its secrets
}

func TestModuleUserDataWithAWrongArchive(t *testing.T) {
	i := newInstance(t)
	url, _ := archive(t)
	i.config.UserData = render(t, moduleVars(i, map[string]any{
		"source":  map[string]any{"native": map[string]any{"url": url, "sha256": strings.Repeat("0", 64), "binary": "bin/echo", "args": []string{}}},
		"ports":   []any{},
		"env":     map[string]any{},
		"secrets": []string{},
	}))
	i.start()
	i.eventually("the reason in the journal", i.logged("", "it is not the one that was approved"))
	if out, _, code := i.ssh("cloud-init status --wait", ""); code != 1 || out != "status: error\n" {
		t.Errorf("cloud-init status: code %d, %q", code, out)
	}
}
