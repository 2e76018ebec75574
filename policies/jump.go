package policies

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"skysail/internal/hclfile"
	"skysail/internal/lazyregexp"
)

// Jump is a machine that SSH connections to instances go through.
type Jump struct {
	Addr string `json:"addr"` // host:port
	User string `json:"user"`
	// HostKey is its public key in the format of authorized_keys.
	HostKey string `json:"host_key"`
	// KeyFile is the path of the private key, absolute or from the home folder
	// of who connects (~/); empty for the keys of an agent.
	KeyFile string `json:"key_file,omitempty"`
}

const maxJumps = 8

var (
	jumpSchema = &hclfile.Schema{What: "a jump block", Attributes: []string{"user", "host_key", "key_file"}}
	// sshUser fits what useradd takes; a dash at the beginning would be an
	// option somewhere.
	sshUser  = lazyregexp.New(`^[A-Za-z0-9_][A-Za-z0-9._@-]{0,63}$`)
	hostName = lazyregexp.New(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$`)
)

func decodeAccess(b *hclfile.Body, dir string, into *Access) {
	if b == nil {
		return
	}
	b.Strings("ssh_from", &into.SSHFrom)
	notEmpty(b, "ssh_from", len(into.SSHFrom), "leave ssh_from out for this machine's own address")
	b.String("socks5", &into.SOCKS5)
	if b.Has("socks5") && into.SOCKS5 == "" {
		b.Report(hclfile.Mistake{Path: "socks5", Summary: "Invalid socks5", Detail: "socks5 is empty.", Hint: "leave it out for no proxy"})
	}
	for _, child := range b.Children("jump") {
		j := Jump{Addr: child.Label}
		if _, _, err := net.SplitHostPort(j.Addr); err != nil && !strings.ContainsAny(j.Addr, "[]") && strings.Count(j.Addr, ":") != 1 {
			j.Addr = net.JoinHostPort(j.Addr, "22")
		}
		child.String("user", &j.User)
		child.Require("user", `the user to log in as there, for example user = "ops"`)
		child.String("host_key", &j.HostKey)
		child.Require("host_key", "its public host key, which `ssh-keyscan -t ed25519` shows on the jump host's own network: no other is accepted")
		child.String("key_file", &j.KeyFile)
		if j.KeyFile != "" && !filepath.IsAbs(j.KeyFile) && !strings.HasPrefix(j.KeyFile, "~/") {
			j.KeyFile = absolute(dir, j.KeyFile)
		}
		into.Jumps = append(into.Jumps, j)
	}
}

// absolute is for what is read when the policy file is long out of sight.
func absolute(dir, name string) string {
	name = filepath.Join(dir, name)
	if abs, err := filepath.Abs(name); err == nil {
		return abs
	}
	return name
}

func (a Access) routeMistakes() []hclfile.Mistake {
	var out []hclfile.Mistake
	if a.SOCKS5 != "" {
		out = append(out, addrMistakes("access.socks5", a.SOCKS5, `for example "127.0.0.1:1080"; a proxy with a login is not supported`)...)
	}
	for i, j := range a.Jumps {
		at := fmt.Sprintf("access.jump[%d]", i)
		out = append(out, addrMistakes(at+"#label", j.Addr, `for example jump "bastion.example.com:22"`)...)
		if !sshUser.MatchString(j.User) {
			out = append(out, hclfile.Mistake{Path: at + ".user", Summary: "Invalid user", Detail: "{value} is no user that one can log in as.", Value: j.User, Hint: `for example user = "ops"`})
		}
		out = append(out, keyMistakes(at+".host_key", j.HostKey)...)
		if strings.ContainsAny(j.KeyFile, "\x00\n") {
			out = append(out, hclfile.Mistake{Path: at + ".key_file", Summary: "Invalid key_file", Detail: "The path has a line feed in it.", Hint: "the path of a private key"})
		}
		if slices.ContainsFunc(a.Jumps[:i], func(b Jump) bool { return b.Addr == j.Addr }) {
			out = append(out, duplicate(at+"#label", j.Addr))
		}
	}
	if len(a.Jumps) > maxJumps {
		out = append(out, hclfile.Mistake{Path: fmt.Sprintf("access.jump[%d]", maxJumps), Summary: "Too many jump blocks", Detail: fmt.Sprintf("There are at most %d.", maxJumps)})
	}
	if len(a.SSHFrom) == 0 && len(out) == 0 && (len(a.Jumps) > 0 || a.SOCKS5 != "") {
		out = append(out, a.fromMissing())
	}
	return out
}

// fromMissing is reported since nobody here knows from which address a jump
// host or a proxy connects: an instance that lets in this machine alone would
// be out of reach.
func (a Access) fromMissing() hclfile.Mistake {
	m := hclfile.Mistake{
		Path: "access", Summary: "Missing ssh_from",
		Detail: "SSH connections come from the last jump host or the proxy, not from this machine, and the instances' firewall has to let them in.",
		Hint:   `name the network that they come from, for example ssh_from = ["203.0.113.7/32"]`,
	}
	if n := len(a.Jumps); n > 0 {
		host, _, _ := net.SplitHostPort(a.Jumps[n-1].Addr)
		if addr, err := netip.ParseAddr(host); err == nil && !addr.IsLoopback() {
			m.Hint = fmt.Sprintf("if the jump host connects from the address that it has here, write ssh_from = [%s]", hclfile.Quote(netip.PrefixFrom(addr, addr.BitLen()).String()))
		}
	}
	return m
}

func addrMistakes(at, addr, hint string) []hclfile.Mistake {
	host, port, err := net.SplitHostPort(addr)
	n, bad := strconv.ParseUint(port, 10, 16)
	ip, notIP := netip.ParseAddr(host)
	if err == nil && bad == nil && n > 0 && (hostName.MatchString(host) || notIP == nil && ip.Zone() == "") {
		return nil
	}
	m := hclfile.Mistake{Path: at, Summary: "Invalid address", Detail: "{value} is no host:port.", Value: addr, Hint: hint}
	if strings.Contains(addr, "@") { // perhaps with a password
		m.Detail, m.Value, m.Confidential = "The value is no host:port.", nil, true
	}
	return []hclfile.Mistake{m}
}

func keyMistakes(at, line string) []hclfile.Mistake {
	m := hclfile.Mistake{Path: at, Summary: "Invalid host key", Detail: "The value is no public host key.", Hint: "one line like `ssh-ed25519 AAAA…`"}
	key, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(line))
	switch {
	case strings.Contains(line, "PRIVATE KEY"):
		m.Detail, m.Confidential = "The value is a private key. It does not belong into this file.", true
	case err != nil || len(options) > 0 || len(rest) > 0:
		if words := strings.Fields(line); len(words) > 2 && strings.HasPrefix(words[1], "ssh-") {
			m.Hint = "leave out the name before the type, as ssh-keyscan prints it"
		}
	case !slices.Contains([]string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSA}, key.Type()):
		m.Detail, m.Hint = "Keys of this type can not be pinned.", "an Ed25519, ECDSA or RSA key"
	default:
		return nil
	}
	return []hclfile.Mistake{m}
}
