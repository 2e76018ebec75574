package spec

import (
	"fmt"
	"strings"
	"unicode"

	"skysail/internal/hclfile"
	"skysail/internal/lazyregexp"
)

const (
	maxName     = 40
	maxPath     = 1024
	maxEnvValue = 32 << 10
	// reservedEnv are names that steer skysail's own helpers.
	reservedEnv = "SKYSAIL_"
)

var (
	dnsLabel = lazyregexp.New(`^[a-z]([a-z0-9-]*[a-z0-9])?$`)
	envName  = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]*$`)
	gpuModel = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$`)
	portText = lazyregexp.New(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	httpPath = lazyregexp.New(`^/(?:(?:[A-Za-z0-9\-._~!$&()*+,;=:@?]|%[0-9A-Fa-f]{2})(?:[A-Za-z0-9\-._~!$&()*+,;=:@?/]|%[0-9A-Fa-f]{2})*)?$`)
)

// yamlWords are names that YAML 1.1 reads as a truth value or as nothing.
var yamlWords = map[string]bool{
	"y": true, "n": true, "yes": true, "no": true, "on": true, "off": true,
	"true": true, "false": true, "null": true,
}

func validName(s string) bool {
	return len(s) <= maxName && dnsLabel.MatchString(s) && !yamlWords[s] && !idna(s)
}

// idna tells whether the label is of the reserved kind that xn-- begins.
func idna(s string) bool { return len(s) >= 4 && s[2:4] == "--" }

func nameMistakes(name string) []mistake {
	if validName(name) {
		return nil
	}
	m := mistake{Path: "#label", Summary: "Invalid service name", Value: name}
	switch {
	case name == "":
		m.Detail = "The service has no name."
	case yamlWords[name]:
		m.Detail = "{value} is a word that YAML reads as true, false or nothing."
	case len(name) > maxName:
		m.Detail = fmt.Sprintf("The name has %d characters, and at most %d are allowed.", len(name), maxName)
	case idna(name) && dnsLabel.MatchString(name):
		m.Detail = "{value} has two dashes where DNS keeps them for international names."
	default:
		m.Detail = "{value} cannot be a part of host names: such a name has lower-case letters, digits and dashes, begins with a letter and does not end with a dash."
	}
	m.Hint = fmt.Sprintf("for example %s", hclfile.Quote(NameFrom(name)))
	return []mistake{m}
}

// CheckName checks a name alone, as it would be a service's. The error is an
// *hclfile.Error.
func CheckName(name string) error {
	return hclfile.Check("the service", nameMistakes(name))
}

// NameFrom makes a valid service name that is as near to s as can be. It
// serves to name a starter after the folder it is written in.
func NameFrom(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9' && b.Len() > 0:
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() == maxName {
			break
		}
	}
	name := strings.Trim(b.String(), "-")
	if !validName(name) {
		return "service"
	}
	return name
}

// portName follows RFC 6335, which Kubernetes holds to as well.
func portName(s string) bool {
	return len(s) <= 15 && portText.MatchString(s) && !strings.Contains(s, "--") &&
		strings.ContainsAny(s, "abcdefghijklmnopqrstuvwxyz")
}

func (s *Service) envMistakes() []mistake {
	var out []mistake
	for _, name := range hclfile.Keys(s.Env) {
		path := fmt.Sprintf("env[%s]", name)
		if m, ok := envNameMistake(path+"#name", name); ok {
			out = append(out, m)
		}
		value := s.Env[name]
		switch {
		case strings.IndexFunc(value, lineBreaking) >= 0:
			out = append(out, mistake{
				Path:    path,
				Summary: "Invalid value of an environment variable",
				Detail:  "The value has a line break or another control character, which an environment file cannot hold.",
				Hint:    "encode it, for example as base64, or put it in a file of the image or archive",
			})
		case len(value) > maxEnvValue:
			out = append(out, mistake{
				Path:    path,
				Summary: "Value of an environment variable too long",
				Detail:  fmt.Sprintf("The value has %d bytes, and at most %d are allowed.", len(value), maxEnvValue),
				Hint:    "put large data in a file of the image or archive",
			})
		}
	}
	return out
}

// lineBreaking tells which characters no environment file can hold; a tab it
// can.
func lineBreaking(r rune) bool {
	return unicode.IsControl(r) && r != '\t' || r == '\u2028' || r == '\u2029'
}

func (s *Service) secretMistakes() []mistake {
	var out []mistake
	seen := map[string]bool{}
	for i, name := range s.Secrets {
		path := fmt.Sprintf("secrets[%d]", i)
		if m, ok := envNameMistake(path, name); ok {
			if strings.Contains(name, "=") {
				m.Hint = "list the name only; the value comes from the environment of the one who deploys"
				m.Detail, m.Guess, m.Confidential = "This is more than a name.", "", true
			}
			out = append(out, m)
			continue
		}
		if seen[name] {
			out = append(out, mistake{
				Path: path, Summary: "Duplicate secret", Value: name,
				Detail: "{value} is in the list already.", Hint: "keep one of the two",
			})
		}
		seen[name] = true
		if _, both := s.Env[name]; both {
			out = append(out, mistake{
				Path: path, Summary: "Secret is also in env", Value: name,
				Detail: "{value} has a value in env, which is no secret: env is part of plans and state.",
				Hint:   "remove it from env; the value comes from the environment of the one who deploys",
			})
		}
	}
	return out
}

func envNameMistake(path, name string) (mistake, bool) {
	m := mistake{Path: path, Summary: "Invalid name of an environment variable", Value: name}
	switch {
	case !envName.MatchString(name) || len(name) > 255:
		m.Detail = "{value} cannot be the name of an environment variable: that has letters, digits and underscores, and does not begin with a digit."
		m.Guess = envGuess(name)
	case strings.HasPrefix(name, reservedEnv):
		m.Detail = fmt.Sprintf("Names that begin with %s are skysail's own.", reservedEnv)
		m.Hint = "choose another name"
	default:
		return m, false
	}
	return m, true
}

func envGuess(name string) string {
	near := strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return ' '
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' {
			return r
		}
		return '_'
	}, name)
	if envName.MatchString(near) && len(near) < 60 {
		return fmt.Sprintf("did you mean %s?", hclfile.Quote(near))
	}
	return ""
}
