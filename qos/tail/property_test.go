package tail_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestEveryLineOnce rotates a real file in every way and order, kills the
// reader between reading and keeping, and looks that each line came once.
func TestEveryLineOnce(t *testing.T) {
	for _, m := range machines(t) {
		t.Run(m.name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				l := newLog(t)
				f := &follower{machine: m, path: l.path, limit: rapid.SampledFrom([]int{3000, 20_000, 1 << 20}).Draw(rt, "limit")}
				n, torn, rotations := 0, false, 0
				copied := false
				var want []string
				write := func(count int) {
					for range count {
						n++
						s := fmt.Sprintf("line %d %s", n, strings.Repeat("x", n*37%300))
						want = append(want, s)
						l.write(s + "\n")
					}
				}
				finish := func() {
					if torn {
						l.write(" joined\n")
						torn = false
						want[len(want)-1] += " joined"
					}
				}
				actions := map[string]func(*rapid.T){
					"write": func(rt *rapid.T) {
						if !copied {
							finish()
							write(rapid.IntRange(1, 40).Draw(rt, "lines"))
						}
					},
					"torn": func(*rapid.T) {
						if !copied && !torn {
							n++
							want = append(want, fmt.Sprintf("torn %d", n))
							l.write(want[len(want)-1])
							torn = true
						}
					},
					"poll":   func(*rapid.T) { f.poll(t, false) },
					"killed": func(*rapid.T) { f.poll(t, true) },
					"rename": func(rt *rapid.T) {
						if copied || rotations >= 8 {
							return
						}
						rotations++
						l.rename()
						for range rapid.IntRange(0, 3).Draw(rt, "late") {
							finish()
							write(1)
							f.poll(t, false)
						}
						finish()
						l.reopen()
					},
					"copy": func(*rapid.T) {
						if copied || rotations >= 8 {
							return
						}
						finish()
						rotations++
						copied = true
						l.copyOut()
					},
					"truncate": func(*rapid.T) {
						if copied {
							l.truncate()
							copied = false
						}
					},
					"gzip": func(rt *rapid.T) {
						if !copied {
							l.compress(rapid.IntRange(1, 3).Draw(rt, "which"))
						}
					},
				}
				rt.Repeat(actions)
				if copied {
					l.truncate()
				}
				finish()
				f.drain(t)
				if diff := count(want, f.texts()); diff != "" {
					rt.Fatal(diff)
				}
			})
		})
	}
}

// count says which lines are missing, and which are there more than once.
func count(want, got []string) string {
	times := map[string]int{}
	for _, s := range got {
		times[s]++
	}
	var out []string
	for _, s := range want {
		if times[s] != 1 {
			out = append(out, fmt.Sprintf("%d × %.20q", times[s], s))
		}
		delete(times, s)
	}
	for s, n := range times {
		out = append(out, fmt.Sprintf("%d × %.20q, which nobody wrote", n, s))
	}
	return strings.Join(out, "\n")
}
