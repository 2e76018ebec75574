package proc

import (
	"os"
	"os/signal"
)

// Shield makes this process outlive signals. They are caught, not ignored: an
// ignored one would be ignored by every program that this process starts.
func Shield(signals ...os.Signal) {
	signal.Notify(make(chan os.Signal, 1), signals...)
}
