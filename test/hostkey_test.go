package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"skysail/deploy"
	"skysail/internal/failure"
	"skysail/policies"
	"skysail/qos"
)

// TestHostKeyIsReplaced wants every instance to show a host key that is in no
// state and in no variables file, and no other.
func TestHostKeyIsReplaced(t *testing.T) {
	for _, p := range providers {
		if !p.cloud {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			b := newBench(t)
			svc := hello(t)
			svc.Instances = 2
			d := b.deployer(true, only(p.name))
			dep, err := d.Deploy(t.Context(), svc)
			if err != nil {
				t.Fatal(err)
			}
			first := firstHostKeys(t, b, dep.ID)
			if len(first) != 2 || len(dep.Instances) != 2 || dep.Instances[0].HostKey == dep.Instances[1].HostKey {
				t.Fatalf("first keys %v, instances %+v", first, dep.Instances)
			}
			for n, i := range dep.Instances {
				if i.NextHostKey != "" {
					t.Errorf("%s: the replacement was not confirmed", i.Name)
				}
				if got := shownHostKey(t, b, i.Address); got != i.HostKey {
					t.Errorf("%s shows %s, the store has %s", i.Name, got, i.HostKey)
				}
				body := strings.Fields(i.HostKey)[1]
				for _, file := range holding(t, filepath.Join(b.home, "deployments"), body) {
					t.Errorf("the host key of %s is in %s", i.Name, file)
				}
				if in := strings.Join(first, " "); strings.Contains(in, body) {
					t.Errorf("instance %d still has its first key", n)
				}
			}
			if _, err := d.Destroy(t.Context(), dep.Name); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// firstHostKeys are the public halves of those that Terraform was given.
func firstHostKeys(t *testing.T, b *bench, id string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(b.home, "deployments", id, "attempt-1", "private", "private.tfvars.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vars struct {
		Keys []struct {
			Public string `json:"public_key"`
		} `json:"ssh_host_keys"`
	}
	if err := json.Unmarshal(text, &vars); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, k := range vars.Keys {
		out = append(out, k.Public)
	}
	return out
}

// shownHostKey is the key that an instance's sshd shows now.
func shownHostKey(t *testing.T, b *bench, address string) string {
	t.Helper()
	conn, err := b.sandbox().Dial(t.Context(), "tcp", address+":22")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	var shown ssh.PublicKey
	seen := errors.New("seen")
	_, _, _, _ = ssh.NewClientConn(conn, address+":22", &ssh.ClientConfig{ //nolint:dogsled // only the key is wanted
		HostKeyCallback: func(_ string, _ net.Addr, k ssh.PublicKey) error {
			shown = k
			return seen
		},
	})
	if shown == nil {
		t.Fatalf("%s showed no host key", address)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(shown)))
}

// TestKilledWhileReplacingHostKey kills the deployer at many moments of a host
// key's replacement: whatever the store then has opens the instance.
func TestKilledWhileReplacingHostKey(t *testing.T) {
	hello(t)
	for _, c := range []struct {
		point   string
		after   time.Duration
		between bool // the store must have two keys
	}{
		{"hostkey:begun", 0, false},
		{"hostkey:begun", 100 * time.Millisecond, false},
		{"hostkey:recorded", 0, true},
		{"hostkey:recorded", 60 * time.Millisecond, false},
	} {
		t.Run(fmt.Sprintf("%s/%s", c.point, c.after), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.plan(crashPlan{Victim: killSupervisor, Point: c.point, Nth: 1, Delay: c.after})
			d := b.deployer(true, only(policies.Vultr))
			_, died := d.Deploy(t.Context(), hello(t))
			if died == nil {
				t.Log("it was done before it was killed")
			}
			st, err := d.Status(t.Context(), "hello")
			if err != nil || len(st.Instances) != 1 {
				t.Fatalf("%+v, %v; it said %v", st, err, died)
			}
			if c.between && st.Instances[0].NextHostKey == "" {
				t.Errorf("the next key is not in the store: %+v", st.Instances[0])
			}
			reachable := func() (err error) {
				res, err := d.Collect(t.Context(), "hello")
				for _, r := range res.Reports {
					if r.Source == qos.SourceSSH && r.Err != nil {
						err = r.Err
					}
				}
				return err
			}
			err = reachable()
			for end := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				err = reachable() // sshd may just be coming back
			}
			if err != nil {
				t.Errorf("the instance can not be reached: %v", err)
			}
			if _, err := d.Destroy(t.Context(), "hello"); err != nil {
				t.Fatal(err)
			}
			if left := b.resources(); len(left) != 0 {
				t.Errorf("left behind: %+v", left)
			}
		})
	}
}

// TestHostKeyThatCannotBeReplaced wants such an attempt to fail and nothing to
// be left of it: the first key is known to whoever reads the state.
func TestHostKeyThatCannotBeReplaced(t *testing.T) {
	b := newBench(t)
	policy := only(policies.DigitalOcean)
	policy.Failover.MaxAttempts = 1
	d := b.deployer(true, policy, func(o *deploy.Options) {
		o.Progress = func(ev deploy.Event) {
			if !strings.HasPrefix(ev.Text, "replacing the first host key") {
				return
			}
			if n := removeHelpers(t, b); n == 0 {
				t.Error("the instance has no helper to take away")
			}
		}
	})
	_, err := d.Deploy(t.Context(), hello(t))
	if failure.CodeOf(err) != failure.Exhausted || !strings.Contains(err.Error(), "replacing the first host key of skysail-") {
		t.Errorf("it ended with %v", err)
	}
	if left := b.resources(); len(left) != 0 {
		t.Errorf("left behind: %+v", left)
	}
	st, err := d.Status(t.Context(), "hello")
	if err != nil || len(st.Instances) != 0 {
		t.Errorf("the store still has instances: %+v, %v", st.Instances, err)
	}
}

// removeHelpers takes the program away that replaces host keys, and says from
// how many instances.
func removeHelpers(t *testing.T, b *bench) (removed int) {
	t.Helper()
	err := filepath.WalkDir(b.sandboxDir(), func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "/opt/skysail/rotate-host-key") {
			removed++
			return os.Remove(path)
		}
		return nil // files come and go beside us
	})
	if err != nil {
		t.Error(err)
	}
	return removed
}
