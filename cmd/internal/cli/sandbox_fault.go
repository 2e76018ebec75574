package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"skysail/internal/failure"
	"skysail/sandbox"
)

func newSandboxFault(a *app) *cobra.Command {
	var f sandbox.Fault
	var clearAll bool
	var delay time.Duration
	cmd := &cobra.Command{
		Use:   "fault [PROVIDER [KIND]]",
		Short: "Make a simulated cloud fail, or list and clear such faults",
		Long: `KIND is what the next creates at PROVIDER meet:
  capacity     the cloud has no room for the type in the region
  quota        the account's limit is reached
  auth         the credentials are refused, for every call
  not-enabled  the account may not use this yet
  invalid      the request is called wrong
  rate-limit   there were too many requests
  slow         the server takes 8 seconds longer to boot
  half-made    the server is made, but the answer is an error
  hang         the server is made, but the create is never answered

In place of KIND, --code and --message give the words in which the next creates
are refused, as PROVIDER itself would say them; --code is for aws and gcp.

With --rate a part of the creates fails. The same --seed lets the same creates
fail, counted in the order in which they come. auth then refuses creates of
servers only.

Without KIND and words the faults in force are listed; --clear removes them.`,
		Example: `  skysail sandbox fault vultr capacity
  skysail sandbox fault digitalocean half-made --region nyc1 --times 1
  skysail sandbox fault aws --code VcpuLimitExceeded --message 'limit reached'
  skysail sandbox fault gcp capacity --rate 0.3 --seed 7
  skysail sandbox fault vultr --clear`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.DelaySeconds = delay.Seconds()
			if err := checkFault(args, f, clearAll); err != nil {
				return err
			}
			c, err := sandbox.Start(cmd.Context(), sandboxDir())
			if err != nil {
				return err
			}
			if len(args) > 0 {
				f.Provider = args[0]
			}
			switch {
			case clearAll:
				if err := c.ClearFaults(cmd.Context(), f.Provider); err != nil {
					return err
				}
			case len(args) == 2 || worded(f):
				if len(args) == 2 {
					f.Kind = args[1]
				}
				if err := c.Fault(cmd.Context(), f); err != nil {
					return err
				}
			}
			return a.printFaults(cmd.Context(), c)
		},
	}
	cmd.Flags().StringVar(&f.Region, "region", "", "only in this region")
	cmd.Flags().IntVar(&f.Times, "times", 0, "only so many creates (default: until cleared)")
	cmd.Flags().StringVar(&f.Code, "code", "", "refuse with this code of the provider's")
	cmd.Flags().StringVar(&f.Message, "message", "", "refuse with this message")
	cmd.Flags().IntVar(&f.Status, "status", 0, "refuse with this HTTP status (default: the API's own for the code)")
	cmd.Flags().DurationVar(&delay, "delay", 0, "refuse that much later, such as 1h (not for gcp)")
	cmd.Flags().Float64Var(&f.Rate, "rate", 0, "only this part of the creates, above 0 and up to 1 (default: all)")
	cmd.Flags().Uint64Var(&f.Seed, "seed", 0, "where the dice of --rate start")
	cmd.Flags().BoolVar(&clearAll, "clear", false, "clear the faults of PROVIDER, or all")
	return cmd
}

// worded says whether the fault has words of its own.
func worded(f sandbox.Fault) bool { return f.Code != "" || f.Message != "" || f.Status != 0 }

func checkFault(args []string, f sandbox.Fault, clearAll bool) error {
	switch {
	case worded(f) && (len(args) != 1 || clearAll):
		return failure.New(failure.Input, "--code, --message and --status are for one provider, in place of a kind of fault", "Nothing was changed.",
			"`skysail sandbox fault PROVIDER --code CODE --message TEXT`.")
	case worded(f) && f.Message == "":
		return failure.New(failure.Input, "a fault with words of its own needs --message", "Nothing was changed.", "")
	case f.Rate != 0 && len(args) < 2 && !worded(f):
		return failure.New(failure.Input, "--rate without a kind of fault", "Nothing was changed.", "`skysail sandbox fault PROVIDER KIND --rate 0.3`.")
	}
	if len(args) > 0 && !slices.Contains(sandbox.Providers(), args[0]) {
		return failure.New(failure.Input, fmt.Sprintf("the sandbox does not simulate %q", args[0]), "Nothing was changed.",
			fmt.Sprintf("It simulates %s.", strings.Join(sandbox.Providers(), ", ")))
	}
	if len(args) == 2 && clearAll {
		return failure.New(failure.Input, "--clear with a kind of fault", "Nothing was changed.",
			"`skysail sandbox fault PROVIDER --clear` clears all faults of a provider.")
	}
	if len(args) == 2 {
		for _, k := range sandbox.FaultKinds() {
			if args[1] == k {
				if f.Times < 0 {
					return failure.New(failure.Input, "--times is negative", "Nothing was changed.", "Give a number from 1, or leave it out.")
				}
				return nil
			}
		}
		return failure.New(failure.Input, fmt.Sprintf("%q is no kind of fault", args[1]), "Nothing was changed.",
			"The kinds are "+strings.Join(sandbox.FaultKinds(), ", ")+".")
	}
	return nil
}

func (a *app) printFaults(ctx context.Context, c *sandbox.Client) error {
	fs, err := c.Faults(ctx)
	if err != nil {
		return err
	}
	if a.output == "json" {
		if fs == nil {
			fs = []sandbox.Fault{}
		}
		return a.printJSON(map[string]any{"faults": fs})
	}
	if len(fs) == 0 {
		a.printf("No faults are set.\n")
		return nil
	}
	rows := make([][]string, 0, len(fs))
	for _, f := range fs {
		rows = append(rows, faultRow(f))
	}
	table(a.io.Out, []string{"PROVIDER", "FAULT", "REGION", "TIMES", "RATE"}, rows)
	return nil
}

func faultRow(f sandbox.Fault) []string {
	what, region, times, rate := f.Kind, "any", "until cleared", "all"
	if worded(f) {
		what = strings.TrimPrefix(f.Code+": "+f.Message, ": ")
		if r := []rune(what); len(r) > 60 {
			what = string(r[:59]) + "…"
		}
	}
	if f.Region != "" {
		region = f.Region
	}
	if f.Times > 0 {
		times = fmt.Sprint(f.Times)
	}
	if f.Rate > 0 {
		rate = fmt.Sprint(f.Rate)
	}
	return []string{f.Provider, what, region, times, rate}
}
