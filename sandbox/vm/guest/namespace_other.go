//go:build !linux

package guest

import (
	"errors"
	"net"
	"syscall"
)

// namespaces is empty: only Linux has them.
func namespaces() []*syscall.SysProcAttr { return nil }

func commandAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

func loopbackUp() error { return nil }

func listening(int, net.IP) ([]int, error) { return nil, errors.ErrUnsupported }
