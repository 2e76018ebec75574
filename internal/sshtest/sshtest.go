// Package sshtest is SSH servers for tests: one in this process that can be
// told to misbehave, and the real OpenSSH where it is installed.
package sshtest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"
)

// Server is a running SSH server that lets User in with the key in KeyFile.
type Server struct {
	Addr, User, HostKey, KeyFile string
	Key                          Key // that of KeyFile
	// Close cuts every connection and stops listening.
	Close func()
}

// Key is an Ed25519 key pair.
type Key struct {
	Signer gossh.Signer
	Public string // one line in the format of authorized_keys
	PEM    []byte
}

// NewKey makes a key pair.
func NewKey(t testing.TB) Key {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := gossh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	block, err := gossh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	return Key{
		Signer: signer,
		Public: strings.TrimSpace(string(gossh.MarshalAuthorizedKey(signer.PublicKey()))),
		PEM:    pem.EncodeToMemory(block),
	}
}

// WriteFile writes the private key to a new file and returns its path.
func (k Key) WriteFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "id_ed25519")
	if err := os.WriteFile(path, k.PEM, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Start starts a server that answers commands with handler. It stops with the
// test.
func Start(t testing.TB, handler ssh.Handler) *Server {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return Serve(t, l, NewKey(t), handler)
}

// Serve is Start on a listener and with a host key of the caller's choice.
func Serve(t testing.TB, l net.Listener, host Key, handler ssh.Handler) *Server {
	t.Helper()
	client := NewKey(t)
	srv := &ssh.Server{
		Handler:     handler,
		HostSigners: []ssh.Signer{host.Signer},
		PublicKeyHandler: func(ctx ssh.Context, key ssh.PublicKey) bool {
			return ctx.User() == "skysail" && ssh.KeysEqual(key, client.Signer.PublicKey())
		},
		ChannelHandlers:             map[string]ssh.ChannelHandler{"session": ssh.DefaultSessionHandler, "direct-tcpip": ssh.DirectTCPIPHandler},
		LocalPortForwardingCallback: func(_ ssh.Context, host string, _ uint32) bool { return host == "127.0.0.1" },
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := srv.Serve(l); err != nil && !errors.Is(err, ssh.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Errorf("SSH server: %v", err)
		}
	}()
	stop := func() {
		// Close does not know of a listener that Serve did not reach yet.
		_ = l.Close()
		_ = srv.Close()
		<-done
	}
	t.Cleanup(stop)
	return &Server{Addr: l.Addr().String(), User: "skysail", HostKey: host.Public, KeyFile: client.WriteFile(t), Key: client, Close: stop}
}

// Shell answers a command as sshd does, by the shell of this machine, with dir
// first on its PATH. The command and all it started end with the connection.
func Shell(dir string) ssh.Handler {
	return func(s ssh.Session) {
		run(s, []string{"/bin/sh", "-c", s.RawCommand()}, "PATH="+dir+":"+os.Getenv("PATH"))
	}
}

// Login is a machine whose login shell runs greeting before each command, and
// whose /bin/sh is sh.
func Login(greeting string, sh []string) ssh.Handler {
	words := "'" + strings.Join(sh, "' '") + "'"
	return func(s ssh.Session) {
		run(s, []string{"/bin/sh", "-c", greeting + "\n" + strings.ReplaceAll(s.RawCommand(), "/bin/sh", words)})
	}
}

func run(s ssh.Session, argv []string, env ...string) {
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // a test server
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Env = append(os.Environ(), env...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		_ = s.Exit(255)
		return
	}
	// cmd.Stdin would make Wait wait for the end of the input.
	go func() {
		_, _ = io.Copy(stdin, s)
		_ = stdin.Close()
	}()
	cmd.Stdout, cmd.Stderr = s, s.Stderr()
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		_ = s.Exit(exit.ExitCode())
	case err != nil:
		_ = s.Exit(255)
	default:
		_ = s.Exit(0)
	}
}
