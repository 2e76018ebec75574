// Package hostmetrics reads a machine in one go: a shell script that prints
// the kernel's own tables, and the parser that turns its output into
// node_exporter's metrics. The script is plain POSIX sh and needs nothing
// installed, so it runs the same over SSH, on this machine, under dash and
// under busybox.
package hostmetrics

import (
	"strings"

	"skysail/qos/internal/shell"
)

// marker starts a line that names the section below it. No file that the
// script prints has a line like it.
const marker = "@@skysail "

// Each section stands alone: one that a kernel does not have stays empty and
// the others are read all the same. The giant intr line of /proc/stat is not
// worth sending. systemctl asks the system bus, which can hang on a machine in
// trouble, the very machine one wants numbers of: it comes last and is given
// five seconds.
const script = `LC_ALL=C; export LC_ALL
PATH=$PATH:/usr/bin:/bin:/usr/sbin:/sbin
exec 2>/dev/null </dev/null
s() { echo "@@skysail $1"; }
s clock
echo "hz $(getconf CLK_TCK || echo 100)"
echo "now $(date +%s)"
s stat
grep -e '^cpu[0-9]' -e '^btime ' -e '^procs_' /proc/stat
s uptime
cat /proc/uptime
s loadavg
cat /proc/loadavg
s meminfo
cat /proc/meminfo
s vmstat
grep '^oom_kill ' /proc/vmstat
s netdev
cat /proc/net/dev
s diskstats
cat /proc/diskstats
s mounts
grep ' / ' /proc/mounts
s df
df -P -k /
s sysctl
[ -r /proc/stat ] || sysctl vm.loadavg hw.memsize kern.boottime
`

const unitSection = `s systemd
if command -v systemctl >/dev/null; then
t=; if command -v timeout >/dev/null; then t='timeout 5'; fi
$t systemctl show -p LoadState -p ActiveState -p NRestarts UNIT
fi
`

// Script returns the script that reads a machine and, where unit is not
// empty, the state of that systemd unit.
func Script(unit string) string {
	text := script
	if unit != "" {
		text += strings.Replace(unitSection, "UNIT", shell.Quote(unit), 1)
	}
	return text + "s end\n"
}
