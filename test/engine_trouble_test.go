package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"skysail/clouds/faults"
	"skysail/deploy"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/store"
)

// engineTroubles are engines that misbehave: scripts around the real one,
// which is $REAL. What they do to an apply is in the script.
var engineTroubles = []struct {
	name, script string
	class        faults.Class // empty: the deploy succeeds
	cause        string
}{
	{
		name:   "prints garbage between its messages",
		script: `echo 'not JSON {'; printf '\000\377\n'; echo '{"type":7}'; "$REAL" "$@"`,
	},
	{
		name:   "hangs after its result",
		script: `"$REAL" "$@"; code=$?; sleep 300 & exit $code`,
	},
	{
		name:   "dies at once",
		script: `kill -9 $$`,
		class:  faults.Unknown,
	},
	{
		name:   "dies after it has made everything",
		script: `"$REAL" "$@" >/dev/null; kill -9 $$`,
		class:  faults.Unknown,
	},
	{
		name:   "fails and says nothing",
		script: `exit 3`,
		class:  faults.Unknown,
		cause:  "exit status 3",
	},
	{
		name:   "never ends",
		script: `exec sleep 300`,
		class:  faults.Timeout,
		cause:  "attempt_timeout",
	},
}

// TestEngineTrouble wants the truth about an apply by an engine that crashes,
// hangs, or prints what nobody can read, and nothing left behind.
func TestEngineTrouble(t *testing.T) {
	terraform, err := exec.LookPath("terraform")
	if err != nil {
		t.Fatal(err)
	}
	hello(t)
	for _, c := range engineTroubles {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			engine := filepath.Join(b.home, "engine")
			script := fmt.Sprintf("#!/bin/sh\nREAL=%s\nif [ \"$1\" != apply ]; then exec \"$REAL\" \"$@\"; fi\n%s\n", terraform, c.script)
			if err := os.WriteFile(engine, []byte(script), 0o700); err != nil {
				t.Fatal(err)
			}
			policy := only(policies.Vultr)
			policy.Failover.MaxAttempts = 1
			if c.class == faults.Timeout {
				policy.Failover.AttemptTimeout = 10 * time.Second
			}
			d := b.deployer(true, policy, func(o *deploy.Options) { o.Terraform = engine })
			dep, err := d.Deploy(t.Context(), hello(t))
			if c.class == "" {
				if err != nil || dep.Phase != store.Running {
					t.Fatalf("%+v: %v", dep, err)
				}
			} else {
				checkTrouble(t, d, err, c.class, c.cause)
			}
			if _, err := d.Destroy(t.Context(), "hello"); err != nil {
				t.Error(err)
			}
			if left := b.resources(); len(left) != 0 {
				t.Errorf("left behind: %+v", left)
			}
		})
	}
}

func checkTrouble(t *testing.T, d *deploy.Deployer, err error, class faults.Class, cause string) {
	t.Helper()
	if failure.CodeOf(err) != failure.Exhausted {
		t.Errorf("got %v", err)
	}
	st, err := d.Status(t.Context(), "hello")
	if err != nil {
		t.Fatal(err)
	}
	if len(st.Attempts) != 1 || st.Attempts[0].Class != string(class) || st.Attempts[0].Phase != store.AttemptCleaned || !strings.Contains(st.Attempts[0].Cause, cause) {
		t.Errorf("attempts %+v", st.Attempts)
	}
}
