package shell_test

import (
	"os/exec"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"skysail/qos/internal/shell"
)

func TestQuote(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", "''"},
		{"skysail-echo.service", "skysail-echo.service"},
		{"a b", "'a b'"},
		{"$(reboot)", "'$(reboot)'"},
		{"it's", `'it'\''s'`},
		{"~root", "'~root'"},
		{"-n", "-n"},
	} {
		if got := shell.Quote(c.in); got != c.want {
			t.Errorf("Quote(%q) = %s, want %s", c.in, got, c.want)
		}
	}
}

func TestQuoteSurvivesTheShell(t *testing.T) {
	word := rapid.StringOf(rapid.RuneFrom([]rune("a'\"\\$`!*?[]{}()<>|&;#~ \t\n=%é\u202e")))
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(word, 1, 20).Draw(t, "words")
		out, err := exec.Command("/bin/sh", "-c", `printf '%s\0' `+shell.Quote(words...)).Output()
		if err != nil {
			t.Fatalf("sh: %v", err)
		}
		if got, want := string(out), strings.Join(words, "\x00")+"\x00"; got != want {
			t.Fatalf("the shell saw %q, want %q", got, want)
		}
	})
}
