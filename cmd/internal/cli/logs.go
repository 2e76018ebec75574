package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/internal/failure"
	"skysail/qos"
	"skysail/qos/logline"
)

func newLogs(a *app) *cobra.Command {
	var follow, kept bool
	var last int
	var since time.Duration
	var level, grep string
	cmd := &cobra.Command{
		Use:         "logs NAME",
		Annotations: map[string]string{ownStream: "yes"},
		Short:       "Show the service's log lines, of all instances in order of time",
		Long: `Shows the service's log lines; of a deployment on Kubernetes those of all
containers of all pods. With --follow it goes on with new lines, over cuts of the
connection, restarts and new pods, until it is interrupted; then -o json prints
one object a line instead of one for all.

With --kept it shows the lines that the store has, without asking the instances:
of those that are gone too. Lines get there at each reading of an instance (a
deploy, qos, monitor), up to the retention of the service file.

--level keeps lines of that level and above. A line's own words (JSON or logfmt
fields, ERROR, [warn]) go before the level that the journal has for it, as what
a program prints is info there whatever it says; lines that tell no level at all
are left out. --grep keeps lines that a regular expression (RE2) matches. --last
counts the lines that are kept.`,
		Example: `  skysail logs hello --last 20
  skysail logs hello -f --since 1h
  skysail logs hello -f --level warn --grep 'timeout|refused' -o json
  skysail logs hello --kept --last 0 --grep panic`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if last < 0 {
				return failure.New(failure.Input, "--last is negative", "", "Give a number from 0; 0 shows all lines.")
			}
			if kept && follow {
				return failure.New(failure.Input, "--kept together with --follow", "What is kept does not go on.", "Give one of them.")
			}
			keep, err := lineFilter(level, grep)
			if err != nil {
				return err
			}
			q := qos.LogQuery{Follow: follow, Last: last, Keep: keep}
			if since > 0 {
				q.Since = time.Now().Add(-since)
			}
			if follow {
				q.Interrupted = func(err error, pause time.Duration) {
					_, _ = fmt.Fprintf(a.io.Err, "connection lost (%v), trying again in %s\n", err, pause.Round(100*time.Millisecond))
				}
			}
			return withDeployer(cmd.Context(), deploy.Options{}, func(d *deploy.Deployer) error {
				read := d.Logs
				if kept {
					read = d.KeptLogs
				}
				return a.runLogs(cmd.Context(), read, args[0], q)
			})
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&follow, "follow", "f", false, "go on with new lines")
	f.BoolVar(&kept, "kept", false, "the lines that the store has, without asking the instances")
	f.IntVarP(&last, "last", "n", 100, "only the newest lines; 0 shows all")
	f.StringVar(&level, "level", "", "only lines of this level and above: debug, info, notice, warn, error, crit")
	f.StringVar(&grep, "grep", "", "only lines that this regular expression matches")
	f.DurationVar(&since, "since", 0, "only lines younger than this, such as 1h")
	return cmd
}

// lineFilter says which lines are wanted; nil is all.
func lineFilter(level, grep string) (func(qos.Line) bool, error) {
	least := 7
	if level != "" {
		var ok bool
		if least, ok = logline.ParseLevel(level); !ok {
			return nil, failure.New(failure.Input, fmt.Sprintf("--level %q is no level", level), "", "Give debug, info, notice, warn, error or crit.")
		}
	}
	re, err := regexp.Compile(grep)
	if err != nil {
		return nil, failure.Wrap(err, failure.Input, "--grep", "It is no regular expression of RE2.", "The syntax is at https://github.com/google/re2/wiki/Syntax.")
	}
	if level == "" && grep == "" {
		return nil, nil
	}
	return func(l qos.Line) bool {
		if grep != "" && !re.MatchString(l.Message) {
			return false
		}
		if level == "" {
			return true
		}
		n := logline.Level(l.Message)
		if n == logline.Unknown {
			n = l.Priority
		}
		return n >= 0 && n <= least
	}, nil
}

type readLogs func(ctx context.Context, name string, q qos.LogQuery, emit func(qos.Line) error) error

func (a *app) runLogs(ctx context.Context, read readLogs, name string, q qos.LogQuery) error {
	lines := []qos.Line{}
	enc := json.NewEncoder(a.io.Out)
	err := read(ctx, name, q, func(l qos.Line) error {
		switch {
		case a.output != "json":
			_, err := fmt.Fprintf(a.io.Out, "%s %s %s\n", l.Time.Local().Format("15:04:05.000"), l.Instance, qos.Printable(l.Message))
			return err
		case q.Follow:
			return enc.Encode(map[string]any{"version": 1, "line": l})
		default:
			lines = append(lines, l)
			return nil
		}
	})
	if q.Follow && ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil // the way in which following ends
	}
	if err != nil || a.output != "json" || q.Follow {
		return err
	}
	return a.printJSON(map[string]any{"lines": lines})
}
