package plugin

import (
	"bytes"
	"strings"
	"syscall"
	"testing"
	"time"

	"skysail/internal/tfplugin/tfplugintest"
)

// interrupt sends Terraform its first interrupt while a server is being made,
// wants it to end in order within a time, and returns what it said.
func interrupt(t *testing.T, c *cloud, w *tfplugintest.Workspace, provider string, within time.Duration) string {
	t.Helper()
	cmd := w.Command("apply", "-auto-approve", "-input=false", "-no-color")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.server(t, provider)
	time.Sleep(300 * time.Millisecond) // the answer to the create is on its way
	begin := time.Now()
	// To the group, as from a terminal: the plugin gets it too.
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the interrupted apply succeeded")
	}
	if took := time.Since(begin); took > within {
		t.Errorf("the interrupted apply took %v to end", took)
	}
	text := tfplugintest.Flat(out.String())
	if !strings.Contains(text, "context canceled") {
		t.Errorf("says:\n%s", text)
	}
	return text
}

// interrupted interrupts a server's boot: the server has to be in the state
// afterwards, for a destroy to find it.
func interrupted(t *testing.T, c *cloud, w *tfplugintest.Workspace, provider, address, says string) {
	t.Helper()
	if text := interrupt(t, c, w, provider, 5*time.Second); !strings.Contains(text, says) {
		t.Errorf("no %q in:\n%s", says, text)
	}
	server := c.server(t, provider)
	kept := w.Resource(address)
	if kept.AttributeValues["id"] != server.ID || !kept.Tainted {
		t.Errorf("state has %v (tainted %v), want %s, tainted", kept.AttributeValues["id"], kept.Tainted, server.ID)
	}
	c.clearFaults(t)
	w.Destroy()
	c.wantEmpty(t)
}
