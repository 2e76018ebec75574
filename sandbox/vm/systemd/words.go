package systemd

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// word is one word of a command line. Environment variables are put in when
// the command is run, unless the word is literal.
type word struct {
	text    string
	literal bool
}

// execs reads an Exec…= line and adds its command; an empty line clears them.
func (u *Unit) execs(old []Exec, value string) ([]Exec, error) {
	if value == "" {
		return nil, nil
	}
	var e Exec
	literal := false
	for value != "" && strings.ContainsRune("-@:+!|", rune(value[0])) {
		switch value[0] {
		case '-':
			e.IgnoreFailure = true
		case ':':
			literal = true
		case '@', '|':
			return nil, fmt.Errorf("the prefix %q is not simulated", value[0])
		}
		value = value[1:] // "+" and "!" are about privileges
	}
	words, err := u.split(value)
	if err != nil {
		return nil, err
	}
	if len(words) == 0 {
		return nil, errors.New("it names no program")
	}
	for i := range words {
		words[i].literal = literal || i == 0
		if words[i].text == ";" {
			return nil, errors.New("several commands in one line are for Type=oneshot only")
		}
	}
	e.Words = words
	return append(old, e), nil
}

// split cuts a line into words as systemd does: quotes group, a backslash
// escapes as in C, % begins a specifier.
func (u *Unit) split(line string) ([]word, error) {
	var words []word
	var b strings.Builder
	inWord := false
	var quote byte
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\\':
			text, n, err := unescape(line[i+1:])
			if err != nil {
				return nil, err
			}
			b.WriteString(text)
			i += n
			inWord = true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			b.WriteByte(c)
		case (c == '"' || c == '\'') && !inWord:
			quote, inWord = c, true
		case c == ' ' || c == '\t':
			if inWord {
				words = append(words, word{text: b.String()})
				b.Reset()
				inWord = false
			}
		default:
			b.WriteByte(c)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote does not end")
	}
	if inWord {
		words = append(words, word{text: b.String()})
	}
	for i := range words {
		var err error
		if words[i].text, err = u.expand(words[i].text); err != nil {
			return nil, err
		}
	}
	return words, nil
}

// unescape reads what follows a backslash and says how many bytes it took.
func unescape(s string) (string, int, error) {
	if s == "" {
		return "", 0, errors.New("a backslash stands at the end")
	}
	if i := strings.IndexByte(`abfnrtv\"' s`, s[0]); i >= 0 {
		return "\a\b\f\n\r\t\v\\\"'  "[i : i+1], 1, nil
	}
	digits, base := 0, 0
	switch {
	case s[0] == 'x':
		digits, base = 2, 16
	case s[0] == 'u':
		digits, base = 4, 16
	case s[0] == 'U':
		digits, base = 8, 16
	case s[0] >= '0' && s[0] <= '7':
		digits, base = 3, 8
	default:
		return "", 0, fmt.Errorf("unknown escape \\%c", s[0])
	}
	from := 1
	if base == 8 {
		from = 0
	}
	if len(s) < from+digits {
		return "", 0, fmt.Errorf("the escape \\%s is too short", s)
	}
	n, err := strconv.ParseUint(s[from:from+digits], base, 32)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("the escape \\%s is no character", s[:from+digits])
	}
	if digits > 3 {
		return string(rune(n)), from + digits, nil //nolint:gosec // 32 bits
	}
	return string([]byte{byte(n)}), from + digits, nil //nolint:gosec // two hex or three octal digits
}

// expand puts in the specifiers.
func (u *Unit) expand(text string) (string, error) {
	if !strings.Contains(text, "%") {
		return text, nil
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		v, ok := u.specifier(text[i])
		if !ok {
			return "", fmt.Errorf("the specifier %%%c is not simulated", text[i])
		}
		b.WriteString(v)
	}
	return b.String(), nil
}

func (u *Unit) specifier(c byte) (string, bool) {
	bare := strings.TrimSuffix(u.Name, ".service")
	prefix, instance, _ := strings.Cut(bare, "@")
	switch c {
	case '%':
		return "%", true
	case 'n':
		return u.Name, true
	case 'N':
		return bare, true
	case 'p', 'P':
		return prefix, true
	case 'i', 'I':
		return instance, true
	case 't':
		return "/run", true
	case 'S':
		return "/var/lib", true
	case 'C':
		return "/var/cache", true
	case 'L':
		return "/var/log", true
	case 'E':
		return "/etc", true
	case 'T':
		return "/tmp", true
	case 'V':
		return "/var/tmp", true
	case 'h':
		return "/root", true
	case 'u':
		return "root", true
	case 'H', 'l':
		name, err := os.Hostname()
		return name, err == nil
	}
	return "", false
}

// argv puts the environment in: ${NAME} anywhere, $NAME as a word of its own,
// which is then cut at white space. $$ is a dollar.
func (e Exec) argv(env map[string]string) []string {
	var out []string
	for _, w := range e.Words {
		if w.literal {
			out = append(out, w.text)
			continue
		}
		if name, ok := strings.CutPrefix(w.text, "$"); ok && isName(name) {
			out = append(out, strings.Fields(env[name])...)
			continue
		}
		out = append(out, substitute(w.text, env))
	}
	return out
}

func substitute(text string, env map[string]string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		rest := text[i:]
		switch {
		case strings.HasPrefix(rest, "$$"):
			b.WriteByte('$')
			i++
		case strings.HasPrefix(rest, "${"):
			name, _, ok := strings.Cut(rest[2:], "}")
			if !ok || !isName(name) {
				b.WriteByte('$')
				continue
			}
			b.WriteString(env[name])
			i += len(name) + 2
		default:
			b.WriteByte(text[i])
		}
	}
	return b.String()
}

func isName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
