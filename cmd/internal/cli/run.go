// Package cli is skysail's command line. A command turns its flags into an
// options struct and makes one library call; one file holds one command.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"skysail/internal/failure"
)

// IO is what a run reads and writes.
type IO struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

// Standard is this process's own input and output.
func Standard() IO { return IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr} }

// isTerminal says whether a stream is a terminal that a person looks at.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// app is the state of one run.
type app struct {
	io     IO
	output string       // text or json
	events *eventStream // with -o jsonl, where output is json; else nil
}

// Run runs the command line and returns the exit status. The first interrupt
// cancels what runs, which is undone in order; the third ends the process. A
// closed terminal ends this process and not what it started: a supervisor has
// that.
func Run(parent context.Context, streams IO, args []string) int {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	a := &app{io: streams, output: "text"}
	signals := make(chan os.Signal, 3)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	done := make(chan struct{})
	defer close(done)
	go a.watchSignals(signals, cancel, done)

	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return a.events.end(0, nil)
	}
	if ctx.Err() != nil && failure.CodeOf(err) == failure.Failed && errors.Is(err, context.Canceled) {
		err = failure.Wrap(err, failure.Interrupted, "interrupted", "", "")
	}
	var x *exitWith
	if errors.As(err, &x) {
		return a.events.end(x.status, nil)
	}
	a.printError(err)
	status := failure.CodeOf(asFailure(err)).ExitStatus()
	if status == failure.Input.ExitStatus() && detailedAsked(args) {
		status = failure.Failed.ExitStatus()
	}
	return a.events.end(status, asFailure(err))
}

func (a *app) watchSignals(signals <-chan os.Signal, cancel context.CancelCauseFunc, done <-chan struct{}) {
	for n := 1; ; n++ {
		select {
		case <-done:
			return
		case <-signals:
		}
		switch n {
		case 1:
			cancel(context.Canceled)
		case 2:
			_, _ = fmt.Fprintln(a.io.Err, "Still cleaning up. Once more ends at once and may leave something behind; `skysail destroy` removes it later.")
		default:
			os.Exit(failure.Interrupted.ExitStatus())
		}
	}
}
