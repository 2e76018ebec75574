// Package cloudinit does on a simulated instance what cloud-init does on a
// real one: it reads the user-data and makes users, files, the SSH host key
// and the first boot's scripts of it.
package cloudinit

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds a file that is unpacked from user-data.
const maxFile = 64 << 20

// Config is a cloud-config, as far as the stand-in acts on it.
type Config struct {
	HostKeys       HostKeys      `yaml:"ssh_keys"`
	AuthorizedKeys []string      `yaml:"ssh_authorized_keys"`
	Users          []User        `yaml:"users"`
	DisableRoot    *bool         `yaml:"disable_root"`
	Files          []File        `yaml:"write_files"`
	Boot           []ShellAction `yaml:"bootcmd"`
	Run            []ShellAction `yaml:"runcmd"`
	Packages       []any         `yaml:"packages"`
	// Warnings tell of what is not simulated; it is not an error, as with
	// cloud-init.
	Warnings []string `yaml:"-"`
}

// HostKeys is ssh_keys.
type HostKeys struct {
	Ed25519Private string `yaml:"ed25519_private"`
	Ed25519Public  string `yaml:"ed25519_public"`
}

// User is an entry of users.
type User struct {
	Name           string   `yaml:"name"`
	Shell          string   `yaml:"shell"`
	Groups         nameList `yaml:"groups"`
	Sudo           ruleList `yaml:"sudo"`
	AuthorizedKeys []string `yaml:"ssh_authorized_keys"`
	LockPassword   *bool    `yaml:"lock_passwd"`
	Password       string   `yaml:"passwd"`
	Home           string   `yaml:"homedir"`
	NoCreateHome   bool     `yaml:"no_create_home"`
}

// Locked reports whether the account's password is locked with "!", which
// makes an sshd without PAM refuse its keys as well.
func (u User) Locked() bool {
	return u.Password == "" && (u.LockPassword == nil || *u.LockPassword)
}

// Logins returns the users who may log in over SSH, by name: all with keys,
// root only when disable_root is false.
func (c *Config) Logins() map[string]User {
	out := map[string]User{}
	for _, u := range c.Users {
		if u.Name == "root" && (c.DisableRoot == nil || *c.DisableRoot) {
			continue
		}
		if len(u.AuthorizedKeys) > 0 {
			out[u.Name] = u
		}
	}
	return out
}

// HomeDir is the user's home on the instance.
func (u User) HomeDir() string {
	switch {
	case u.Home != "":
		return u.Home
	case u.Name == "root":
		return "/root"
	}
	return "/home/" + u.Name
}

// File is an entry of write_files.
type File struct {
	Path        string `yaml:"path"`
	Content     string `yaml:"content"`
	Encoding    string `yaml:"encoding"`
	Permissions string `yaml:"permissions"`
	Owner       string `yaml:"owner"`
	Append      bool   `yaml:"append"`
	Defer       bool   `yaml:"defer"`
}

// ShellAction is an entry of bootcmd or runcmd: a line for the shell, or a
// command and its arguments.
type ShellAction struct {
	Line string
	Argv []string
}

// UnmarshalYAML reads either form.
func (a *ShellAction) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.SequenceNode {
		return n.Decode(&a.Argv)
	}
	return n.Decode(&a.Line)
}

// nameList is a list, or names with commas between.
type nameList []string

func (l *nameList) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.SequenceNode {
		return n.Decode((*[]string)(l))
	}
	for name := range strings.SplitSeq(n.Value, ",") {
		if name = strings.TrimSpace(name); name != "" {
			*l = append(*l, name)
		}
	}
	return nil
}

// ruleList is one sudo rule, a list of them, or false.
type ruleList []string

func (l *ruleList) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.SequenceNode {
		return n.Decode((*[]string)(l))
	}
	if n.Tag == "!!bool" || n.Tag == "!!null" || n.Value == "" {
		return nil
	}
	*l = []string{n.Value}
	return nil
}

// known are the keys that have an effect here, or none that could be missed.
var known = []string{
	"ssh_keys", "ssh_authorized_keys", "users", "disable_root", "write_files", "bootcmd", "runcmd", "packages",
	"package_update", "package_upgrade", "ssh_pwauth", "ssh_deletekeys", "ssh_genkeytypes", "hostname", "fqdn",
	"manage_etc_hosts", "preserve_hostname", "final_message", "timezone", "locale", "output",
}

// Parse reads user-data. A shell script is a first-boot script; empty
// user-data is an instance without any.
func Parse(userData string) (*Config, error) {
	text := strings.TrimLeft(userData, "\ufeff")
	first, _, _ := strings.Cut(text, "\n")
	switch {
	case strings.TrimSpace(text) == "":
		return &Config{}, nil
	case strings.HasPrefix(first, "#!"):
		return &Config{Files: []File{{Path: userScript, Content: text, Permissions: "0700"}}, Run: []ShellAction{{Argv: []string{userScript}}}}, nil
	case strings.TrimSpace(first) != "#cloud-config":
		return nil, fmt.Errorf("the user-data begins with %.40q: the sandbox reads #cloud-config and #! scripts", first)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return nil, fmt.Errorf("the cloud-config is not YAML: %w", err)
	}
	c := &Config{}
	if len(doc.Content) == 0 {
		return c, nil
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode {
		return nil, errors.New("the cloud-config is not a mapping")
	}
	// "default", the distribution's own user, is a name in place of a user.
	dropDefaultUser(top)
	if err := top.Decode(c); err != nil {
		return nil, fmt.Errorf("the cloud-config has a wrong form: %w", err)
	}
	for i := 0; i+1 < len(top.Content); i += 2 {
		if key := top.Content[i].Value; !slices.Contains(known, key) {
			c.Warnings = append(c.Warnings, fmt.Sprintf("%s is not simulated", key))
		}
	}
	if len(c.AuthorizedKeys) > 0 {
		c.Warnings = append(c.Warnings, "ssh_authorized_keys outside users belongs to the image's default user, whom a simulated instance does not have")
	}
	return c, c.check()
}

const userScript = "/var/lib/cloud/instance/scripts/part-001"

func dropDefaultUser(top *yaml.Node) {
	for i := 0; i+1 < len(top.Content); i += 2 {
		users := top.Content[i+1]
		if top.Content[i].Value != "users" || users.Kind != yaml.SequenceNode {
			continue
		}
		users.Content = slices.DeleteFunc(users.Content, func(n *yaml.Node) bool {
			return n.Kind == yaml.ScalarNode && n.Value == "default"
		})
	}
}

func (c *Config) check() error {
	var problems []error
	for i, u := range c.Users {
		if u.Name == "" || strings.ContainsAny(u.Name, "/:\x00 \n") || u.Name == "." || u.Name == ".." {
			problems = append(problems, fmt.Errorf("users[%d]: %q is not a user name", i, u.Name))
		}
	}
	for i, f := range c.Files {
		if !strings.HasPrefix(f.Path, "/") {
			problems = append(problems, fmt.Errorf("write_files[%d]: the path %q is not absolute", i, f.Path))
		}
	}
	return errors.Join(problems...)
}

// decode returns a file's content and mode.
func (f File) decode() ([]byte, fs.FileMode, error) {
	mode := fs.FileMode(0o644)
	if f.Permissions != "" {
		n, err := strconv.ParseUint(f.Permissions, 8, 12)
		if err != nil {
			return nil, 0, fmt.Errorf("permissions %q are not octal", f.Permissions)
		}
		mode = fs.FileMode(n) & fs.ModePerm
	}
	content := []byte(f.Content)
	switch f.Encoding {
	case "", "text/plain":
		return content, mode, nil
	case "b64", "base64":
		content, err := decode64(content)
		return content, mode, err
	case "gz", "gzip":
		content, err := gunzip(content)
		return content, mode, err
	case "gz+b64", "gz+base64", "gzip+b64", "gzip+base64":
		content, err := decode64(content)
		if err == nil {
			content, err = gunzip(content)
		}
		return content, mode, err
	}
	return nil, 0, fmt.Errorf("the encoding %q is unknown", f.Encoding)
}

func decode64(b []byte) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(b)), ""))
}

func gunzip(b []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(out) > maxFile {
		err = fmt.Errorf("it is larger than %d bytes", maxFile)
	}
	return out, err
}
