package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"

	"skysail/policies"
)

// smtpTLS is the port on which mail servers speak TLS from the first byte (RFC
// 8314).
const smtpTLS = "465"

func (s *Sender) mail(ctx context.Context, n *policies.Notify, e *Event) error {
	message, err := Mail(e, n.From, n.To)
	if err != nil {
		return &Error{Permanent: true, Text: "making the message: " + err.Error()}
	}
	var user, password string
	if n.UserEnv != "" {
		if user, err = s.secret(n.UserEnv); err != nil {
			return err
		}
		if password, err = s.secret(n.PasswordEnv); err != nil {
			return err
		}
	}
	err = s.deliver(ctx, n, user, password, message)
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	// What begins with 5 would be said again; 4 is "later".
	var said *textproto.Error
	permanent := errors.As(err, &said) && said.Code >= 500
	return &Error{Permanent: permanent, Text: cut(line(hide(err.Error(), []string{user, password})), 300)}
}

func (s *Sender) deliver(ctx context.Context, n *policies.Notify, user, password string, message []byte) error {
	host, port, err := net.SplitHostPort(n.SMTP)
	if err != nil {
		return &Error{Permanent: true, Text: "the mail server is no host:port"}
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", n.SMTP)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // it was quit, or failed
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	ownTLS := &tls.Config{ServerName: host, RootCAs: s.RootCAs, MinVersion: tls.VersionTLS12}
	loopback := false
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		loopback = a.IP.IsLoopback()
	}
	wire := conn
	if port == smtpTLS {
		wire = tls.Client(conn, ownTLS)
	}
	c, err := smtp.NewClient(wire, host)
	if err != nil {
		return err
	}
	if err := c.Hello("localhost"); err != nil {
		return err
	}
	if port != smtpTLS {
		if there, _ := c.Extension("STARTTLS"); there {
			if err := c.StartTLS(ownTLS); err != nil {
				return err
			}
		} else if !loopback {
			return &Error{Permanent: true, Text: "the mail server offers no STARTTLS, and nothing is sent in plain text to another machine"}
		}
	}
	if user != "" {
		// PlainAuth gives no password away without TLS, but to this machine.
		if err := c.Auth(smtp.PlainAuth("", user, password, host)); err != nil {
			return err
		}
	}
	if err := c.Mail(n.From); err != nil {
		return err
	}
	for _, to := range n.To {
		if err := c.Rcpt(to); err != nil {
			return err
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(message); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	// It was taken; how the conversation ends does not matter.
	_ = c.Quit()
	return nil
}

// Channel is a channel in words without secrets.
func Channel(n *policies.Notify) string {
	switch n.Kind {
	case policies.NotifyEmail:
		return n.Kind + " to " + strings.Join(n.To, ", ")
	case policies.NotifyPagerDuty:
		return n.Kind + " (" + n.RoutingKeyEnv + ")"
	}
	return n.Kind + " (" + n.URLEnv + ")"
}
