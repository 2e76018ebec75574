package cloudinit

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"skysail/sandbox/vm/guest"
	"skysail/sandbox/vm/rootdir"
)

// script runs actions as one shell script, as cloud-init does.
func (b *Boot) script(ctx context.Context, name string, actions []ShellAction) error {
	if len(actions) == 0 {
		return nil
	}
	text := Script(b.Root, actions)
	if err := b.write(name, []byte(text), 0o700, false); err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(b.Log, r)
		_ = r.Close()
	}()
	b.logf("running %s", path.Base(name))
	exit, err := b.Place.Run(ctx, guest.Command{
		Argv: []string{"/bin/sh", b.Root.Join(name)}, Env: b.Env, Dir: string(b.Root), Stdout: w, Stderr: w,
	})
	_ = w.Close()
	// What the script left running may hold its output open.
	select {
	case <-copied:
	case <-time.After(time.Second):
	}
	switch {
	case err != nil:
		return err
	case exit.Signal != "":
		return fmt.Errorf("ended by signal %s", exit.Signal)
	case exit.Code != 0:
		return fmt.Errorf("exit code %d", exit.Code)
	}
	return nil
}

// Script is the shell script of actions. Commands given as lists, and the
// program that begins a line, are found below the root.
func Script(root rootdir.Root, actions []ShellAction) string {
	var s strings.Builder
	s.WriteString("#!/bin/sh\n")
	for _, a := range actions {
		if a.Argv == nil {
			s.WriteString(lineFor(root, a.Line) + "\n")
			continue
		}
		words := root.Args(a.Argv)
		for i, w := range words {
			words[i] = rootdir.Quote(w)
		}
		s.WriteString(strings.Join(words, " ") + "\n")
	}
	return s.String()
}

// lineFor translates the program at the start of a line and nothing else:
// what a script does with paths, it does knowing SKYSAIL_ROOT.
func lineFor(root rootdir.Root, line string) string {
	if !strings.HasPrefix(line, "/") {
		return line
	}
	end := strings.IndexAny(line, " \t\n;|&<>()'\"`$\\")
	if end < 0 {
		end = len(line)
	}
	program, ok := root.Existing(line[:end])
	if !ok {
		return line
	}
	return rootdir.Quote(program) + line[end:]
}
