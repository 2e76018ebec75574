package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"

	"github.com/gofrs/flock"

	"skysail/internal/journal"
	"skysail/internal/reexec"
	"skysail/internal/supervise/proc"
)

const (
	// The descriptors that launch hands over.
	readyFD = 3
	leashFD = 4
	// envLeash says that there is a leash.
	envLeash = "SKYSAIL_SUPERVISE_LEASH"
)

// errLeash is why a program is killed when its owner is gone.
var errLeash = errors.New("the owner is gone")

func init() {
	reexec.Register(HelperName, func(args []string) int {
		if len(args) != 1 {
			fmt.Fprintln(os.Stderr, "skysail: the supervisor needs one argument, its folder")
			return 2
		}
		if err := supervisorMain(args[0]); err != nil {
			fmt.Fprintln(os.Stderr, "skysail: supervisor:", err)
			return 1
		}
		return 0
	})
}

// supervisorMain is the supervisor's whole life.
func supervisorMain(dir string) error {
	// The program dies with the thread that starts it, so that thread must be
	// this one, which lives as long as the process.
	runtime.LockOSThread()
	// A supervisor mostly sleeps: trade a little speed for memory.
	debug.SetGCPercent(20)
	proc.Shield(syscall.SIGHUP, syscall.SIGPIPE)

	ready := &teller{file: os.NewFile(readyFD, "ready")}
	syscall.CloseOnExec(readyFD)
	defer ready.tell(errors.New("the supervisor gave up"))

	alive := flock.New(filepath.Join(dir, aliveLock), flock.SetPermissions(0o600))
	if ok, err := alive.TryLock(); err != nil || !ok {
		return ready.fail(errors.Join(fmt.Errorf("another supervisor has %s", dir), err))
	}
	defer func() { _ = alive.Close() }()
	r, err := readRecord(dir)
	if err != nil {
		return ready.fail(err)
	}
	self, err := proc.Self()
	if err != nil {
		return ready.fail(err)
	}
	if err := proc.AdoptOrphans(); err != nil {
		return ready.fail(fmt.Errorf("become the parent of orphans: %w", err))
	}
	j, err := journal.Open(r.Spec.Journal, r.Spec.JournalMax)
	if err != nil {
		return ready.fail(err)
	}
	defer func() { _ = j.Close() }()

	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	stopped, done := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer done()
	if os.Getenv(envLeash) != "" {
		syscall.CloseOnExec(leashFD)
		go func() {
			_, _ = io.Copy(io.Discard, os.NewFile(leashFD, "leash"))
			cancel(errLeash)
		}()
	}
	s := &supervisor{
		spec:    r.Spec,
		token:   r.Token,
		self:    self,
		journal: j,
		ready:   ready,
		status:  Status{SupervisorPID: self.PID, SupervisorStart: self.Start, State: StateStarting},
	}
	if err := writeStatus(dir, s.status); err != nil {
		return ready.fail(err)
	}
	s.reaper.Start(ctx)
	debug.FreeOSMemory()
	return s.run(stopped)
}

// teller says once whether the first attempt worked.
type teller struct {
	once sync.Once
	file *os.File
}

func (t *teller) tell(err error) {
	t.once.Do(func() {
		var r readiness
		if err != nil {
			r.Error = err.Error()
		}
		b, _ := json.Marshal(r) // a struct of one string
		// The starter may be gone; the program is kept all the same.
		_, _ = t.file.Write(append(b, '\n'))
		_ = t.file.Close()
	})
}

func (t *teller) fail(err error) error {
	t.tell(err)
	return err
}
