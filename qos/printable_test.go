package qos_test

import (
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"skysail/qos"
)

func TestPrintable(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"plain text\twith a tab, ümlaut and 漢字", "plain text\twith a tab, ümlaut and 漢字"},
		{"\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`},
		{"a\r\nb\x00\x7f", `a\r\nb\x00\x7f`},
		{"\u009b2J", `\u009b2J`},
		{"abc\u202edef\u200b", `abc\u202edef\u200b`},
		{"bad \xff\xfe utf-8", `bad \xff\xfe utf-8`},
		{"\U000e0041", `\U000e0041`},
		{"\ufffd stays", "\ufffd stays"},
	} {
		if got := qos.Printable(c.in); got != c.want {
			t.Errorf("%q gives %q, want %q", c.in, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "text")
		for _, r := range qos.Printable(s) {
			if r != '\t' && !unicode.IsGraphic(r) {
				t.Fatalf("%U is left in %q", r, qos.Printable(s))
			}
		}
	})
}
