package generator

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/netip"
	"sort"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"golang.org/x/crypto/ssh"

	"skysail/internal/failure"
	"skysail/internal/lazyregexp"
	"skysail/policies"
)

var (
	deploymentID = lazyregexp.New(`^d[a-z0-9]{11}$`)
	placeName    = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
	// engineEnv are the variables that podman or docker itself obeys, so that it can not
	// hand them on to a container untouched.
	engineEnv = lazyregexp.New(`^(PATH|LD_[A-Z_]+|CONTAINER_(HOST|CONNECTION|SSHKEY)|CONTAINERS_[A-Z_]+|DOCKER_[A-Z_]+|STORAGE_[A-Z_]+|REGISTRY_AUTH_FILE|XDG_(RUNTIME_DIR|CONFIG_HOME|DATA_HOME)|NOTIFY_SOCKET|LISTEN_[A-Z]+)$`)
)

// check refuses, before Terraform runs, what would fail in it or change on
// the way through it.
func check(in Input, p provider) error {
	if err := in.Service.Validate(); err != nil {
		return failure.Wrap(err, failure.Input, "bundle for "+in.Provider, "nothing was written", "mend the service, and try again")
	}
	var problems []string
	add := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }

	if !deploymentID.MatchString(in.DeploymentID) {
		add("deployment ID %q is not d and 11 of a-z and 0-9", in.DeploymentID)
	}
	cluster := in.Provider == policies.Kubernetes
	if !cluster && !placeName.MatchString(in.Region) {
		add("region %q is not a region's name", in.Region)
	}
	if !cluster && !placeName.MatchString(in.Size) {
		add("size %q is not an instance type's name", in.Size)
	}
	if !cluster && in.Service.Ranged() {
		add("only a cluster keeps a range of instances: give one number, not %d to %d", in.Service.Instances, in.Service.MaxInstances)
	}
	for _, c := range in.SSHFrom {
		if _, err := netip.ParsePrefix(c); err != nil {
			add("access.ssh_from: %q is not a CIDR block such as 203.0.113.0/24", c)
		}
	}
	for _, path := range changed(in) {
		add("%s: Terraform would store other bytes; write it in Unicode normalization form C and without noncharacters", path)
	}
	local := in.Provider == policies.Local
	if local && in.Service.Disk != nil {
		add("this machine gives a service no disk of its own: leave disk out here, or deploy with --remote")
	}
	switch {
	case p.ssh:
		problems = append(problems, sshProblems(&in)...)
	case cluster:
		problems = append(problems, clusterProblems(&in)...)
	case in.Service.Instances > 1 && len(in.Service.Ports) > 0:
		add("a service with ports runs once on this machine, not %d times: all would need the same port", in.Service.Instances)
	}
	if len(problems) == 0 {
		return nil
	}
	return failure.Wrap(errors.New(strings.Join(problems, "; ")), failure.Input,
		"bundle for "+in.Provider, "nothing was written", "mend the service or policy, and try again")
}

func sshProblems(in *Input) []string {
	var out []string
	if len(in.SSHFrom) == 0 {
		out = append(out, "access.ssh_from is empty: nobody could read the instances' logs and metrics")
	}
	if in.Service.Source.Container != nil {
		for _, n := range append(keys(in.Service.Env), in.Service.Secrets...) {
			if engineEnv.MatchString(n) {
				out = append(out, fmt.Sprintf("a container can not be given %s, which would change how its engine runs: set it in the image", n))
			}
		}
	}
	if !in.hasKeys() {
		return out
	}
	if _, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(in.SSHPublicKey)); err != nil || len(rest) > 0 {
		out = append(out, "the SSH client key is not one public key in OpenSSH format")
	}
	if len(in.HostKeys) != in.Service.Instances {
		out = append(out, fmt.Sprintf("%d SSH host keys for %d instances", len(in.HostKeys), in.Service.Instances))
	}
	for i, k := range in.HostKeys {
		if !k.valid() {
			out = append(out, fmt.Sprintf("SSH host key %d is not an Ed25519 key pair in OpenSSH format", i))
		}
	}
	return out
}

// valid says whether the two halves belong together. It tells nothing of the
// private one: an error of the parser might.
func (k HostKey) valid() bool {
	raw, err := ssh.ParseRawPrivateKey([]byte(k.Private))
	if err != nil {
		return false
	}
	key, ok := raw.(*ed25519.PrivateKey)
	if !ok {
		return false
	}
	signer, err := ssh.NewSignerFromKey(*key)
	if err != nil {
		return false
	}
	public, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(k.Public))
	return err == nil && len(rest) == 0 && string(public.Marshal()) == string(signer.PublicKey().Marshal())
}

// changed lists the texts that Terraform would not keep as they are: it puts
// every string in normalization form C, and the boot configuration is YAML,
// which has no U+FFFE and U+FFFF.
func changed(in Input) []string {
	var out []string
	note := func(path, s string) {
		if cty.NormalizeString(s) != s || strings.ContainsAny(s, "\ufffe\uffff") {
			out = append(out, path)
		}
	}
	for _, k := range keys(in.Service.Env) {
		note("env."+k, in.Service.Env[k])
	}
	if n := in.Service.Source.Native; n != nil {
		for i, a := range n.Args {
			note(fmt.Sprintf("source.native.args[%d]", i), a)
		}
	}
	return out
}

func keys(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}
