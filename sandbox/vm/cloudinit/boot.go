package cloudinit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"skysail/sandbox/vm/guest"
	"skysail/sandbox/vm/rootdir"
)

// The files that tell how far cloud-init is; a real one has the same.
const (
	finished    = "/var/lib/cloud/instance/boot-finished"
	sudoersPath = "/etc/sudoers.d/90-cloud-init-users"
	runScript   = "/var/lib/cloud/instance/scripts/runcmd"
	bootScript  = "/run/cloud-init/bootcmd"
)

// Boot is one boot of an instance.
type Boot struct {
	Config *Config
	Root   rootdir.Root
	Place  guest.Place
	// Env is the environment of scripts.
	Env []string
	// Log takes what cloud-init and its scripts say.
	Log io.Writer

	mu     sync.Mutex
	status Status
}

// FirstBoot reports whether the instance has not finished a boot yet. One that
// was cut short is done again: scripts have to bear that.
func FirstBoot(root rootdir.Root) bool {
	_, err := os.Stat(root.Join(finished))
	return err != nil
}

// logf writes a line of cloud-init's own.
func (b *Boot) logf(format string, args ...any) {
	_, _ = fmt.Fprintf(b.Log, "%s cloud-init: %s\n", time.Now().UTC().Format(time.RFC3339), fmt.Sprintf(format, args...))
}

// fail notes a problem. As with cloud-init, the boot goes on.
func (b *Boot) fail(stage string, err error) {
	b.logf("%s failed: %v", stage, err)
	b.mu.Lock()
	b.status.Errors = append(b.status.Errors, fmt.Sprintf("%s: %v", stage, err))
	b.mu.Unlock()
}

// Reject notes that the user-data cannot be used: the instance boots without
// any, as a real one does.
func (b *Boot) Reject(err error) {
	b.Config = &Config{}
	b.fail("user-data", err)
}

// Init does what comes before logins are possible: boot commands, and on the
// first boot files, users and the host key. It returns the errors of the
// boot so far.
func (b *Boot) Init(ctx context.Context, first bool) []string {
	b.logf("boot begins")
	for _, w := range b.Config.Warnings {
		b.logf("warning: %s", w)
	}
	b.setState("running")
	if err := b.script(ctx, bootScript, b.Config.Boot); err != nil {
		b.fail("bootcmd", err)
	}
	if err := b.writeGroups(); err != nil {
		b.fail("groups", err)
	}
	if first {
		b.writeFiles(false)
		for _, u := range b.Config.Users {
			if err := b.makeUser(u); err != nil {
				b.fail("user "+u.Name, err)
			}
		}
		if err := b.writeSudoers(); err != nil {
			b.fail("sudo", err)
		}
		if err := b.writeHostKey(); err != nil {
			b.fail("ssh_keys", err)
		}
	}
	return b.errors()
}

// Final does the rest of the first boot: deferred files, packages, runcmd.
func (b *Boot) Final(ctx context.Context, first bool) []string {
	if first {
		b.writeFiles(true)
		if len(b.Config.Packages) > 0 {
			b.logf("packages are not installed: a simulated instance has what this machine has: %v", b.Config.Packages)
		}
		if err := b.script(ctx, runScript, b.Config.Run); err != nil {
			b.fail("runcmd", err)
		}
		if ctx.Err() != nil {
			return b.errors() // it is cut short; the next boot does it again
		}
		if err := b.write(finished, []byte(time.Now().UTC().Format(time.RFC3339)+"\n"), 0o644, false); err != nil {
			b.fail("boot-finished", err)
		}
	}
	state := "done"
	if len(b.errors()) > 0 {
		state = "error"
	}
	b.setState(state)
	b.logf("boot finished: %s", state)
	return b.errors()
}

func (b *Boot) errors() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.status.Errors...)
}

// write puts a file below the root, and never through a link out of it.
func (b *Boot) write(name string, content []byte, mode fs.FileMode, add bool) error {
	root, err := os.OpenRoot(string(b.Root))
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	flags := os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	if add {
		flags = os.O_CREATE | os.O_WRONLY | os.O_APPEND
	}
	f, err := root.OpenFile(name, flags, mode&0o600|0o200)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	// This machine's umask is not the instance's.
	err = errors.Join(err, f.Chmod(mode), f.Close())
	return err
}

func (b *Boot) writeFiles(deferred bool) {
	for _, f := range b.Config.Files {
		if f.Defer != deferred {
			continue
		}
		content, mode, err := f.decode()
		if err == nil {
			err = b.write(f.Path, content, mode, f.Append)
		}
		if err != nil {
			b.fail("write_files "+f.Path, err)
		}
	}
}

func (b *Boot) makeUser(u User) error {
	if u.Locked() {
		b.logf("warning: the account %s is locked (lock_passwd): an sshd without PAM refuses its keys", u.Name)
	}
	if u.NoCreateHome {
		return nil
	}
	if len(u.AuthorizedKeys) > 0 {
		return b.write(path.Join(u.HomeDir(), ".ssh/authorized_keys"), []byte(strings.Join(u.AuthorizedKeys, "\n")+"\n"), 0o600, false)
	}
	return os.MkdirAll(b.Root.Join(u.HomeDir()), 0o700)
}

func (b *Boot) writeSudoers() error {
	var rules strings.Builder
	for _, u := range b.Config.Users {
		for _, rule := range u.Sudo {
			fmt.Fprintf(&rules, "%s %s\n", u.Name, rule)
		}
	}
	if rules.Len() == 0 {
		return nil
	}
	return b.write(sudoersPath, []byte(rules.String()), 0o600, false)
}
