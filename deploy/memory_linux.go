package deploy

import (
	"bufio"
	"os"
	"strconv"
	"strings"
)

// availableMemory is what new processes can have without swapping, in bytes,
// and within the limit of this process's control group; 0 where it is not told.
func availableMemory() uint64 {
	return min(nonzero(meminfo()), nonzero(groupRoom())) % unknownMemory
}

// unknownMemory is more than there can be.
const unknownMemory = 1 << 62

func nonzero(n uint64, ok bool) uint64 {
	if !ok {
		return unknownMemory
	}
	return n
}

func meminfo() (uint64, bool) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, false
	}
	defer func() { _ = f.Close() }()
	for s := bufio.NewScanner(f); s.Scan(); {
		// MemAvailable:   12345678 kB
		fields := strings.Fields(s.Text())
		if len(fields) == 3 && fields[0] == "MemAvailable:" {
			n, err := strconv.ParseUint(fields[1], 10, 64)
			return n << 10, err == nil
		}
	}
	return 0, false
}

// groupRoom is what the control group (version 2) at the root of this process's
// view leaves, as in a container.
func groupRoom() (uint64, bool) {
	most, ok := number("/sys/fs/cgroup/memory.max")
	if !ok {
		return 0, false
	}
	used, ok := number("/sys/fs/cgroup/memory.current")
	return most - min(most, used), ok
}

func number(path string) (uint64, bool) {
	b, err := os.ReadFile(path) //nolint:gosec // constant paths
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	return n, err == nil
}
