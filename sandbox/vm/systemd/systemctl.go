package systemd

import (
	"fmt"
	"os"
	"strings"
)

// Call is one run of systemctl.
type Call struct {
	Args []string `json:"args"`
	// Root is set when root asks; others may look and not touch.
	Root bool `json:"root"`
}

// Reply is what the run prints and its exit code.
type Reply struct {
	Code   int    `json:"code"`
	Stdout string `json:"stdout,omitempty"`
	Stderr string `json:"stderr,omitempty"`
}

// Exit codes of systemctl, after the LSB.
const (
	codeFailed      = 1
	codeNotActive   = 3
	codeUnknownUnit = 4
	codeNoUnit      = 5
)

// options are systemctl's, as far as scripts use them.
type options struct {
	now, quiet, noBlock, valueOnly, all bool
	properties                          []string
	words                               []string
}

func parseArgs(args []string) (options, error) {
	var o options
	for i := 0; i < len(args); i++ {
		a := args[i]
		property := func(list string) { o.properties = append(o.properties, strings.Split(list, ",")...) }
		switch {
		case a == "--":
			o.words = append(o.words, args[i+1:]...)
			return o, nil
		case a == "--now":
			o.now = true
		case a == "-q" || a == "--quiet":
			o.quiet = true
		case a == "--no-block":
			o.noBlock = true
		case a == "--value":
			o.valueOnly = true
		case a == "-a" || a == "--all":
			o.all = true
		case a == "--no-pager" || a == "--system" || a == "-l" || a == "--full" || a == "--no-ask-password" || a == "--no-legend" || a == "--plain" || a == "-f" || a == "--force" || a == "--no-reload":
		case a == "-p" || a == "-P" || a == "--property":
			if i+1 == len(args) {
				return o, fmt.Errorf("option requires an argument -- '%s'", strings.TrimLeft(a, "-"))
			}
			i++
			property(args[i])
			o.valueOnly = o.valueOnly || a == "-P"
		case strings.HasPrefix(a, "--property="):
			property(strings.TrimPrefix(a, "--property="))
		case strings.HasPrefix(a, "-p") || strings.HasPrefix(a, "-P"):
			property(a[2:])
			o.valueOnly = o.valueOnly || a[1] == 'P'
		case strings.HasPrefix(a, "-") && a != "-":
			return o, fmt.Errorf("unrecognized option '%s'", a)
		default:
			o.words = append(o.words, a)
		}
	}
	return o, nil
}

// Systemctl runs one systemctl. A job that it starts goes on when the caller
// no longer waits.
func (m *Manager) Systemctl(c Call) Reply {
	o, err := parseArgs(c.Args)
	if err != nil {
		return Reply{Code: codeFailed, Stderr: "systemctl: " + err.Error() + "\n"}
	}
	if len(o.words) == 0 {
		return Reply{Code: codeFailed, Stderr: "systemctl: the stand-in on a simulated instance needs a command, such as start, stop, show or status\n"}
	}
	verb, names := o.words[0], o.words[1:]
	for i, n := range names {
		if !strings.ContainsRune(n, '.') {
			names[i] = n + ".service"
		}
		if !validName(names[i]) {
			return Reply{Code: codeFailed, Stderr: fmt.Sprintf("Failed to %s %s: Unit name %s is not valid.\n", verb, n, n)}
		}
	}
	if look, ok := m.looks()[verb]; ok {
		return look(names, o)
	}
	if act, ok := m.acts()[verb]; ok {
		return m.act(c, verb, act, names, o)
	}
	return Reply{Code: codeFailed, Stderr: fmt.Sprintf("Unknown command verb %s.\n", verb)}
}

// looks are the commands that change nothing.
func (m *Manager) looks() map[string]func([]string, options) Reply {
	return map[string]func([]string, options) Reply{
		"show":       m.show,
		"status":     m.statusText,
		"cat":        m.cat,
		"is-active":  func(n []string, o options) Reply { return m.ask(n, o, "active", Status.activeWord) },
		"is-failed":  func(n []string, o options) Reply { return m.ask(n, o, "failed", Status.activeWord) },
		"is-enabled": func(n []string, o options) Reply { return m.ask(n, o, "enabled", Status.enabledWord) },
	}
}

func (s Status) activeWord() string { return s.Active }
func (s Status) enabledWord() string {
	if s.Enabled == "" {
		return "not-found"
	}
	return s.Enabled
}

// ask answers the is-… commands: one line a unit, success if one matches.
func (m *Manager) ask(names []string, o options, want string, word func(Status) string) Reply {
	r := Reply{Code: codeNotActive}
	if want != "active" {
		r.Code = codeFailed
	}
	if len(names) == 0 {
		return Reply{Code: codeFailed, Stderr: "Too few arguments.\n"}
	}
	for _, name := range names {
		w := word(m.Status(name))
		if !o.quiet {
			r.Stdout += w + "\n"
		}
		if w == want || (want == "enabled" && w == "static") {
			r.Code = 0
		}
	}
	return r
}

func (m *Manager) show(names []string, o options) Reply {
	var units []string
	for _, name := range names {
		var b strings.Builder
		for _, p := range m.Status(name).properties() {
			if !o.shows(p[0]) || (p[1] == "" && len(o.properties) == 0 && !o.all) {
				continue
			}
			if !o.valueOnly {
				b.WriteString(p[0] + "=")
			}
			b.WriteString(p[1] + "\n")
		}
		units = append(units, b.String())
	}
	return Reply{Stdout: strings.Join(units, "\n")}
}

func (o options) shows(property string) bool {
	for _, p := range o.properties {
		if p == property {
			return true
		}
	}
	return len(o.properties) == 0
}

func (m *Manager) statusText(names []string, _ options) Reply {
	var r Reply
	for _, name := range names {
		st := m.Status(name)
		switch {
		case st.Load == "not-found":
			r.Code = codeUnknownUnit
			r.Stderr += fmt.Sprintf("Unit %s could not be found.\n", name)
			continue
		case st.Active != "active" && st.Active != "activating":
			r.Code = codeNotActive
		}
		r.Stdout += st.text()
	}
	return r
}

func (m *Manager) cat(names []string, _ options) Reply {
	var r Reply
	for _, name := range names {
		u, err := Load(string(m.o.Root), name)
		if err != nil {
			r.Code = codeFailed
			r.Stderr += fmt.Sprintf("No files found for %s.\n", name)
			continue
		}
		text, err := os.ReadFile(u.Path)
		if err != nil {
			return Reply{Code: codeFailed, Stderr: err.Error() + "\n"}
		}
		r.Stdout += "# " + m.inside(u.Path) + "\n" + string(text)
	}
	return r
}
