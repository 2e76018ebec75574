package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/hashicorp/terraform-exec/tfexec"

	"skysail/internal/lazyregexp"
	"skysail/internal/supervise/proc"
)

// erroredState is what Terraform leaves in the bundle's folder when it could
// not write a state to its backend.
const erroredState = "errored.tfstate"

// initTries is how often init is tried where pgRace says that another one made
// the same schema at the same moment: PostgreSQL's IF NOT EXISTS does not wait
// for the other transaction.
const initTries = 5

var pgRace = lazyregexp.New(`pq: (duplicate key value violates unique constraint "pg_|tuple concurrently updated|(schema|relation) "[^"]*" already exists)`)

func (w *Workspace) lockWait(d time.Duration) *tfexec.LockTimeoutOption {
	if w.LockTimeout != 0 {
		d = w.LockTimeout
	}
	return tfexec.LockTimeout(d.String())
}

// State returns the state as Terraform's JSON, nil where there is none yet.
// That of a remote backend is fetched.
func (w *Workspace) State(ctx context.Context) ([]byte, error) {
	if w.Remote {
		text, err := command(ctx, w, "state pull", func(tf *tfexec.Terraform, _ io.Writer) (string, error) { return tf.StatePull(ctx) })
		if err != nil {
			return nil, err
		}
		return []byte(text), nil
	}
	data, err := os.ReadFile(filepath.Join(w.Private, stateFile))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	return data, nil
}

// Begin makes an empty state in a remote backend where there is none. While
// the pg backend makes one it keeps all others of its database out; made
// beforehand, that takes milliseconds and not the time of an apply. Idempotent.
func (w *Workspace) Begin(ctx context.Context) error {
	if !w.Remote {
		return nil
	}
	text, err := w.State(ctx)
	if err != nil {
		return err
	}
	st, err := parseState(text)
	if err != nil || st.Lineage != "" {
		return err
	}
	file := filepath.Join(w.Private, "empty.tfstate")
	if err := os.WriteFile(file, emptyState(), 0o600); err != nil {
		return fmt.Errorf("first state: %w", err)
	}
	return w.push(ctx, file)
}

func (w *Workspace) push(ctx context.Context, file string) error {
	_, err := command(ctx, w, "state push", func(tf *tfexec.Terraform, _ io.Writer) (struct{}, error) {
		return struct{}{}, tf.StatePush(ctx, file, tfexec.Lock(true), w.lockWait(lockTimeout))
	})
	return err
}

// Rescue writes a state that Terraform could not write to its remote backend
// when it made or removed something. Without one it does nothing. Idempotent.
func (w *Workspace) Rescue(ctx context.Context) error {
	file := filepath.Join(w.Dir, erroredState)
	if _, err := os.Stat(file); !w.Remote || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := w.push(ctx, file); err != nil {
		return err
	}
	return os.Remove(file)
}

// Converge plans and applies in one, under one lock of the state. It is for a
// root module that nobody needs to review; idempotent as far as that is.
func (w *Workspace) Converge(ctx context.Context) error {
	_, err := command(ctx, w, "apply", func(tf *tfexec.Terraform, s io.Writer) (struct{}, error) {
		return struct{}{}, tf.ApplyJSON(ctx, s, w.lockWait(lockTimeout))
	})
	return err
}

// Unlock removes a state's lock by its ID. Only who knows that its owner is
// gone may call it.
func (w *Workspace) Unlock(ctx context.Context, id string) error {
	_, err := command(ctx, w, "force-unlock", func(tf *tfexec.Terraform, _ io.Writer) (struct{}, error) {
		return struct{}{}, tf.ForceUnlock(ctx, id)
	})
	return err
}

// InUse says whether a Terraform process of this user works in this workspace
// on this machine.
func (w *Workspace) InUse() (bool, error) {
	list, err := proc.WithEnv("TF_DATA_DIR=" + filepath.Join(w.Private, dataDir))
	return len(list) > 0, err
}

// Lock is a state's lock as Terraform tells of it.
type Lock struct {
	ID        string
	Who       string // user@host
	Operation string
	Created   string
	// Foreign says that Who, Operation and Created are the holder's. The pg
	// and http backends tell the asker's own in their place
	// (internal/backend/remote-state/{pg,http}/client.go in Terraform 1.11).
	Foreign bool
}

var (
	lockHeld  = lazyregexp.New(`Error acquiring the state lock`)
	lockField = map[string]*regexp.Regexp{}
	// httpHolder is where the http backend names the lock that is held.
	httpHolder = lazyregexp.New(`HTTP remote state already locked: ID=([^\s"]+)`)
	pgHeld     = lazyregexp.New(`[wW]orkspace is already locked|[aA]lready locked for workspace creation`)
)

func init() {
	for _, name := range []string{"ID", "Who", "Operation", "Created"} {
		lockField[name] = regexp.MustCompile(`(?m)^\s*` + name + `:\s*(\S.*?)\s*$`)
	}
}

// LockOf reads the lock that a command met.
func LockOf(err error) (Lock, bool) {
	var e *Error
	if !errors.As(err, &e) {
		return Lock{}, false
	}
	for _, m := range e.Messages() {
		if !lockHeld.MatchString(m) {
			continue
		}
		field := func(name string) string {
			if f := lockField[name].FindStringSubmatch(m); f != nil {
				return f[1]
			}
			return ""
		}
		l := Lock{ID: field("ID"), Who: field("Who"), Operation: field("Operation"), Created: field("Created"), Foreign: true}
		if f := httpHolder.FindStringSubmatch(m); f != nil {
			l = Lock{ID: f[1]}
		} else if pgHeld.MatchString(m) {
			l = Lock{}
		}
		return l, true
	}
	return Lock{}, false
}
