package guest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// namespaces are the ways to start a process in a network of its own, the
// most confined first. The user namespace maps the caller to itself, so files
// keep their owner. The two capabilities hold only inside: one brings up the
// loopback, the other binds ports below 1024 as a real instance's unit may.
func namespaces() []*syscall.SysProcAttr {
	uid, gid := os.Getuid(), os.Getgid()
	attrs := []*syscall.SysProcAttr{{
		Setsid:      true,
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}},
		AmbientCaps: []uintptr{unix.CAP_NET_ADMIN, unix.CAP_NET_BIND_SERVICE},
	}}
	if uid == 0 {
		attrs = append(attrs, &syscall.SysProcAttr{Setsid: true, Cloneflags: syscall.CLONE_NEWNET})
	}
	return attrs
}

func commandAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}

// loopbackUp brings up the loopback interface, which is down in a new network
// namespace.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, req); err != nil {
		return err
	}
	req.SetUint16(req.Uint16() | unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
}

// listening reads the TCP ports on which something listens in a process's
// network; with an address, only what listens on just that one.
func listening(pid int, at net.IP) ([]int, error) {
	var ports []int
	for _, table := range []string{"tcp", "tcp6"} {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/net/" + table) //nolint:gosec // one of two tables
		if err != nil {
			if table == "tcp6" && os.IsNotExist(err) {
				continue // no IPv6 in this kernel
			}
			return nil, err
		}
		found, err := parseListening(b, at)
		if err != nil {
			return nil, err
		}
		ports = append(ports, found...)
	}
	slices.Sort(ports)
	return slices.Compact(ports), nil
}

func parseListening(b []byte, at net.IP) ([]int, error) {
	const listen = "0A"
	only := ""
	if v4 := at.To4(); v4 != nil {
		// The kernel prints the four bytes as a number of this machine's.
		only = fmt.Sprintf("%08X", binary.NativeEndian.Uint32(v4))
	}
	var ports []int
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Scan() // the heading
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || fields[3] != listen {
			continue
		}
		address, port, _ := strings.Cut(fields[1], ":")
		if only != "" && address != only {
			continue
		}
		n, err := strconv.ParseUint(port, 16, 16)
		if err != nil {
			return nil, fmt.Errorf("unexpected line %q: %w", lines.Text(), err)
		}
		ports = append(ports, int(n))
	}
	return ports, lines.Err()
}
