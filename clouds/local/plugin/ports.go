package plugin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"

	"skysail/internal/tfplugin"
)

// host is the address on which local services are reached.
const host = "127.0.0.1"

// portsFree makes sure that the service will get its ports, before anything
// is downloaded.
func portsFree(ctx context.Context, ports []int) error {
	for _, port := range ports {
		if err := portFree(ctx, port); err != nil {
			return err
		}
	}
	return nil
}

func portFree(ctx context.Context, port int) error {
	addr := net.JoinHostPort(host, strconv.Itoa(port))
	taken := &tfplugin.Problem{
		Summary: fmt.Sprintf("port %d is already in use by another program", port),
		Detail: fmt.Sprintf("The service has to listen on it. Stop that program (`ss -ltnp 'sport = :%d'` on Linux, `lsof -nP -iTCP:%d -sTCP:LISTEN` on macOS, show which it is), "+
			"or give the service another port in its service file.", port, port),
		Attribute: "ports",
	}
	// Some systems let one listen on an address while another program listens
	// on all of them; that one answers.
	if answers(ctx, port) {
		return taken
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	switch {
	case err == nil:
		return l.Close()
	case errors.Is(err, syscall.EADDRINUSE):
		return taken
	default:
		return &tfplugin.Problem{
			Summary:   fmt.Sprintf("port %d can not be opened: %v", port, err),
			Detail:    "The system does not let this user listen on it. Ports from 1024 on need no privileges.",
			Attribute: "ports", Err: err,
		}
	}
}

// answers reports whether a program listens on the port.
func answers(ctx context.Context, port int) bool {
	dial := net.Dialer{Timeout: time.Second}
	c, err := dial.DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}
