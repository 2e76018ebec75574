package shim

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// sudo allows what the user's rules of cloud-init allow, and then only marks
// the command as root's: on this machine it stays the caller's.
func sudo(m machine, args []string) int {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		option := args[0]
		args = args[1:]
		switch option {
		case "--":
		case "-n", "--non-interactive", "-E", "--preserve-env", "-H", "--set-home", "-S", "--stdin":
			continue
		case "-u", "--user", "-g", "--group":
			if len(args) == 0 || args[0] != "root" {
				return m.fail("sudo", errors.New("the sandbox knows no other user to become than root"))
			}
			args = args[1:]
			continue
		case "-l", "--list":
			rules, err := m.sudoRules()
			if err != nil {
				return m.fail("sudo", err)
			}
			for _, r := range rules {
				_, _ = fmt.Fprintln(m.stdout, "    "+r)
			}
			return 0
		default:
			return m.fail("sudo", fmt.Errorf("the option %s is not simulated", option))
		}
		break
	}
	if len(args) == 0 {
		return m.fail("sudo", errors.New("there is no command"))
	}
	rules, err := m.sudoRules()
	if err != nil {
		return m.fail("sudo", err)
	}
	if m.user != "root" && !allowed(rules, m.resolve(args[0]), args[1:]) {
		return m.fail("sudo", errors.New("a password is required"))
	}
	argv := m.root.Args(args)
	if !strings.Contains(argv[0], "/") {
		if argv[0], err = m.lookPath(argv[0]); err != nil {
			return m.fail("sudo", err)
		}
	}
	err = m.become(argv, []string{EnvUser + "=root", "USER=root", "LOGNAME=root", "SUDO_USER=" + m.user})
	if err == nil {
		return 0
	}
	return m.fail("sudo", fmt.Errorf("%s: %w", args[0], err))
}

// dedupe keeps the last entry of each name.
func dedupe(env []string) []string {
	last := map[string]int{}
	for i, e := range env {
		name, _, _ := strings.Cut(e, "=")
		last[name] = i
	}
	var out []string
	for i, e := range env {
		if name, _, _ := strings.Cut(e, "="); last[name] == i {
			out = append(out, e)
		}
	}
	return out
}

// resolve is a command's path as the instance knows it: shims and programs of
// this machine are in /usr/bin there.
func (m machine) resolve(command string) string {
	if strings.Contains(command, "/") {
		return strings.TrimPrefix(command, string(m.root))
	}
	return "/usr/bin/" + filepath.Base(command)
}

// sudoRules are the commands that the user may run, of the rules that
// cloud-init wrote: "USER HOST=(RUNAS) NOPASSWD: COMMAND, COMMAND".
func (m machine) sudoRules() ([]string, error) {
	files, err := m.root.Glob("etc/sudoers.d/*")
	if err != nil {
		return nil, err
	}
	var rules []string
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // below the instance's root
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			who, rule, _ := strings.Cut(strings.TrimSpace(line), " ")
			if who != m.user {
				continue
			}
			// Without NOPASSWD it would ask, and there is nobody to answer.
			_, commands, ok := strings.Cut(rule, "NOPASSWD:")
			if !ok {
				continue
			}
			for c := range strings.SplitSeq(commands, ",") {
				rules = append(rules, strings.TrimSpace(c))
			}
		}
	}
	return rules, nil
}

// allowed follows sudoers: a command alone allows any arguments, one with ""
// allows none, one with arguments allows just those.
func allowed(rules []string, command string, args []string) bool {
	for _, r := range rules {
		if r == "ALL" {
			return true
		}
		path, rest, more := strings.Cut(r, " ")
		if path != command {
			continue
		}
		switch rest = strings.TrimSpace(rest); {
		case !more || rest == "":
			return true
		case rest == `""`:
			if len(args) == 0 {
				return true
			}
		case rest == strings.Join(args, " "):
			return true
		}
	}
	return false
}
