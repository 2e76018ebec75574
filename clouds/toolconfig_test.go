package clouds

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestToolConfig(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "config.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	missing, err := ToolConfig(filepath.Join(dir, "missing.yaml"))
	if err != nil || len(missing) != 0 {
		t.Errorf("a missing file: %v, %v", missing, err)
	}
	write("token: \" abc \"\nnumber: 12\n")
	config, err := ToolConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := ToolSetting(config, "token"); got != "abc" {
		t.Errorf("token is %q", got)
	}
	for _, key := range []string{"number", "missing"} {
		if got := ToolSetting(config, key); got != "" {
			t.Errorf("%s is %q", key, got)
		}
	}
	write("token: hunter2\ntoken: hunter2\n")
	if _, err := ToolConfig(file); err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), file) {
		t.Errorf("damaged file: %v", err)
	}
	if _, err := ToolConfig(dir); err == nil {
		t.Error("a folder was read")
	}
}

func TestCleanToken(t *testing.T) {
	for in, want := range map[string]string{" a\n": "a", "'a'": "a", "\"a\"\n": "a", "": "", "a b": "a b"} {
		if got := CleanToken(in); got != want {
			t.Errorf("CleanToken(%q) is %q", in, got)
		}
	}
}
