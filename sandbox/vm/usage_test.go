package vm_test

import (
	"bytes"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"skysail/sandbox/vm"
)

// TestUsageIsThatOfTheProcesses holds what an instance is said to use against
// what its processes really do.
func TestUsageIsThatOfTheProcesses(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells what processes use")
	}
	i := newInstance(t)
	if got, err := vm.Usage([]string{i.dir}); err != nil || len(got) != 0 {
		t.Errorf("an instance that never ran: %+v, %v", got, err)
	}
	i.up()
	usage := func() vm.Reading {
		t.Helper()
		got, err := vm.Usage([]string{i.dir})
		if err != nil || len(got) != 1 {
			t.Fatalf("usage: %+v, %v", got, err)
		}
		return got[i.dir]
	}
	// All that carries the instance's mark is in its tree, and all of it
	// counts.
	var rss uint64
	for _, p := range i.processes() {
		rss += p.RSS
	}
	before := usage()
	if rss == 0 || float64(before.MemoryBytes) < 0.8*float64(rss) || float64(before.MemoryBytes) > 1.25*float64(rss) {
		t.Errorf("it holds %d bytes, its processes %d", before.MemoryBytes, rss)
	}
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := strconv.ParseFloat(strings.Fields(string(b))[0], 64); err != nil || before.Load1 < 0 {
		t.Errorf("load %v, the machine says %s", before.Load1, b)
	}

	// Processes that come, work and go leave their time in the sum.
	began := time.Now()
	i.sh(`for n in 1 2 3; do dash -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'; done`)
	wall := time.Since(began)
	after := usage()
	if worked := after.CPU - before.CPU; worked < 100*time.Millisecond || worked > wall*time.Duration(runtime.NumCPU())+time.Second {
		t.Errorf("%s of work in %s of time", worked, wall)
	}
	if after.Boot != before.Boot {
		t.Error("it looks as if it had rebooted")
	}

	// What goes through its address counts, each way.
	body := strings.Repeat("x", 100_000)
	conn, err := vm.Dial(t.Context(), i.dir, 8080)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET /healthz HTTP/1.0\r\nX-Long: "+body+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !bytes.HasSuffix(answer, []byte("ok\n")) {
		t.Errorf("answer %q, %v", answer, err)
	}
	_ = conn.Close()
	i.eventually("the traffic", func() bool {
		now := usage()
		received, sent := now.ReceivedBytes-after.ReceivedBytes, now.SentBytes-after.SentBytes
		return received > 100_000 && received < 150_000 && sent >= uint64(len(answer)) && sent < 50_000
	})

	if err := vm.Stop(t.Context(), i.dir); err != nil {
		t.Fatal(err)
	}
	if got, err := vm.Usage([]string{i.dir}); err != nil || len(got) != 0 {
		t.Errorf("an instance that is off: %+v, %v", got, err)
	}
	i.up()
	again := usage()
	if again.Boot == before.Boot || again.ReceivedBytes >= after.ReceivedBytes+100_000 {
		t.Errorf("after a reboot: %+v", again)
	}
}

// BenchmarkUsage reads one instance; ten cost little more, since the list of
// processes is most of it.
func BenchmarkUsage(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		if _, err := vm.Usage([]string{dir, dir, dir}); err != nil {
			b.Fatal(err)
		}
	}
}
