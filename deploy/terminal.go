package deploy

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"skysail/clouds/kubernetes"
)

// watchSize tells a terminal's size, now and when it changes, until it is
// stopped.
func watchSize(ctx context.Context, fd int, sizes chan<- kubernetes.Size) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	go func() {
		defer close(sizes)
		defer signal.Stop(changed)
		for {
			if w, h, err := term.GetSize(fd); err == nil {
				select {
				case sizes <- kubernetes.Size{Width: uint16(w), Height: uint16(h)}: //nolint:gosec // a screen's
				case <-ctx.Done():
					return
				}
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}()
	return cancel
}
