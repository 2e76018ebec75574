package store

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// benchFleet is what a monitor hands on: instances that are read every 15
// seconds, each source at a moment of its own, in a call for each second.
type benchFleet struct {
	turns [15]map[string][]Sample
	each  int // samples of all
	rnd   *rand.Rand
}

func newBenchFleet(deployments, instances int) *benchFleet {
	f := &benchFleet{rnd: rand.New(rand.NewPCG(1, 2))}
	for i := range f.turns {
		f.turns[i] = map[string][]Sample{}
	}
	for d := range deployments {
		for i := range instances {
			for _, x := range benchInstance(fmt.Sprintf("d%d", d), fmt.Sprintf("d%d-%d", d, i)) {
				h := fnv.New32a()
				fmt.Fprint(h, x.Instance, x.Source)
				turn := f.turns[h.Sum32()%15]
				turn[x.Deployment] = append(turn[x.Deployment], x)
				f.each++
			}
		}
	}
	return f
}

// benchInstance is 60 samples of three sources, as a small host has them.
func benchInstance(deployment, instance string) []Sample {
	var out []Sample
	add := func(source, name string, v float64, labels ...string) {
		x := Sample{Deployment: deployment, Instance: instance, Source: source, Name: name, Value: v}
		for i := 0; i < len(labels); i += 2 {
			if x.Labels == nil {
				x.Labels = map[string]string{}
			}
			x.Labels[labels[i]] = labels[i+1]
		}
		out = append(out, x)
	}
	for cpu := range 2 {
		for _, mode := range []string{"user", "system", "idle", "iowait", "irq", "softirq", "steal", "nice"} {
			add("ssh", "node_cpu_seconds_total", 1000, "cpu", fmt.Sprint(cpu), "mode", mode)
		}
	}
	for _, name := range []string{"node_load1", "node_load5", "node_load15"} {
		add("ssh", name, 0.5)
	}
	for _, name := range []string{"MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "SwapTotal", "SwapFree"} {
		add("ssh", "node_memory_"+name+"_bytes", 1<<30)
	}
	for _, mount := range []string{"/", "/data"} {
		for _, name := range []string{"size", "avail", "free", "files"} {
			add("ssh", "node_filesystem_"+name+"_bytes", 1<<34, "device", "/dev/vda", "fstype", "ext4", "mountpoint", mount)
		}
	}
	for _, name := range []string{"receive_bytes", "receive_packets", "transmit_bytes", "transmit_packets"} {
		add("ssh", "node_network_"+name+"_total", 1e6, "device", "eth0")
	}
	for _, name := range []string{"skysail_service_up", "node_boot_time_seconds", "skysail_source_up", "skysail_source_duration_seconds"} {
		add("ssh", name, 1)
	}
	for i := range 12 {
		add("http", fmt.Sprintf("probe_%d_seconds", i), 0.01)
	}
	for i := range 6 {
		add("cloud", fmt.Sprintf("skysail_cloud_%d_ratio", i), 0.3)
	}
	return out
}

// change makes the next values: counters grow, most other things hardly
// change, and times have nanoseconds.
func (f *benchFleet) change(turn map[string][]Sample, at time.Time) (n int) {
	for _, xs := range turn {
		for i := range xs {
			x := &xs[i]
			x.ObservedAt, x.CollectedAt = at, at
			switch {
			case x.Name == "node_cpu_seconds_total":
				x.Value = math.Round(100*(x.Value+f.rnd.Float64()*8)) / 100
			case Counts(x.Name):
				x.Value += float64(f.rnd.IntN(1 << 16))
			case x.Source == "http", x.Name == "skysail_source_duration_seconds":
				x.Value = time.Duration(5e6 + f.rnd.Int64N(2e6)).Seconds()
			case x.Source == "cloud":
				x.Value = f.rnd.Float64()
			case x.Name == "node_load1", x.Name == "node_load5", x.Name == "node_load15":
				x.Value = math.Round(100*f.rnd.Float64()) / 100
			case f.rnd.IntN(3) == 0:
				x.Value += float64(f.rnd.IntN(64) * 4096)
			}
		}
		n += len(xs)
	}
	return n
}

// processor is the time of processors that this process has taken.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkAddSamples writes what a monitor of 2,000 instances writes, a
// second's readings at an operation. Earlier ones are compressed from the
// 1,800th operation on: with -benchtime 5000x that is in the numbers.
func BenchmarkAddSamples(b *testing.B) {
	for _, fleet := range []struct{ deployments, instances int }{{20, 100}, {2000, 1}} {
		b.Run(fmt.Sprintf("%dx%d", fleet.deployments, fleet.instances), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "skysail.db")
			s, err := Open(b.Context(), path)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			now := epoch
			s.now = func() time.Time { return now }
			for d := range fleet.deployments {
				if err := s.Create(b.Context(), deployment(fmt.Sprintf("d%d", d), fmt.Sprintf("n%d", d))); err != nil {
					b.Fatal(err)
				}
			}
			f := newBenchFleet(fleet.deployments, fleet.instances)
			all, i := 0, 0
			turn := func() (n int, took time.Duration) {
				now = now.Add(time.Second)
				turn := f.turns[i%len(f.turns)]
				i++
				n = f.change(turn, now)
				all += n
				began := time.Now()
				if err := s.AddAllSamples(b.Context(), turn); err != nil {
					b.Fatal(err)
				}
				return n, time.Since(began)
			}
			for range f.turns { // the series are new
				turn()
			}
			n, spent := 0, time.Duration(0)
			cpu := -processor(b)
			for b.Loop() {
				m, took := turn()
				n, spent = n+m, spent+took
			}
			cpu += processor(b)
			b.ReportMetric(float64(n)/spent.Seconds(), "samples/s")
			b.ReportMetric(float64(n)/cpu.Seconds(), "samples/cpu-s")
			st, err := os.Stat(path)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(st.Size())/float64(all), "disk-B/sample")
		})
	}
}

// BenchmarkCompress is what half an hour of one source comes to: the values of
// a host, made a chunk and rolled up.
func BenchmarkCompress(b *testing.B) {
	f := newBenchFleet(1, 1)
	one := map[string][]Sample{"d0": benchInstance("d0", "d0-0")}
	var xs []reading
	for i := range 120 {
		at := epoch.Add(time.Duration(i) * 15 * time.Second)
		f.change(one, at)
		for id, x := range one["d0"] {
			if x.Source == "ssh" {
				xs = append(xs, reading{series: int64(id), observed: millis(at), collected: millis(at), value: x.Value})
			}
		}
	}
	chunk, rolled := 0, 0
	for b.Loop() {
		all := bySeries(xs)
		data, _, _ := packChunk(all)
		chunk, rolled = len(data), 0
		for _, r := range rollups {
			s := map[int64]steps{}
			for id, p := range all {
				s[id] = steps{}
				s[id].roll(p, r.step)
			}
			rolled += len(packSteps(s, func(int64) bool { return true }))
		}
	}
	n := float64(len(xs))
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
	b.ReportMetric(float64(chunk)/n, "chunk-B/sample")
	b.ReportMetric(float64(rolled)/n, "rolled-B/sample")
}
