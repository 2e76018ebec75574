package hostmetrics

import (
	"regexp"
	"strings"

	"skysail/qos/metric"
)

// virtual are block devices that are no disk of their own: partitions, loops
// and memory. node_exporter leaves out the same ones.
var virtual = regexp.MustCompile(`^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$`)

// sector is the unit of /proc/diskstats on every disk, whatever its own.
const sector = 512

var diskColumns = []struct {
	column int
	name   string
	times  float64
	per    float64
}{
	{3, "node_disk_reads_completed_total", 1, 1},
	{5, "node_disk_read_bytes_total", sector, 1},
	{7, "node_disk_writes_completed_total", 1, 1},
	{9, "node_disk_written_bytes_total", sector, 1},
	{12, "node_disk_io_time_seconds_total", 1, 1000}, // milliseconds
}

func (r *reader) diskstats(text string) {
	seen := columns{}
	for line := range lines(text) {
		f := r.fields(line)
		// Kernels before 2.6.25 have short lines for partitions.
		if len(f) < 14 || virtual.MatchString(f[2]) {
			continue
		}
		device := strings.ToValidUTF8(f[2], "\ufffd")
		labels := map[string]string{"device": device}
		for _, c := range diskColumns {
			if v, ok := number(f[c.column]); ok && seen.first(device, c.column) {
				r.addWith(c.name, v*c.times/c.per, labels)
			}
		}
	}
}

// df reads `df -P -k /`: device, 1024-blocks, used, available, capacity, mount
// point. It is read from the right, since a device's name may have spaces.
func (r *reader) df(text string) {
	seen := columns{}
	for line := range lines(text) {
		f := r.fields(line)
		if len(f) < 6 || f[len(f)-1] != "/" {
			continue
		}
		n := len(f)
		size, ok1 := number(f[n-5])
		used, ok2 := number(f[n-4])
		avail, ok3 := number(f[n-3])
		if !ok1 || !ok2 || !ok3 || size == 0 || used > size {
			continue
		}
		device := strings.ToValidUTF8(strings.Join(f[:n-5], " "), "\ufffd")
		if !seen.first(device, 0) {
			continue
		}
		fstype, readonly, known := r.rootMount()
		labels := map[string]string{"device": device, "fstype": fstype, "mountpoint": "/"}
		r.addWith("node_filesystem_size_bytes", size*1024, labels)
		r.addWith("node_filesystem_free_bytes", (size-used)*1024, labels)
		r.addWith("node_filesystem_avail_bytes", avail*1024, labels)
		if known {
			r.addWith("node_filesystem_readonly", metric.Bool(readonly), labels)
		}
	}
}

// rootMount reads the last mount on /, which is the one that shows.
func (r *reader) rootMount() (fstype string, readonly, known bool) {
	for line := range lines(r.parts["mounts"]) {
		f := r.fields(line)
		if len(f) < 4 || f[1] != "/" {
			continue
		}
		fstype, known = f[2], true
		readonly = f[3] == "ro" || strings.HasPrefix(f[3], "ro,")
	}
	return strings.ToValidUTF8(fstype, "\ufffd"), readonly, known
}
