package notify

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"skysail/policies"
)

// mailServer speaks as much SMTP as RFC 5321 wants of a server.
type mailServer struct {
	starttls bool
	refuse   string // answer to the command that begins with the word before the colon: "RCPT:550 no"
	cert     tls.Certificate

	mu       sync.Mutex
	commands []string
	message  string
	wasTLS   bool
}

func (m *mailServer) start(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			m.serve(c)
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	return l.Addr().String()
}

func (m *mailServer) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	say := func(s string) { fmt.Fprintf(c, "%s\r\n", s) }
	say("220 test")
	secure := false
	for {
		text, err := r.ReadString('\n')
		if err != nil {
			return
		}
		text = strings.TrimRight(text, "\r\n")
		verb, _, _ := strings.Cut(text, " ")
		m.mu.Lock()
		m.commands = append(m.commands, text)
		m.mu.Unlock()
		if on, answer, _ := strings.Cut(m.refuse, ":"); on == verb {
			say(answer)
			continue
		}
		switch verb {
		case "EHLO":
			if m.starttls && !secure {
				say("250-test\r\n250 STARTTLS")
			} else {
				say("250-test\r\n250 AUTH PLAIN")
			}
		case "STARTTLS":
			say("220 go on")
			t := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{m.cert}, MinVersion: tls.VersionTLS12})
			if t.Handshake() != nil {
				return
			}
			c, r, secure = t, bufio.NewReader(t), true
		case "AUTH":
			say("235 yes")
		case "DATA":
			say("354 go on")
			var b strings.Builder
			for {
				l, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if l == ".\r\n" {
					break
				}
				b.WriteString(l)
			}
			m.mu.Lock()
			m.message, m.wasTLS = b.String(), secure
			m.mu.Unlock()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func email(addr string) *policies.Notify {
	return &policies.Notify{
		Kind: policies.NotifyEmail, SMTP: addr, From: "skysail@example.com", To: []string{"ops@example.com", "lead@example.com"},
		UserEnv: "USER", PasswordEnv: "PASSWORD",
	}
}

func TestMailIsDelivered(t *testing.T) {
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	for _, starttls := range []bool{true, false} {
		m := &mailServer{starttls: starttls, cert: web.TLS.Certificates[0]}
		s := &Sender{Lookup: env(""), RootCAs: roots}
		if err := s.Send(t.Context(), email(m.start(t)), firing()); err != nil {
			t.Fatal(err)
		}
		m.mu.Lock()
		said := strings.Join(m.commands, "\n")
		if m.wasTLS != starttls || !strings.HasPrefix(m.message, "From: skysail@example.com\r\n") || !strings.Contains(m.message, "skysail alerts echo\r\n") {
			t.Errorf("TLS %v:\n%s", m.wasTLS, m.message)
		}
		for _, want := range []string{
			"AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00uSeR\x00pAsSwOrD")),
			"MAIL FROM:<skysail@example.com>", "RCPT TO:<ops@example.com>", "RCPT TO:<lead@example.com>",
		} {
			if !strings.Contains(said, want) {
				t.Errorf("%q was not said in\n%s", want, said)
			}
		}
		if at := strings.Index(said, "STARTTLS"); starttls && (at < 0 || at > strings.Index(said, "AUTH")) {
			t.Errorf("the password went before TLS:\n%s", said)
		}
		m.mu.Unlock()
	}
}

// A server that does not prove who it is gets neither password nor message.
func TestMailServerIsVerified(t *testing.T) {
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	m := &mailServer{starttls: true, cert: web.TLS.Certificates[0]}
	err := (&Sender{Lookup: env(""), RootCAs: x509.NewCertPool()}).Send(t.Context(), email(m.start(t)), firing())
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil || m.message != "" || strings.Contains(strings.Join(m.commands, "\n"), "AUTH") {
		t.Errorf("%v, %q", err, m.commands)
	}
}

// To another machine nothing goes in plain text. Its address is not a loopback
// one, as net.Conn tells; here that is this machine's own.
func TestMailWantsTLSElsewhere(t *testing.T) {
	addr := ""
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			addr = n.IP.String()
		}
	}
	if addr == "" {
		t.Skip("NOT RUN: this machine has no address but loopback")
	}
	m := &mailServer{}
	l, err := net.Listen("tcp", net.JoinHostPort(addr, "0"))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if c, err := l.Accept(); err == nil {
			m.serve(c)
		}
	})
	defer wg.Wait()
	defer func() { _ = l.Close() }()
	err = (&Sender{Lookup: env("")}).Send(t.Context(), email(l.Addr().String()), firing())
	var e *Error
	if !errors.As(err, &e) || !e.Permanent || !strings.Contains(e.Text, "STARTTLS") {
		t.Errorf("%v", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if said := strings.Join(m.commands, "\n"); strings.Contains(said, "AUTH") || strings.Contains(said, "MAIL") {
		t.Errorf("said in plain text:\n%s", said)
	}
}

func TestMailRefusals(t *testing.T) {
	for refuse, permanent := range map[string]bool{
		"RCPT:550 no such user uSeR pAsSwOrD": true, "MAIL:421 later": false, "AUTH:535 wrong pAsSwOrD": true, "MAIL:550 go away": true, "DATA:452 full": false,
	} {
		m := &mailServer{refuse: refuse}
		err := (&Sender{Lookup: env("")}).Send(t.Context(), email(m.start(t)), firing())
		var e *Error
		if !errors.As(err, &e) || e.Permanent != permanent || leaks(e.Text) {
			t.Errorf("%s: %+v", refuse, err)
		}
	}
}
