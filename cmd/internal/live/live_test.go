package live

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"skysail/deploy"
)

var update = flag.Bool("update", false, "write the golden files")

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func at(s int) time.Time { return noon.Add(time.Duration(s) * time.Second) }

// failover is a deploy that is refused once and applies at another cloud.
func failover(b *Board) {
	on := func(s int, ev deploy.Event) {
		ev.At, ev.Name = at(s), "web"
		b.Event(ev)
	}
	vultr := deploy.Event{Attempt: 1, Provider: "vultr", Region: "ewr", Type: "vc2-1c-1gb", PriceUSD: 36}
	do := deploy.Event{Attempt: 2, Provider: "digitalocean", Region: "nyc1", Type: "s-1vcpu-1gb", PriceUSD: 72}
	with := func(ev deploy.Event, kind deploy.EventKind, change func(*deploy.Event)) deploy.Event {
		ev.Kind, ev.Text = kind, string(kind)
		if change != nil {
			change(&ev)
		}
		return ev
	}
	step := func(name string) func(*deploy.Event) {
		return func(ev *deploy.Event) { ev.Step, ev.Text = name, name }
	}
	resource := func(address string, s deploy.ResourceState, took float64) func(*deploy.Event) {
		return func(ev *deploy.Event) {
			ev.Address, ev.State, ev.Action, ev.Seconds = "module.service."+address, s, "create", took
		}
	}
	on(0, deploy.Event{Kind: deploy.EventSelect, Total: 9, Candidates: []deploy.EventCandidate{
		{Provider: "vultr", Region: "ewr", Type: "vc2-1c-1gb", PriceUSD: 36},
		{Provider: "vultr", Region: "ord", Type: "vc2-1c-1gb", PriceUSD: 36},
		{Provider: "digitalocean", Region: "nyc1", Type: "s-1vcpu-1gb", PriceUSD: 72},
	}})
	on(0, with(vultr, deploy.EventAttempt, nil))
	on(1, with(vultr, deploy.EventStep, step("apply")))
	on(5, with(vultr, deploy.EventFault, func(ev *deploy.Event) { ev.Class = "capacity" }))
	on(5, with(vultr, deploy.EventStep, step("destroy")))
	on(11, with(vultr, deploy.EventCleaned, nil)) // 10 s at $36 an hour: $0.1
	on(11, with(do, deploy.EventAttempt, nil))
	on(13, with(do, deploy.EventStep, step("apply")))
	on(13, with(do, deploy.EventResource, resource("digitalocean_ssh_key.client", deploy.ResourceBegun, 0)))
	on(14, with(do, deploy.EventResource, resource("digitalocean_ssh_key.client", deploy.ResourceDone, 1)))
	on(14, with(do, deploy.EventResource, resource("digitalocean_droplet.instance[0]", deploy.ResourceBegun, 0)))
	on(24, with(do, deploy.EventResource, resource("digitalocean_droplet.instance[0]", deploy.ResourceWorking, 10)))
}

// many are eight deployments in all states.
func many(b *Board) {
	for i := range 8 {
		b.Event(deploy.Event{At: at(0), Kind: deploy.EventQueued, Name: fmt.Sprintf("web-%d", i), Text: "waits"})
	}
	for i := range 5 {
		b.Event(deploy.Event{At: at(i), Kind: deploy.EventBegun, Name: fmt.Sprintf("web-%d", i), Text: "begun"})
	}
	b.Event(deploy.Event{At: at(6), Kind: deploy.EventStep, Name: "web-0", Step: "plan", Text: "plan", Provider: "vultr", Region: "ewr"})
	b.Event(deploy.Event{At: at(7), Kind: deploy.EventEnded, Name: "web-1", Text: "done"})
	b.Event(deploy.Event{At: at(9), Kind: deploy.EventEnded, Name: "web-2", Class: "exhausted", Text: "every candidate failed\nmore"})
}

func TestPicture(t *testing.T) {
	for _, tt := range []struct {
		name          string
		many          bool
		width, height int
	}{
		{"one-80x24", false, 80, 24},
		{"one-40x24", false, 40, 24},
		{"one-80x5", false, 80, 5},
		{"one-80x2", false, 80, 2},
		{"many-80x24", true, 80, 24},
		{"many-50x8", true, 50, 8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := New(tt.many)
			if tt.many {
				many(b)
			} else {
				b.Doing("starting", at(0))
				failover(b)
			}
			got := ansi.Strip(b.Picture(tt.width, tt.height, at(33)))
			lines := strings.Split(got, "\n")
			if len(lines) >= tt.height {
				t.Errorf("%d lines on a terminal of %d: the cursor needs one", len(lines), tt.height)
			}
			for _, l := range lines {
				if w := ansi.StringWidth(l); w > tt.width {
					t.Errorf("%d wide: %q", w, l)
				}
			}
			file := filepath.Join("testdata", tt.name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(got+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got+"\n"); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCost(t *testing.T) {
	b := New(false)
	failover(b)
	// 10 s of the first at $36 an hour, 20 s of the second at $72.
	if got := b.rows[0].cost(at(33)); got < 0.4999 || got > 0.5001 {
		t.Errorf("cost %v, want 0.5", got)
	}
}

func TestEmptyBoard(t *testing.T) {
	if got := New(false).Picture(0, 0, noon); got != "" {
		t.Errorf("%q", got)
	}
	if got := ansi.Strip(New(true).Picture(80, 3, noon)); !strings.Contains(got, "0 run") {
		t.Errorf("%q", got)
	}
}
