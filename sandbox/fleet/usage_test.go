package fleet

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

// metered are machines that use what a test says.
type metered struct {
	*machines
	mu   sync.Mutex
	used map[string]Reading // by server key
	asks int
}

func (m *metered) Usage(dirs []string) (map[string]Reading, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asks++
	out := map[string]Reading{}
	for _, d := range dirs {
		if r, ok := m.used[filepath.Base(d)]; ok {
			out[d] = r
		}
	}
	return out, nil
}

func (m *metered) set(key string, r Reading) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used[key] = r
}

func TestUsageFollowsTheMachines(t *testing.T) {
	b := newBench(t, Options{Sample: 5 * time.Millisecond})
	m := &metered{machines: b.m, used: map[string]Reading{}}
	b.fleet.machine = m
	b.run()
	if got := b.fleet.Usage(world.Vultr, "a"); got != nil {
		t.Errorf("a machine that never was used %+v", got)
	}
	read := func(cpu float64, boot string) {
		m.set("vultr-a", Reading{Boot: boot, Usage: api.Usage{At: time.Now(), CPUSeconds: cpu, ReceivedBytes: uint64(cpu) * 10}})
	}
	last := func() (u api.Usage) {
		if all := b.fleet.Usage(world.Vultr, "a"); len(all) > 0 {
			u = all[len(all)-1]
		}
		return u
	}
	read(5, "1")
	b.add("a")
	b.settle("a")
	b.wait("the first reading", func() bool { return last().CPUSeconds == 5 })
	if last().DiskBytes == 0 {
		t.Error("its folder holds files, but its disk is empty")
	}
	// A sum that goes down for a moment, and a reboot that starts it anew.
	read(3, "1")
	time.Sleep(30 * time.Millisecond)
	if u := last(); u.CPUSeconds != 5 {
		t.Errorf("the sum went from 5 to %v", u.CPUSeconds)
	}
	read(2, "2")
	b.wait("the sum goes on over the reboot", func() bool { return last().CPUSeconds == 7 && last().ReceivedBytes == 70 })

	b.change("a", func(s *world.Server) { s.Deleting = true })
	b.wait("a deleted server's usage is forgotten", func() bool { return b.fleet.Usage(world.Vultr, "a") == nil })
}

// TestLooksDoNotTakeMuchOfTheMachine holds the sampler to its share.
func TestLooksDoNotTakeMuchOfTheMachine(t *testing.T) {
	b := newBench(t, Options{Sample: time.Millisecond})
	m := &slowMeter{metered: &metered{machines: b.m}}
	b.fleet.machine = m
	b.run()
	time.Sleep(300 * time.Millisecond)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.asks == 0 || m.asks > 2 {
		t.Errorf("a look of 5 ms was taken %d times in 300 ms, want one in 500", m.asks)
	}
}

type slowMeter struct{ *metered }

func (m *slowMeter) Usage(dirs []string) (map[string]Reading, error) {
	time.Sleep(5 * time.Millisecond)
	return m.metered.Usage(dirs)
}

// TestAPastThinsOut plays two days of one reading a second.
func TestAPastThinsOut(t *testing.T) {
	var h history
	start := time.Date(2026, 1, 1, 22, 0, 0, 0, time.UTC)
	const seconds = 30 * 3600
	for i := range seconds {
		h.add(Reading{Boot: "1", Usage: api.Usage{At: start.Add(time.Duration(i) * time.Second), ReceivedBytes: uint64(i)}})
		if n := len(h.readings); n > 600 {
			t.Fatalf("%d readings are kept after %d seconds", n, i)
		}
	}
	now := start.Add((seconds - 1) * time.Second)
	var days, minutes, secs int
	for i, u := range h.readings {
		if i > 0 && !u.At.After(h.readings[i-1].At) {
			t.Fatal("not oldest first")
		}
		switch age := now.Sub(u.At); {
		case age > keepSome:
			days++
		case age > keepAll:
			minutes++
		default:
			secs++
		}
	}
	// The last of 1 and 2 January; 58 minutes of every ten seconds; two of each.
	if days != 2 || minutes != 348 || secs != 121 {
		t.Errorf("kept %d of earlier days, %d of the hour, %d of the last minutes", days, minutes, secs)
	}
	if got := h.readings[0]; got.ReceivedBytes != 2*3600-1 {
		t.Errorf("the last reading of the first day has %d bytes", got.ReceivedBytes)
	}
}
