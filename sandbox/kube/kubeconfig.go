package kube

import (
	"fmt"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// Context is an entry of the kubeconfig.
type Context struct {
	Name      string
	Namespace string // where kubectl works without -n
}

// Contexts are those of the policy's defaults (production with blueprints) and
// a second one.
func Contexts() []Context {
	return []Context{{Name: "production", Namespace: "blueprints"}, {Name: "staging", Namespace: "staging"}}
}

// Kubeconfig is the path of the administrator's kubeconfig, 0600. Its current
// context is the first.
func (c *Cluster) Kubeconfig() string { return filepath.Join(c.dir, "kubeconfig") }

// writeKubeconfig writes a kubeconfig in which every context is the same user
// at the same server. The key is in it, as in a real one.
func (c *Cluster) writeKubeconfig(path, server string, id identity, contexts []Context) error {
	certPEM, keyPEM, err := c.ca.issue(id)
	if err != nil {
		return err
	}
	caPEM := c.caPEM
	cfg := api.NewConfig()
	cfg.Clusters["sandbox"] = &api.Cluster{Server: server, CertificateAuthorityData: caPEM}
	cfg.AuthInfos[id.user] = &api.AuthInfo{ClientCertificateData: certPEM, ClientKeyData: keyPEM}
	for _, x := range contexts {
		cfg.Contexts[x.Name] = &api.Context{Cluster: "sandbox", AuthInfo: id.user, Namespace: x.Namespace}
	}
	cfg.CurrentContext = contexts[0].Name
	raw, err := clientcmd.Write(*cfg)
	if err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	return writePrivate(path, raw)
}
