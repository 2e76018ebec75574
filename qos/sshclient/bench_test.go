package sshclient_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"skysail/internal/sshtest"
	"skysail/qos/hostmetrics"
	"skysail/qos/sshclient"
)

// benchHosts is how many hosts are polled at once: as many as a collector
// reads.
const benchHosts = 16

const idleHosts = 80

// BenchmarkPoll reads a host's metrics over a kept connection to OpenSSH and
// parses them: in the kept shell, and by a session of its own. cpu-ms/op is
// what this process used, user and system; sshd and the script are others. With
// one host the process falls asleep between send and answer: what waking up
// costs is in the number. A script forks a dozen times, on the processors and in
// the caches of this process, which hosts elsewhere do not: in recorded it prints
// what it printed before.
func BenchmarkPoll(b *testing.B) {
	s := sshtest.OpenSSH(b)
	tg := sshclient.Target{Addr: s.Addr, User: s.User, HostKey: s.HostKey, KeyFile: s.KeyFile}
	script := hostmetrics.Script("")
	recorded := replay(b, script)
	ways := map[string]func(context.Context, *sshclient.Pool) ([]byte, error){
		"shell":    func(ctx context.Context, p *sshclient.Pool) ([]byte, error) { return p.Text(ctx, tg, script) },
		"recorded": func(ctx context.Context, p *sshclient.Pool) ([]byte, error) { return p.Text(ctx, tg, recorded) },
		"exec": func(ctx context.Context, p *sshclient.Pool) ([]byte, error) {
			return p.Run(ctx, tg, sshclient.Command(script), nil)
		},
	}
	for _, name := range []string{"shell", "recorded", "exec"} {
		for _, hosts := range []int{1, benchHosts} {
			b.Run(name+map[bool]string{true: "/one", false: "/many"}[hosts == 1], func(b *testing.B) { poll(b, hosts, ways[name]) })
		}
	}
}

// replay is a script that prints what script does, without running it, but is as
// long.
func replay(b *testing.B, script string) string {
	b.Helper()
	out, err := exec.CommandContext(b.Context(), "sh", "-c", script).Output()
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(b.TempDir(), "reading")
	if err := os.WriteFile(file, out, 0o600); err != nil {
		b.Fatal(err)
	}
	return "cat '" + file + "'\nexit\n" + script
}

func poll(b *testing.B, hosts int, run func(context.Context, *sshclient.Pool) ([]byte, error)) {
	pools := make([]*sshclient.Pool, hosts)
	once := func(p *sshclient.Pool) {
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		out, err := run(ctx, p)
		if err == nil {
			_, err = hostmetrics.Parse(out)
		}
		if err != nil {
			b.Error(err)
		}
	}
	for i := range pools {
		pools[i] = sshclient.NewPool()
		defer func() { _ = pools[i].Close() }()
		once(pools[i]) // the login
	}
	b.ReportAllocs()
	b.ResetTimer()
	before := cpu(b)
	var wg sync.WaitGroup
	for i, p := range pools {
		wg.Go(func() {
			for range (b.N + hosts - 1 - i) / hosts {
				once(p)
			}
		})
	}
	wg.Wait()
	b.ReportMetric((cpu(b)-before).Seconds()*1e3/float64(b.N), "cpu-ms/op")
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkIdle is what a host takes while nobody asks it: its connection, its
// kept shell and what the last reading left. kB/host is heap and stacks of this
// process after some collections of garbage, each of which halves stacks that were
// needed for the handshake; an operation is 80 hosts. What waits here for the sshd
// of each connection is measured with connections that nobody uses, and taken off.
func BenchmarkIdle(b *testing.B) {
	s := sshtest.OpenSSH(b)
	tg := sshclient.Target{Addr: s.Addr, User: s.User, HostKey: s.HostKey, KeyFile: s.KeyFile}
	script := replay(b, hostmetrics.Script(""))
	for range b.N {
		none := resident()
		for range idleHosts {
			conn, err := new(net.Dialer).DialContext(b.Context(), "tcp", s.Addr)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if _, err := conn.Read(make([]byte, 1)); err != nil { // sshd runs
				b.Fatal(err)
			}
		}
		unused := resident()
		for range idleHosts {
			p := sshclient.NewPool()
			defer func() { _ = p.Close() }()
			if _, err := p.Text(b.Context(), tg, script); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64((resident()-unused)-(unused-none))/1024/idleHosts, "kB/host")
	}
}

func resident() int64 {
	var m runtime.MemStats
	for range 4 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
