package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// taken is what one deploy, or many, took.
type taken struct {
	applied float64 // seconds until the last apply had ended
	cpu     float64 // seconds of processor until then, all processes
	healthy float64 // seconds until the last was healthy and its samples stored
	ids     []string
}

// event is what is read of the stream.
type event struct {
	Type        string  `json:"type"`
	Step        string  `json:"step"`
	Status      int     `json:"exit_status"`
	Deployments []ident `json:"deployments"`
	Error       *struct {
		Cause string `json:"cause"`
	} `json:"error"`
}

type ident struct {
	ID string `json:"id"`
}

// deploy runs `skysail deploy` and watches its stream.
func (b *bench) deploy(ctx context.Context, args ...string) (taken, error) {
	var t taken
	cmd := b.command(ctx, append([]string{"deploy", "--sandbox", "--auto-approve", "-o", "jsonl"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return t, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return t, err
	}
	done := make(chan struct{})
	if b.watching {
		go b.peaks.watch(cmd.Process.Pid, done)
	}
	var last event
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var ev event
		if err := json.Unmarshal(lines.Bytes(), &ev); err != nil {
			return t, err
		}
		switch {
		case ev.Type == "step" && ev.Step == "outputs":
			t.applied, t.cpu = time.Since(began).Seconds(), cpuOf(cmd.Process.Pid)
		case ev.Type == "ready":
			t.healthy = time.Since(began).Seconds()
		case ev.Type == "result":
			last = ev
		}
	}
	close(done)
	_ = cmd.Wait() // the result tells
	if last.Error != nil {
		return t, fmt.Errorf("deploy: %s", last.Error.Cause)
	}
	for _, d := range last.Deployments {
		t.ids = append(t.ids, d.ID)
	}
	if len(t.ids) == 0 {
		return t, fmt.Errorf("deploy: no result in its stream (status %d)", last.Status)
	}
	return t, nil
}

// one compares single deploys with init and apply of the same bundle.
func (b *bench) one(ctx context.Context, what string, slow bool) error {
	if err := b.slow(ctx, slow); err != nil {
		return err
	}
	dir, err := b.service("bench", "digitalocean")
	if err != nil {
		return err
	}
	var wall, cpu, healthy, bareWall, bareCPU []float64
	for n := range b.runs + 1 {
		b.watching = n == 0 // it takes processor time itself
		ours, err := b.deploy(ctx, dir)
		if err != nil {
			return err
		}
		bundle, err := b.keep(ours.ids[0])
		if err != nil {
			return err
		}
		if _, err := b.skysail(ctx, "destroy", "bench", "--auto-approve"); err != nil {
			return err
		}
		bare, err := b.bare(ctx, bundle)
		if err != nil {
			return err
		}
		if err := b.bareDestroy(ctx, bundle); err != nil {
			return err
		}
		if n == 0 {
			continue // to warm up
		}
		wall, cpu, healthy = append(wall, ours.applied), append(cpu, ours.cpu), append(healthy, ours.healthy)
		bareWall, bareCPU = append(bareWall, bare.applied), append(bareCPU, bare.cpu)
	}
	fmt.Printf("\n**One deploy, %s**, until Terraform's apply has ended; median (least to most) of %d, by turns\n\n", what, b.runs)
	fmt.Printf("| | skysail | bare Terraform | ratio of medians |\n|---|---|---|---|\n")
	fmt.Printf("| wall, s | %s | %s | %.2f |\n", spread(wall), spread(bareWall), median(wall)/median(bareWall))
	fmt.Printf("| CPU, s | %s | %s | %.2f |\n", spread(cpu), spread(bareCPU), median(cpu)/median(bareCPU))
	fmt.Printf("| until healthy, s | %s | does not wait | |\n", spread(healthy))
	return os.RemoveAll(b.work)
}
