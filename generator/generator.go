// Package generator turns one candidate into a bundle: the self-contained
// Terraform folder that people review and Terraform applies. It is pure, bytes
// in and files out; the same input gives the same bytes.
package generator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"skysail/internal/failure"
	"skysail/modules"
	"skysail/policies"
	"skysail/spec"
)

// Names of a bundle's files that others need to know.
const (
	// VariablesFile holds every input that is not private. Terraform reads it
	// by itself.
	VariablesFile = "terraform.tfvars.json"
	// PrivateVariablesFile holds the keys, beside the bundle; Terraform is
	// given it with -var-file. Keys are new for each attempt, so without them
	// the bundle is the same however often it is made.
	PrivateVariablesFile = "private.tfvars.json"
)

// Input is what a bundle is made of.
type Input struct {
	DeploymentID string
	Service      spec.Service
	// Provider, Region and Size are the candidate.
	Provider, Region, Size string
	// Zone is a zone of the region; empty lets the provider choose.
	Zone string
	// Spot asks for interruptible capacity.
	Spot bool
	// BootDiskGB is the size of the boot disk in GiB where the type has none
	// of its own, else 0.
	BootDiskGB int
	// TTL is how long the instances may exist; 0 is without end. Where a
	// provider can end them itself, it is told to.
	TTL time.Duration
	// SSHFrom are the CIDR blocks that may open SSH connections.
	SSHFrom []string
	// SSHPublicKey is the deployment's client key in OpenSSH format, HostKeys
	// are the first host keys, one for each instance. A local service has
	// none, and a bundle that is for review only needs none.
	SSHPublicKey string
	HostKeys     []HostKey
	// Kubernetes says how a service runs on a cluster, for provider kubernetes:
	// there Region is the kubeconfig context and Size the namespace.
	Kubernetes Kubernetes
	// Backend is where the state is kept, nil for this machine. Attempt is the
	// number of the attempt, which has a state of its own there.
	Backend *policies.Backend
	Attempt int
}

// Kubernetes is what a bundle for a cluster takes beside the rest.
type Kubernetes struct {
	// Ref is the policy's; its contexts and namespace are not looked at.
	Ref policies.KubernetesRef
	// SecretName is the existing Secret with the values of the service's
	// secrets; empty is skysail-ID.
	SecretName string
	// ReadyTimeout is how long all instances may take to be ready, in whole
	// seconds; 0 is the module's five minutes.
	ReadyTimeout time.Duration
}

// HostKey is an Ed25519 SSH host key in OpenSSH format.
type HostKey struct {
	Private string `json:"private_key"` // PEM
	Public  string `json:"public_key"`  // one line, as in authorized_keys
}

// String keeps the private half out of logs and error texts.
func (k HostKey) String() string { return k.Public }

// GoString is String for %#v.
func (k HostKey) GoString() string { return fmt.Sprintf("generator.HostKey{Public:%q}", k.Public) }

// Bundle is what Generate makes. Paths have slashes.
type Bundle struct {
	// Files are for people to review. There is no secret in them.
	Files map[string][]byte
	// Private lie beside them, in a folder that only its owner can open. It
	// is empty where keys are needed and the input has none: such a bundle
	// can be reviewed and validated.
	Private map[string][]byte
}

// Providers lists the providers that bundles can be made for.
func Providers() []string {
	return []string{"aws", "digitalocean", "gcp", "vultr", "kubernetes", "local"}
}

// Generate makes the bundle for one candidate.
func Generate(in Input) (Bundle, error) {
	p, ok := providers[in.Provider]
	if !ok {
		return Bundle{}, failure.New(failure.Input,
			fmt.Sprintf("there is no Terraform module for provider %q", in.Provider),
			"this version of skysail can deploy to "+strings.Join(Providers(), ", "),
			"take another provider in the policy")
	}
	if err := check(in, p); err != nil {
		return Bundle{}, err
	}
	b := Bundle{Files: map[string][]byte{}, Private: map[string][]byte{}}
	for _, m := range p.modules {
		if err := copyModule(b.Files, m); err != nil {
			return Bundle{}, err
		}
	}
	root, err := rootFiles(in, p)
	if err != nil {
		return Bundle{}, err
	}
	for name, content := range root {
		b.Files[name] = content
	}
	public, private := variables(in, p.ssh)
	if in.Provider == policies.Kubernetes {
		clusterVariables(public, &in)
	}
	if b.Files[VariablesFile], err = indented(public); err != nil {
		return Bundle{}, err
	}
	if private == nil {
		return b, nil
	}
	if b.Private[PrivateVariablesFile], err = indented(private); err != nil {
		return Bundle{}, err
	}
	return b, nil
}

// copyModule adds what Terraform needs of a module: its README and its tests
// stay where they are.
func copyModule(files map[string][]byte, module string) error {
	err := fs.WalkDir(modules.FS, module, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path.Base(name) == "tests" {
				return fs.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, ".md") {
			return nil
		}
		content, err := modules.FS.ReadFile(name)
		files[path.Join("modules", name)] = content
		return err
	})
	if err != nil {
		return fmt.Errorf("module %s of this program: %w", module, err)
	}
	return nil
}

// variables are the root module's values. A name is in one of the two at most.
func variables(in Input, sshUsed bool) (public, private map[string]any) {
	public = map[string]any{
		"deployment_id": in.DeploymentID,
		"name":          in.Service.Name,
		"size":          in.Size,
		"region":        in.Region,
		"arch":          arch(&in.Service),
		"spot":          in.Spot,
		"boot_disk_gb":  in.BootDiskGB,
		"instances":     in.Service.Instances,
		"service":       serviceValue(&in.Service),
		"ssh_from":      list(in.SSHFrom),
		"tags": map[string]string{
			"skysail-deployment": in.DeploymentID,
			"skysail-service":    in.Service.Name,
		},
	}
	// What is not set is left to the variable's default.
	if in.Zone != "" {
		public["zone"] = in.Zone
	}
	if in.Service.Disk != nil {
		public["data_disk"] = in.Service.Disk
	}
	if in.TTL > 0 {
		public["ttl_seconds"] = int64(in.TTL.Seconds())
	}
	switch {
	case !sshUsed:
		public["ssh_public_key"], public["ssh_host_keys"] = "", []HostKey{}
		private = map[string]any{}
	case in.hasKeys():
		private = map[string]any{
			"ssh_public_key": strings.TrimSpace(in.SSHPublicKey),
			"ssh_host_keys":  in.HostKeys,
		}
	}
	return public, private
}

func (in *Input) hasKeys() bool { return in.SSHPublicKey != "" || len(in.HostKeys) > 0 }

func serviceValue(s *spec.Service) map[string]any {
	source := map[string]any{}
	if c := s.Source.Container; c != nil {
		source["container"] = map[string]any{"image": c.Image}
	}
	if n := s.Source.Native; n != nil {
		source["native"] = map[string]any{"url": n.URL, "sha256": n.SHA256, "binary": n.Binary, "args": list(n.Args)}
	}
	ports := make([]any, 0, len(s.Ports))
	for _, p := range s.Ports {
		ports = append(ports, map[string]any{"name": p.Name, "number": p.Number, "public": p.Public})
	}
	env := s.Env
	if env == nil {
		env = map[string]string{}
	}
	out := map[string]any{"source": source, "ports": ports, "env": env, "secrets": list(s.Secrets)}
	if s.Health != nil && s.Health.HTTP != nil {
		port, _ := s.Port(s.Health.HTTP.Port)
		out["health"] = map[string]any{"port": port.Number, "path": s.Health.HTTP.Path}
	}
	return out
}

// arch is what the service's program is built for.
func arch(s *spec.Service) string {
	if s.Resources.Arch == "" {
		return "amd64"
	}
	return s.Resources.Arch
}

// list makes JSON's [] of a list that is nil.
func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// indented is v as JSON for people: sorted keys, and < > & as they are.
func indented(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("variables: %w", err)
	}
	return buf.Bytes(), nil
}
