package guest

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"skysail/internal/supervise"
)

// The helper is asked over a unix socket, one connection a request. A frame
// is a length, JSON, and open files that travel with it. Closing the
// connection cancels the request.
const (
	maxFrame = 1 << 20
	maxFiles = 3
)

type request struct {
	Op      string          `json:"op"`
	Command *Command        `json:"command,omitempty"`
	Given   [maxFiles]bool  `json:"given"` // which of stdin, stdout, stderr travel along
	Spec    *supervise.Spec `json:"spec,omitempty"`
	Port    int             `json:"port,omitempty"`
}

type response struct {
	// Answered tells an answer from none.
	Answered bool   `json:"answered"`
	Error    string `json:"error,omitempty"`
	// Errno keeps the kind of a system error over the wire.
	Errno  int              `json:"errno,omitempty"`
	Exit   Exit             `json:"exit"`
	Status supervise.Status `json:"status"`
}

func (r response) err() error {
	switch {
	case r.Error == "":
		return nil
	case r.Errno != 0:
		return &wireError{text: r.Error, errno: syscall.Errno(r.Errno)}
	}
	return errors.New(r.Error)
}

// wireError is a system error that another process met.
type wireError struct {
	text  string
	errno syscall.Errno
}

func (e *wireError) Error() string { return e.text }
func (e *wireError) Unwrap() error { return e.errno }

func failed(err error) response {
	r := response{Error: err.Error()}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		r.Errno = int(errno)
	}
	return r
}

func send(c *net.UnixConn, v any, files ...*os.File) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(body) > maxFrame {
		return fmt.Errorf("a message of %d bytes is too long", len(body))
	}
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, len(body)+4), uint32(len(body))) //nolint:gosec // bounded above
	frame = append(frame, body...)
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		rights = unix.UnixRights(fds...)
	}
	n, _, err := c.WriteMsgUnix(frame, rights, nil)
	if err == nil && n < len(frame) {
		_, err = c.Write(frame[n:])
	}
	return err
}

func receive(c *net.UnixConn, v any) (files []*os.File, err error) {
	defer func() {
		if err != nil {
			closeAll(files)
			files = nil
		}
	}()
	var head [4]byte
	oob := make([]byte, unix.CmsgSpace(maxFiles*4))
	n, oobn, _, _, err := c.ReadMsgUnix(head[:], oob)
	if err != nil {
		return nil, err
	}
	if files, err = filesOf(oob[:oobn]); err != nil {
		return files, err
	}
	if n == 0 {
		return files, io.EOF
	}
	if _, err := io.ReadFull(c, head[n:]); err != nil {
		return files, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > maxFrame {
		return files, fmt.Errorf("a message of %d bytes is too long", size)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(c, body); err != nil {
		return files, err
	}
	return files, json.Unmarshal(body, v)
}

func filesOf(oob []byte) ([]*os.File, error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	var files []*os.File
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return files, err
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}
