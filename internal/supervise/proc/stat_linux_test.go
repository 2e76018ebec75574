package proc

import (
	"os"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const rest = " S 10 20 30 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 1000 20 99"
	for _, name := range []string{"sh", "a b", "a) S 1 (b", ")", ""} {
		p, err := parseStat([]byte("77 (" + name + ")" + rest))
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if p.PID != 77 || p.Name != name || p.PPID != 10 || p.PGID != 20 || p.SID != 30 || p.order != 4242 || p.Zombie ||
			p.CPU != (5+6+7+8)*10*time.Millisecond || p.RSS != 20*uint64(os.Getpagesize()) {
			t.Errorf("%q: %+v", name, p)
		}
	}
	for _, bad := range []string{"", "77", "77 (sh) S 1 2", "x (sh)" + rest, "77 sh" + rest} {
		if p, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q gave %+v", bad, p)
		}
	}
}
