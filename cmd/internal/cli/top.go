package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"skysail/deploy"
	"skysail/internal/failure"
)

func newTop(a *app) *cobra.Command {
	var interval time.Duration
	var once bool
	cmd := &cobra.Command{
		Use:   "top",
		Short: "A live table of what all instances do",
		Long: `Shows health, CPU, memory, disk, load and traffic of every running instance, as
the store has them: nobody is asked, so it is as fresh as the last reading of
` + "`skysail monitor`" + ` or qos. CPU and traffic are means over the last five minutes.

On a terminal the table is drawn anew until it is interrupted; in a pipe, with
--once and with -o json it is printed once.`,
		Example: `  skysail top
  skysail top --once
  skysail top -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if interval < time.Second {
				return failure.New(failure.Input, fmt.Sprintf("--interval %s", interval), "", "Give at least 1s.")
			}
			f, isFile := a.io.Out.(*os.File)
			live := !once && a.output != "json" && isFile && isTerminal(f)
			return withDeployer(cmd.Context(), deploy.Options{}, func(d *deploy.Deployer) error {
				return a.runTop(cmd.Context(), d, live, interval)
			})
		},
	}
	cmd.Flags().DurationVar(&interval, "interval", 2*time.Second, "time between two drawings")
	cmd.Flags().BoolVar(&once, "once", false, "print the table once")
	return cmd
}

func (a *app) runTop(ctx context.Context, d *deploy.Deployer, live bool, interval time.Duration) error {
	for {
		all, err := d.Top(ctx)
		if err != nil {
			return err
		}
		if a.output == "json" {
			return a.printJSON(map[string]any{"instances": all})
		}
		var text strings.Builder
		topTable(&text, all)
		if !live {
			a.printf("%s", text.String())
			return nil
		}
		// Home, the text with each line's rest cleared, and what was below it.
		a.printf("\x1b[H%s\x1b[J", strings.ReplaceAll(text.String(), "\n", "\x1b[K\n"))
		select {
		case <-ctx.Done():
			return nil // the way in which it ends
		case <-time.After(interval):
		}
	}
}

// oldReading is an age at which somebody should ask why.
const oldReading = 5 * time.Minute

func topTable(w *strings.Builder, all []deploy.Usage) {
	if len(all) == 0 {
		w.WriteString("No instance runs.\n")
		return
	}
	rows := make([][]string, len(all))
	old := 0
	for i, u := range all {
		age := "never"
		if u.Age != nil {
			age = time.Duration(*u.Age * float64(time.Second)).Round(time.Second).String()
		}
		if u.Age == nil || *u.Age > oldReading.Seconds() {
			old++
		}
		cpu := percent(u.CPU)
		if u.CPU == nil && u.CPUCores != nil {
			cpu = fmt.Sprintf("%.2f cores", *u.CPUCores)
		}
		memory := percent(u.Memory)
		if u.Memory == nil && u.MemoryBytes != nil {
			memory = formatBytes(*u.MemoryBytes)
		}
		rows[i] = []string{
			u.Deployment + sandboxMark(u.Sandbox), u.Instance[strings.LastIndexByte(u.Instance, '-')+1:], u.Provider + " " + u.Region, string(u.Healthy), probeText(u.ProbeSeconds), cpu, memory,
			percent(u.Disk), number(u.Load1), speed(u.Receive), speed(u.Transmit), age,
		}
	}
	table(w, []string{"DEPLOYMENT", "#", "WHERE", "HEALTHY", "PROBE", "CPU", "MEMORY", "DISK", "LOAD", "IN", "OUT", "AGE"}, rows)
	if old > 0 {
		_, _ = fmt.Fprintf(w, "\nOf %d instance(s) nothing was read for %s: `skysail monitor` reads all the time.\n", old, oldReading)
	}
}

func percent(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f%%", 100**v)
}

func number(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.2f", *v)
}

func probeText(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f ms", *v*1000)
}

func speed(v *float64) string {
	if v == nil {
		return "-"
	}
	return formatBytes(*v) + "/s"
}
