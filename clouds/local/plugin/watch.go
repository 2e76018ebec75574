package plugin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"skysail/clouds/local"
	"skysail/internal/journal"
	"skysail/internal/supervise"
	"skysail/internal/tfplugin"
)

// How long a service is watched after its start, and how often it is looked
// at. A container's client needs longer to find out that it can not run. One that
// listens on none of its ports yet is watched on: it may end before it does.
const (
	nativeWatch    = 300 * time.Millisecond
	containerWatch = 2 * time.Second
	silentWatch    = 10 * time.Second
	watchEvery     = 25 * time.Millisecond
)

// lastLines is how much of the journal is shown of a program that ended.
const lastLines = 10

// watch looks for a while whether the program that was just started ends at
// once, which it would then do again and again.
func watch(ctx context.Context, f local.Folder, ports []int, while time.Duration, secrets []string) error {
	begun := time.Now()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		status, err := supervise.Read(f.Supervisor())
		if err != nil {
			return err
		}
		if ended(status) {
			return endedAtOnce(f, status, secrets)
		}
		d := time.Since(begun)
		if d >= while && (d >= silentWatch || len(ports) == 0 || slices.ContainsFunc(ports, func(port int) bool { return answers(ctx, port) })) {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

func ended(s supervise.Status) bool {
	switch s.State {
	case supervise.StateRunning, supervise.StateStarting:
		return s.Restarts > 0
	default:
		return true
	}
}

func endedAtOnce(f local.Folder, s supervise.Status, secrets []string) error {
	how := s.Detail
	if s.LastExit != nil {
		how = s.LastExit.String()
	}
	var b strings.Builder
	entries, err := journal.Read(f.Journal(), journal.Query{Last: lastLines})
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		b.WriteString("It printed nothing.")
	} else {
		b.WriteString("The last lines of its journal:")
	}
	for _, e := range entries {
		fmt.Fprintf(&b, "\n  %s: %s", e.Identifier, redact(e.Message, secrets))
	}
	b.WriteString("\n\nIt was stopped again. Mend the program, or its args, env and secrets in the service file.")
	return &tfplugin.Problem{Summary: "the service ended as soon as it was started: " + how, Detail: b.String()}
}
