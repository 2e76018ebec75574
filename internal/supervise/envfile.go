package supervise

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

func readEnvFile(f EnvFile) ([]string, error) {
	b, err := os.ReadFile(f.Path)
	if f.Optional && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("environment file: %w", err)
	}
	env, err := ParseEnvFile(string(b))
	if err != nil {
		return nil, fmt.Errorf("environment file %s: %w", f.Path, err)
	}
	return env, nil
}

// ParseEnvFile reads the form of systemd's EnvironmentFile into "NAME=value"
// entries: comments begin with # or ;, values may be in single or double
// quotes, which may span lines, a backslash escapes, or joins lines. Values
// never appear in its errors.
func ParseEnvFile(text string) ([]string, error) {
	p := envParser{rest: text, line: 1}
	var out []string
	for p.skipBlank() {
		at := p.line
		name, ok := p.name()
		if !ok {
			return nil, fmt.Errorf("line %d is not NAME=value", at)
		}
		value, err := p.value()
		if err != nil {
			return nil, fmt.Errorf("line %d, %s: %w", at, name, err)
		}
		if strings.ContainsRune(value, 0) {
			return nil, fmt.Errorf("line %d, %s: the value has a zero byte", at, name)
		}
		out = append(out, name+"="+value)
	}
	return out, nil
}

type envParser struct {
	rest string
	line int
}

func (p *envParser) next() (byte, bool) {
	if p.rest == "" {
		return 0, false
	}
	c := p.rest[0]
	p.rest = p.rest[1:]
	if c == '\n' {
		p.line++
	}
	return c, true
}

// skipBlank passes over white space and comments; false at the end.
func (p *envParser) skipBlank() bool {
	for p.rest != "" {
		switch p.rest[0] {
		case ' ', '\t', '\r', '\n':
			p.next()
		case '#', ';':
			for c, ok := p.next(); ok && c != '\n'; c, ok = p.next() {
			}
		default:
			return true
		}
	}
	return false
}

func (p *envParser) name() (string, bool) {
	i := strings.IndexAny(p.rest, "=\n")
	if i < 0 || p.rest[i] != '=' {
		return "", false
	}
	name := strings.TrimRight(p.rest[:i], " \t")
	if !envEntry.MatchString(name + "=") {
		return "", false
	}
	p.rest = p.rest[i+1:]
	return name, true
}

func (p *envParser) value() (string, error) {
	for p.rest != "" && (p.rest[0] == ' ' || p.rest[0] == '\t') {
		p.next()
	}
	var b strings.Builder
	keep := 0 // white space at the end is dropped unless it was quoted
	for {
		c, ok := p.next()
		switch {
		case !ok || c == '\n':
			return b.String()[:keep], nil
		case c == '\'' || c == '"':
			if err := p.quoted(c, &b); err != nil {
				return "", err
			}
			keep = b.Len()
		case c == '\\':
			if e, ok := p.next(); ok && e != '\n' {
				b.WriteByte(e)
				keep = b.Len()
			}
		default:
			b.WriteByte(c)
			if c != ' ' && c != '\t' && c != '\r' {
				keep = b.Len()
			}
		}
	}
}

func (p *envParser) quoted(quote byte, b *strings.Builder) error {
	for {
		c, ok := p.next()
		switch {
		case !ok:
			return errors.New("the quote does not end")
		case c == quote:
			return nil
		case c == '\\' && quote == '"':
			e, ok := p.next()
			if !ok {
				return errors.New("the quote does not end")
			}
			switch e {
			case '"', '\\', '`', '$':
				b.WriteByte(e)
			case '\n':
			default:
				b.WriteByte('\\')
				b.WriteByte(e)
			}
		default:
			b.WriteByte(c)
		}
	}
}
