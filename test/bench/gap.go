package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"skysail/store"
)

// gap measures what lies between a provider's refusal and the first create at
// the next one, by the log of the simulated APIs, and takes off the time that
// Terraform's own destroy took, by the journal.
func (b *bench) gap(ctx context.Context) error {
	dir, err := b.service("bench", "vultr", "digitalocean")
	if err != nil {
		return err
	}
	var whole, destroys, rest []float64
	for n := range b.runs + 1 {
		if err := b.slow(ctx, false); err != nil {
			return err
		}
		if _, err := b.skysail(ctx, "sandbox", "fault", "vultr", "capacity"); err != nil {
			return err
		}
		began := time.Now()
		ours, err := b.deploy(ctx, dir)
		if err != nil {
			return err
		}
		refused, next, err := b.calls(began)
		if err != nil {
			return err
		}
		destroy, err := b.destroyed(ctx, ours.ids[0])
		if err != nil {
			return err
		}
		if _, err := b.skysail(ctx, "destroy", "bench", "--auto-approve"); err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		g := next.Sub(refused).Seconds()
		whole, destroys, rest = append(whole, g), append(destroys, destroy), append(rest, g-destroy)
	}
	fmt.Printf("\n**From a refusal to the next provider's first create**, %d times\n\n| | s |\n|---|---|\n", b.runs)
	fmt.Printf("| in all | %s |\n| of that Terraform's destroy | %s |\n| the rest | %s |\n", spread(whole), spread(destroys), spread(rest))
	return os.RemoveAll(b.work)
}

// destroyed is how long the attempts' destroys took.
func (b *bench) destroyed(ctx context.Context, id string) (sum float64, err error) {
	s, err := store.Open(ctx, filepath.Join(b.home, "skysail.db"))
	if err != nil {
		return 0, err
	}
	defer func() { _ = s.Close() }()
	steps, err := s.Steps(ctx, id)
	for _, x := range steps {
		if x.Kind == store.StepDestroy {
			sum += x.EndedAt.Sub(x.BeganAt).Seconds()
		}
	}
	return sum, err
}

// calls finds the refusal and the first create after it in the daemon's log,
// whose lines are written when a call was answered:
//
//	time=… level=INFO msg=vultr method=POST path=/v2/instances status=400 took=3ms
func (b *bench) calls(since time.Time) (refused, next time.Time, err error) {
	f, err := os.Open(filepath.Join(b.home, "sandbox", "daemon.log"))
	if err != nil {
		return refused, next, err
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		of := map[string]string{}
		for field := range strings.FieldsSeq(lines.Text()) {
			if k, v, ok := strings.Cut(field, "="); ok {
				of[k] = v
			}
		}
		at, terr := time.Parse(time.RFC3339Nano, of["time"])
		if terr != nil || at.Before(since) || of["method"] != "POST" {
			continue
		}
		switch {
		case refused.IsZero() && of["msg"] == "vultr" && strings.HasPrefix(of["status"], "4"):
			refused = at
		case !refused.IsZero() && of["msg"] == "digitalocean":
			took, _ := time.ParseDuration(of["took"])
			return refused, at.Add(-took), nil
		}
	}
	return refused, next, fmt.Errorf("%s has no refusal and create after it", f.Name())
}
