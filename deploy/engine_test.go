package deploy

import (
	"context"
	"strings"
	"testing"
	"time"

	"skysail/policies"
)

// TestFetchingAnEngineIsTold: where there is no Terraform yet, that one is
// fetched is an event, and telling it must not wait for what waits for it.
func TestFetchingAnEngineIsTold(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	told := make(chan string, 10)
	d := &Deployer{home: t.TempDir(), opts: Options{Progress: func(ev Event) { told <- ev.Text }}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := d.findEngine(ctx, &policies.Policy{})
		done <- err
	}()
	select {
	case text := <-told:
		if !strings.Contains(text, "fetching") {
			t.Errorf("told %q", text)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was told: it waits for itself")
	}
	cancel()
	if err := <-done; err == nil {
		t.Error("an engine out of nowhere")
	}
}
