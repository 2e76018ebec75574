package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"skysail/internal/failure"
)

// cargoName is the program that `cargo tangle` runs.
const cargoName = "cargo-tangle"

// RunCargo runs what cargo hands to cargo-tangle. `blueprint deploy tangle`
// with --remote, and `skysail …`, are ours; all else is replaced by the next
// cargo-tangle on PATH, so that what worked before goes on unchanged.
func RunCargo(ctx context.Context, streams IO, args []string) int {
	own, ours := cargoArgs(args)
	if ours {
		return Run(ctx, streams, own)
	}
	next := nextOnPath(cargoName, os.Getenv("PATH"))
	if next == "" {
		if own != nil {
			// No other tool to take a local deployment: it is ours as well.
			return Run(ctx, streams, own)
		}
		a := &app{io: streams, output: "text"}
		err := failure.New(failure.Input, "cargo tangle "+fmt.Sprint(args),
			"That is not one of skysail's commands, and no other cargo-tangle is on PATH to take it.",
			"skysail has `cargo tangle blueprint deploy tangle --remote` and `cargo tangle skysail …`.")
		a.printError(err)
		return failure.CodeOf(err).ExitStatus()
	}
	err := syscall.Exec(next, append([]string{next}, args...), os.Environ()) //nolint:gosec // the user's own PATH
	a := &app{io: streams, output: "text"}
	a.printError(failure.Wrap(err, failure.Failed, next, "The next cargo-tangle on PATH could not be run.", ""))
	return failure.Failed.ExitStatus()
}

// cargoArgs turns cargo's words into skysail's. ours is false for what is not
// certainly meant for skysail; own is nil for what skysail can not do at all.
func cargoArgs(args []string) (own []string, ours bool) {
	if len(args) > 0 && args[0] == "tangle" { // cargo repeats the name
		args = args[1:]
	}
	if len(args) > 0 && args[0] == "skysail" {
		return args[1:], true
	}
	if len(args) >= 3 && slices.Equal(args[:3], []string{"blueprint", "deploy", "tangle"}) {
		rest := args[3:]
		return append([]string{"deploy"}, rest...), slices.ContainsFunc(rest, func(s string) bool {
			return s == "--remote" || s == "--remote=true" || s == "--sandbox"
		})
	}
	return nil, false
}

// nextOnPath finds the executable of that name that comes after this program
// on path; empty when there is none.
func nextOnPath(name, path string) string {
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	selfInfo, err := os.Stat(self)
	if err != nil {
		return ""
	}
	for _, dir := range filepath.SplitList(path) {
		candidate := filepath.Join(dir, name)
		st, err := os.Stat(candidate) //nolint:gosec // the user's own PATH
		if err != nil || st.IsDir() || st.Mode()&0o111 == 0 || os.SameFile(st, selfInfo) {
			continue
		}
		return candidate
	}
	return ""
}
