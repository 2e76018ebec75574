package generator_test

import (
	"errors"
	"fmt"
	"strings"
)

// These two read text as systemd does (env-file.c and extract-word.c), so
// that what reaches the service can be compared with what the user wrote.

// readEnvironmentFile reads an EnvironmentFile as load_env_file does.
func readEnvironmentFile(text string) (map[string]string, error) {
	const (
		preKey = iota
		key
		preValue
		value
		valueEscape
		doubleQuote
		doubleQuoteEscape
	)
	out := map[string]string{}
	state := preKey
	var k, v strings.Builder
	push := func() {
		out[strings.TrimRight(k.String(), " \t")] = v.String()
		k.Reset()
		v.Reset()
		state = preKey
	}
	for _, c := range []byte(text) {
		switch state {
		case preKey:
			switch {
			case strings.IndexByte("#;", c) >= 0:
				return nil, errors.New("a comment: no line of ours begins with one")
			case strings.IndexByte("\n\r \t", c) < 0:
				state = key
				k.WriteByte(c)
			}
		case key:
			switch c {
			case '\n', '\r':
				return nil, fmt.Errorf("line %q has no =", k.String())
			case '=':
				state = preValue
			default:
				k.WriteByte(c)
			}
		case preValue:
			switch c {
			case '\n', '\r':
				push()
			case '"':
				state = doubleQuote
			case '\'':
				return nil, errors.New("a single quote: none of ours")
			case '\\':
				state = valueEscape
			case ' ', '\t':
			default:
				state = value
				v.WriteByte(c)
			}
		case value:
			switch c {
			case '\n', '\r':
				push()
			case '\\':
				state = valueEscape
			default:
				v.WriteByte(c)
			}
		case valueEscape:
			state = value
			if c != '\n' {
				v.WriteByte(c)
			}
		case doubleQuote:
			switch c {
			case '"':
				state = preValue
			case '\\':
				state = doubleQuoteEscape
			default:
				v.WriteByte(c)
			}
		case doubleQuoteEscape:
			state = doubleQuote
			switch {
			case strings.IndexByte("\"\\`$", c) >= 0:
				v.WriteByte(c)
			case c != '\n':
				v.WriteByte('\\')
				v.WriteByte(c)
			}
		}
	}
	if state != preKey {
		return nil, fmt.Errorf("the file ends inside %q", k.String())
	}
	return out, nil
}

// readExec reads the value of an ExecStart line: words, C-style escapes,
// specifiers, then variables. A specifier or variable is an error here, as
// none is wanted.
func readExec(line string) ([]string, error) {
	var words []string
	for i := 0; i < len(line); {
		if line[i] == ' ' || line[i] == '\t' {
			i++
			continue
		}
		var w strings.Builder
		quote := byte(0)
		for ; i < len(line); i++ {
			c := line[i]
			switch {
			case c == '\\':
				i++
				if i == len(line) {
					return nil, errors.New("the line ends in a backslash: it goes on in the next")
				}
				unescaped, ok := map[byte]byte{'\\': '\\', '"': '"', '\'': '\'', 'n': '\n', 't': '\t', 's': ' '}[line[i]]
				if !ok {
					return nil, fmt.Errorf("unknown escape \\%c", line[i])
				}
				w.WriteByte(unescaped)
				continue
			case quote != 0 && c == quote:
				quote = 0
				continue
			case quote == 0 && (c == '"' || c == '\''):
				quote = c
				continue
			case quote == 0 && c == ';':
				return nil, errors.New("a bare semicolon parts two commands")
			}
			if quote == 0 && (c == ' ' || c == '\t') {
				break
			}
			w.WriteByte(c)
		}
		if quote != 0 {
			return nil, errors.New("a quote is not closed")
		}
		word, err := expandNothing(w.String(), '%')
		if err != nil {
			return nil, err
		}
		if word, err = expandNothing(word, '$'); err != nil {
			return nil, err
		}
		words = append(words, word)
	}
	return words, nil
}

// expandNothing halves doubled marks and refuses single ones.
func expandNothing(s string, mark byte) (string, error) {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		out.WriteByte(s[i])
		if s[i] != mark {
			continue
		}
		i++
		if i == len(s) || s[i] != mark {
			return "", fmt.Errorf("systemd would expand %q at byte %d", s, i-1)
		}
	}
	return out.String(), nil
}
