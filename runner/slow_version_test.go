package runner

import (
	"os"
	"strings"
	"testing"
	"time"
)

// TestEngineAfterASlowVersion: terraform-exec asks for the version before the
// command. On a loaded machine the guard sees that process first; its end is
// not the command's.
func TestEngineAfterASlowVersion(t *testing.T) {
	w := script(t, `sleep 3; exit 0`)
	b, err := os.ReadFile(w.Engine.Path)
	must(t, err)
	must(t, os.WriteFile(w.Engine.Path, []byte(strings.Replace(string(b), "= version ] && ", "= version ] && sleep 1 && ", 1)), 0o700))
	t.Parallel()
	if err := ends(t, 15*time.Second, func() error { return w.Apply(t.Context()) }); err != nil {
		t.Errorf("got %v", err)
	}
}
