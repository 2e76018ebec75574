package supervise_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"skysail/internal/supervise"
)

func TestParseEnvFile(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"empty":            {"", nil},
		"comments":         {"# a\n; b\n\n  A=1\n", []string{"A=1"}},
		"white space":      {"A =  x y \t\nB=\n", []string{"A=x y", "B="}},
		"single quotes":    {`A='a "b" \n $c'`, []string{`A=a "b" \n $c`}},
		"double quotes":    {`A="a \"b\" \$c \x"`, []string{`A=a "b" $c \x`}},
		"lines in quotes":  {"A='one\ntwo'\nB=3", []string{"A=one\ntwo", "B=3"}},
		"backslash":        {"A=a\\ b\\\nc\n", []string{"A=a bc"}},
		"quoted space":     {`A=" x "`, []string{"A= x "}},
		"hash in value":    {"A=a#b\n", []string{"A=a#b"}},
		"dos line ends":    {"A=1\r\nB=2\r\n", []string{"A=1", "B=2"}},
		"equals in value":  {"A=b=c", []string{"A=b=c"}},
		"same name again":  {"A=1\nA=2", []string{"A=1", "A=2"}},
		"adjoining quotes": {`A='it'"'"'s'`, []string{"A=it's"}},
	} {
		got, err := supervise.ParseEnvFile(tc.text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, text := range []string{"novalue\n", "1A=x", "A='secret value", "A=\"secret value", "A-B=secret value"} {
		_, err := supervise.ParseEnvFile("OK=1\n" + text)
		if err == nil {
			t.Errorf("%q was accepted", text)
			continue
		}
		if !strings.Contains(err.Error(), "line 2") || strings.Contains(err.Error(), "secret value") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
