package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"skysail/sandbox"
)

// Every command's help has an example that this program takes, and the exit
// statuses. Cobra's own completion commands have their examples in the text.
func TestHelp(t *testing.T) {
	for _, cmd := range commands(newRoot(&app{})) {
		t.Run(cmd.CommandPath(), func(t *testing.T) {
			var help bytes.Buffer
			cmd.SetOut(&help)
			if err := cmd.Help(); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(help.String(), exitHelp) {
				t.Error("its help does not tell the exit statuses")
			}
			for line := range strings.Lines(help.String()) {
				if n := len([]rune(strings.TrimRight(line, "\n"))); n > 140 {
					t.Errorf("a line of %d columns: %s", n, line)
				}
			}
			checkExample(t, cmd)
		})
	}
}

func commands(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		all = append(all, commands(sub)...)
	}
	return all
}

// checkExample wants a line of the example to be of the command, and each that
// is skysail's to name a command, flags and arguments that there are.
func checkExample(t *testing.T, cmd *cobra.Command) {
	own := false
	for _, call := range strings.FieldsFunc(cmd.Example, func(r rune) bool { return strings.ContainsRune("\n&|()\"", r) }) {
		words := strings.Fields(strings.ReplaceAll(call, "'", ""))
		if len(words) == 0 || words[0] != "skysail" {
			continue
		}
		found, rest, err := newRoot(&app{}).Find(words[1:])
		if err != nil {
			t.Errorf("%s: %v", call, err)
			continue
		}
		if err := found.ParseFlags(rest); err != nil {
			t.Errorf("%s: %v", call, err)
		} else if err := found.ValidateArgs(found.Flags().Args()); err != nil {
			t.Errorf("%s: %v", call, err)
		}
		own = own || strings.HasPrefix(found.CommandPath(), cmd.CommandPath())
	}
	if !own {
		t.Errorf("no line of its example calls it: %q", cmd.Example)
	}
}

func TestHelpNamesEveryFault(t *testing.T) {
	help := newSandboxFault(&app{}).Long
	for _, kind := range sandbox.FaultKinds() {
		if !strings.Contains(help, "\n  "+kind+" ") {
			t.Errorf("the help of sandbox fault leaves out %s", kind)
		}
	}
}
