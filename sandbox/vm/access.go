package vm

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"skysail/internal/journal"
	"skysail/sandbox/vm/cloudinit"
	"skysail/sandbox/vm/guest"
	"skysail/sandbox/vm/sshd"
	"skysail/sandbox/vm/systemd"
)

// sshUnit answers for the SSH server among the units.
func (m *machine) sshUnit() (pid int, since time.Time) {
	if m.sshSince.IsZero() {
		return 0, time.Time{}
	}
	return os.Getpid(), m.sshSince
}

// startSSH makes the SSH server with the host key that the boot put in place.
func (m *machine) startSSH(c *cloudinit.Config) error {
	key, err := cloudinit.HostKey(rootOf(m.dir))
	if err != nil {
		return err
	}
	keys := map[string][]gossh.PublicKey{}
	users := c.Logins()
	for name, u := range users {
		if u.Locked() {
			continue
		}
		var err error
		if keys[name], err = sshd.ParseKeys(u.AuthorizedKeys); err != nil {
			m.log.Warn("a key is not accepted", "user", name, "err", err)
		}
	}
	root := rootOf(m.dir)
	m.ssh = sshd.New(sshd.Options{
		HostKey: key,
		Keys:    keys,
		Place:   session{m.guest, m},
		Log:     slog.New(slog.NewTextHandler(&journalWriter{journal: m.journal, identifier: "sshd", unit: "ssh.service"}, nil)),
		Command: func(user, line string, env []string) guest.Command {
			home := root.Join(users[user].HomeDir())
			argv := []string{"/bin/sh"}
			if line != "" {
				argv = append(argv, "-c", root.Line(line))
			}
			return guest.Command{Argv: argv, Env: append(append(m.env(user), "HOME="+home, "SHELL=/bin/sh"), env...), Dir: home}
		},
	})
	m.sshSince = time.Now()
	return nil
}

// restartSSH has new connections see the host key that is in place now. Those
// that stand are left alone, as systemd leaves sshd's.
func (m *machine) restartSSH() error {
	key, err := cloudinit.HostKey(rootOf(m.dir))
	if err != nil {
		return err
	}
	m.ssh.SetHostKey(key)
	m.log.Info("sshd restarted")
	return nil
}

// session is the place of SSH sessions: the instance, with its containers'
// ports.
type session struct {
	guest.Place
	m *machine
}

func (s session) Dial(ctx context.Context, port int) (net.Conn, error) { return s.m.dial(ctx, port) }

// control answers one systemctl.
func (m *machine) control(conn net.Conn) {
	var call systemd.Call
	if err := json.NewDecoder(conn).Decode(&call); err != nil {
		return
	}
	// The caller may be gone by now; the job was done all the same.
	_ = json.NewEncoder(conn).Encode(m.units.Systemctl(call))
}

// journalWriter writes lines to the journal.
type journalWriter struct {
	journal          *journal.Journal
	identifier, unit string
}

func (w *journalWriter) Write(p []byte) (int, error) {
	err := w.journal.Append(journal.Entry{
		Priority: journal.PriorityInfo, PID: os.Getpid(), Identifier: w.identifier, Unit: w.unit, Message: string(p[:len(p)-1]),
	})
	return len(p), err
}
