package deploy

import (
	"errors"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"

	"skysail/internal/failure"
	"skysail/policies"
	"skysail/qos/sshclient"
	"skysail/store"
)

func TestRoute(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	got := route(policies.Access{SOCKS5: "127.0.0.1:1080", Jumps: []policies.Jump{
		{Addr: "a:22", User: "ops", HostKey: "k", KeyFile: "~/.ssh/a"}, {Addr: "b:22", User: "in", HostKey: "l", KeyFile: "/keys/b"}, {Addr: "c:22"},
	}})
	want := sshclient.Route{SOCKS5: "127.0.0.1:1080", Jumps: []sshclient.Jump{
		{Addr: "a:22", User: "ops", HostKey: "k", KeyFile: "/home/me/.ssh/a"}, {Addr: "b:22", User: "in", HostKey: "l", KeyFile: "/keys/b"}, {Addr: "c:22"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !route(policies.Access{SSHFrom: []string{"192.0.2.0/24"}}).Direct() {
		t.Error("without jump hosts it is not direct")
	}
}

// A way that is blocked is found before anything is made, where there is one.
func TestCheckRoute(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := l.Addr().String()
	_ = l.Close()
	dep := &store.Deployment{}
	if err := checkRoute(t.Context(), dep, policies.Vultr); err != nil {
		t.Errorf("without jump hosts: %v", err)
	}
	t.Setenv("SSH_AUTH_SOCK", "")
	dep.Policy.Access.Jumps = []policies.Jump{{Addr: gone, User: "ops", HostKey: "ssh-ed25519 x"}}
	err = checkRoute(t.Context(), dep, policies.Vultr)
	var f *failure.Error
	if !errors.Is(err, sshclient.ErrPath) || !errors.As(err, &f) || f.Next == "" {
		t.Errorf("got %v", err)
	}
	for _, p := range []string{policies.Local, policies.Kubernetes} {
		if err := checkRoute(t.Context(), dep, p); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
	dep.Sandbox = true
	if err := checkRoute(t.Context(), dep, policies.Vultr); err != nil {
		t.Errorf("in the sandbox: %v", err)
	}
}
