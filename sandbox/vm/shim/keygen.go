package shim

import (
	"errors"
	"fmt"
	"os"
	"slices"

	gossh "golang.org/x/crypto/ssh"

	"skysail/sandbox/vm/cloudinit"
)

// keygen does what a host key's replacement asks of ssh-keygen: it makes an
// Ed25519 key pair (-t ed25519 -N "" -f FILE), and prints the public half of a
// private key (-y -f FILE).
func keygen(m machine, args []string) int {
	values := map[string]string{}
	public := false
	for n := 0; n < len(args); n++ {
		switch a := args[n]; {
		case a == "-q":
		case a == "-y":
			public = true
		case slices.Contains([]string{"-t", "-N", "-C", "-f"}, a) && n+1 < len(args):
			n++
			values[a] = args[n]
		default:
			return m.fail("ssh-keygen", fmt.Errorf("%s is not simulated", a))
		}
	}
	file := m.file(values["-f"])
	switch {
	case values["-f"] == "":
		return m.fail("ssh-keygen", errors.New("-f FILE is missing"))
	case public:
		return m.publicHalf(file)
	case values["-t"] != "ed25519" || values["-N"] != "":
		return m.fail("ssh-keygen", errors.New("the sandbox makes -t ed25519 keys without a passphrase only"))
	}
	private, line, err := cloudinit.NewHostKey()
	if err == nil {
		err = create(file, private, 0o600)
	}
	if err == nil {
		err = create(file+".pub", line, 0o644)
	}
	if err != nil {
		return m.fail("ssh-keygen", err)
	}
	return 0
}

// create writes a file that must not be there: the real one would ask whether
// to overwrite it, and there is nobody to answer.
func create(name, text string, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode) //nolint:gosec // of the instance
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func (m machine) publicHalf(file string) int {
	text, err := os.ReadFile(file) //nolint:gosec // of the instance
	if err != nil {
		return m.fail("ssh-keygen", err)
	}
	key, err := gossh.ParsePrivateKey(text)
	if err != nil {
		return m.fail("ssh-keygen", fmt.Errorf("%s: %w", file, err))
	}
	_, _ = m.stdout.Write(gossh.MarshalAuthorizedKey(key.PublicKey()))
	return 0
}
