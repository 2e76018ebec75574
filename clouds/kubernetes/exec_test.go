package kubernetes

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/websocket"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

const exitStatus = `{"metadata":{},"status":"Failure","message":"command terminated with non-zero exit code","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"7"}]}}`

// overWebSocket answers an exec in the protocol v5.channel.k8s.io: the first
// byte of each message is its channel. It sends the input back in capitals.
func overWebSocket(w http.ResponseWriter, r *http.Request) bool {
	if !strings.HasSuffix(r.URL.Path, "/exec") || r.Header.Get("Upgrade") != "websocket" {
		return false
	}
	websocket.Server{
		Handshake: func(config *websocket.Config, _ *http.Request) error {
			if !slices.Contains(config.Protocol, "v5.channel.k8s.io") {
				return websocket.ErrBadWebSocketProtocol
			}
			config.Protocol = []string{"v5.channel.k8s.io"}
			return nil
		},
		Handler: func(ws *websocket.Conn) {
			ws.PayloadType = websocket.BinaryFrame
			defer ws.Close()
			for {
				var message []byte
				if websocket.Message.Receive(ws, &message) != nil {
					return
				}
				switch message[0] {
				case 0:
					_ = websocket.Message.Send(ws, append([]byte{1}, strings.ToUpper(string(message[1:]))...))
				case 255: // the input is over
					_ = websocket.Message.Send(ws, append([]byte{2}, "warning"...))
					_ = websocket.Message.Send(ws, append([]byte{3}, exitStatus...))
					return
				}
			}
		},
	}.ServeHTTP(w, r)
	return true
}

// overSPDY does the same in the older protocol, and knows no other.
func overSPDY(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("Upgrade") == "websocket" {
		refuse(w, http.StatusBadRequest, "BadRequest", "unable to upgrade: unable to negotiate protocol")
		return true
	}
	if !strings.HasSuffix(r.URL.Path, "/exec") {
		return false
	}
	if _, err := httpstream.Handshake(r, w, []string{"v4.channel.k8s.io"}); err != nil {
		return true
	}
	var mu sync.Mutex
	streams := map[string]httpstream.Stream{}
	all := make(chan struct{})
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, _ <-chan struct{}) error {
		mu.Lock()
		defer mu.Unlock()
		if streams[s.Headers().Get("streamType")] = s; len(streams) == 4 {
			close(all)
		}
		return nil
	})
	if conn == nil {
		return true
	}
	defer conn.Close()
	<-all
	in, _ := io.ReadAll(streams["stdin"])
	_, _ = io.WriteString(streams["stdout"], strings.ToUpper(string(in)))
	_, _ = io.WriteString(streams["stderr"], "warning")
	_, _ = io.WriteString(streams["error"], exitStatus)
	for _, s := range streams {
		_ = s.Close()
	}
	select {
	case <-conn.CloseChan():
	case <-time.After(5 * time.Second):
	}
	return true
}

func somePod() Pod {
	return Pod{Namespace: "blueprints", Name: unit + "-a", Containers: []Container{{Name: "init", Init: true}, {Name: "echo"}}}
}

func TestExec(t *testing.T) {
	for name, before := range map[string]func(http.ResponseWriter, *http.Request) bool{"WebSocket": overWebSocket, "SPDY": overSPDY} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.before = before
			var out, errs strings.Builder
			err := s.cloud().Exec(t.Context(), somePod(), "", []string{"sh", "-c", "cat && exit 7"}, Streams{In: strings.NewReader("hello"), Out: &out, Err: &errs})
			var exit *ExitError
			if !errors.As(err, &exit) || exit.Code != 7 || out.String() != "HELLO" || errs.String() != "warning" {
				t.Errorf("%v, %q, %q", err, out.String(), errs.String())
			}
			if s.called("command=sh&command=-c&command=cat+%26%26+exit+7&container=echo&stderr=true&stdin=true&stdout=true") == 0 {
				t.Errorf("calls: %v", s.calls)
			}
		})
	}
}

func TestExecIsRefused(t *testing.T) {
	s := newServer(t)
	s.before = func(w http.ResponseWriter, _ *http.Request) bool {
		refuse(w, http.StatusForbidden, "Forbidden", `pods "x" is forbidden: User "dev" cannot create resource "pods/exec" in API group "" in the namespace "blueprints"`)
		return true
	}
	err := s.cloud().Exec(t.Context(), somePod(), "", []string{"true"}, Streams{Out: io.Discard})
	if err == nil || Faults().Judge(err.Error()).Class != "auth" || strings.Contains(err.Error(), token) {
		t.Errorf("%v", err)
	}
}

// forwarding answers a port-forward: what comes on the data stream goes back.
func forwarding(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("Upgrade") == "websocket" {
		refuse(w, http.StatusBadRequest, "BadRequest", "unable to upgrade")
		return true
	}
	if _, err := httpstream.Handshake(r, w, []string{"portforward.k8s.io"}); err != nil {
		return true
	}
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, replied <-chan struct{}) error {
		go func() {
			<-replied
			switch s.Headers().Get("streamType") {
			case "data":
				in := bufio.NewReader(s)
				text, _ := in.ReadString('\n')
				_, _ = fmt.Fprintf(s, "port %s: %s", s.Headers().Get("port"), text)
			case "error":
			}
			_ = s.Close()
		}()
		return nil
	})
	if conn != nil {
		defer conn.Close()
		<-conn.CloseChan()
	}
	return true
}

func TestPortForward(t *testing.T) {
	s := newServer(t)
	s.before = forwarding
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ports := make(chan []Port, 1)
	done := make(chan error, 1)
	go func() {
		done <- s.cloud().PortForward(ctx, somePod(), []Port{{Remote: 8080}}, nil, func(p []Port) { ports <- p })
	}()
	var got []Port
	select {
	case got = <-ports:
	case err := <-done:
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Remote != 8080 || got[0].Local == 0 {
		t.Fatalf("%v", got)
	}
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", got[0].Local))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "hello\n")
	text, err := io.ReadAll(conn)
	if err != nil || string(text) != "port 8080: hello\n" {
		t.Errorf("%q, %v", text, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestPortForwardIsRefused(t *testing.T) {
	s := newServer(t)
	s.before = func(w http.ResponseWriter, _ *http.Request) bool {
		refuse(w, http.StatusForbidden, "Forbidden", `pods "x" is forbidden: User "dev" cannot create resource "pods/portforward"`)
		return true
	}
	err := s.cloud().PortForward(t.Context(), somePod(), []Port{{Remote: 80}}, nil, nil)
	if err == nil || Faults().Judge(err.Error()).Class != "auth" {
		t.Errorf("%v", err)
	}
}
