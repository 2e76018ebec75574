package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"helm.sh/helm/v4/pkg/action"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// cluster is where releases go.
type cluster struct {
	kubernetes *kubernetes
	driver     string // where Helm keeps its records: secret when empty
	qps        float64
	burst      int
}

// configuration is what Helm's actions work with, for one namespace.
func (c *cluster) configuration(namespace string) (*action.Configuration, error) {
	cfg := action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler))
	g, err := c.getter(namespace)
	if err != nil {
		return nil, err
	}
	if err := cfg.Init(g, namespace, c.driver); err != nil {
		return nil, err
	}
	return cfg, nil
}

// getter makes Helm's clients.
type getter struct {
	clientcmd.ClientConfig
	qps   float64
	burst int
}

func (c *cluster) getter(namespace string) (*getter, error) {
	k := c.kubernetes
	rules := &clientcmd.ClientConfigLoadingRules{}
	paths := k.ConfigPaths
	if v := k.ConfigPath.ValueString(); v != "" {
		paths = []string{v}
	} else if len(paths) == 0 {
		paths = filepath.SplitList(os.Getenv("KUBE_CONFIG_PATHS"))
	}
	for _, p := range paths {
		p, err := expand(p)
		if err != nil {
			return nil, err
		}
		rules.Precedence = append(rules.Precedence, p)
	}
	o := &clientcmd.ConfigOverrides{CurrentContext: k.ConfigContext.ValueString()}
	o.Context = api.Context{AuthInfo: k.ConfigContextAuthInfo.ValueString(), Cluster: k.ConfigContextCluster.ValueString(), Namespace: namespace}
	o.ClusterInfo = api.Cluster{
		Server: k.Host.ValueString(), InsecureSkipTLSVerify: k.Insecure.ValueBool(), TLSServerName: k.TLSServerName.ValueString(),
		ProxyURL: k.ProxyURL.ValueString(), CertificateAuthorityData: []byte(k.ClusterCACertificate.ValueString()),
	}
	o.AuthInfo = api.AuthInfo{
		ClientCertificateData: []byte(k.ClientCertificate.ValueString()), ClientKeyData: []byte(k.ClientKey.ValueString()),
		Token: k.Token.ValueString(), Username: k.Username.ValueString(), Password: k.Password.ValueString(),
	}
	if e := k.Exec; e != nil {
		x := &api.ExecConfig{Command: e.Command.ValueString(), APIVersion: e.APIVersion.ValueString(), Args: e.Args, InteractiveMode: api.NeverExecInteractiveMode}
		for name, v := range e.Env {
			x.Env = append(x.Env, api.ExecEnvVar{Name: name, Value: v})
		}
		o.AuthInfo.Exec = x
	}
	return &getter{
		ClientConfig: clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, o), qps: c.qps, burst: c.burst,
	}, nil
}

// expand is the home folder for a leading ~, as the provider has it.
func expand(p string) (string, error) {
	if len(p) == 0 || p[0] != '~' {
		return p, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("config path %s: %w", p, err)
	}
	return filepath.Join(home, p[1:]), nil
}

func (g *getter) ToRawKubeConfigLoader() clientcmd.ClientConfig { return g.ClientConfig }

func (g *getter) ToRESTConfig() (*rest.Config, error) {
	cfg, err := g.ClientConfig.ClientConfig()
	if err != nil {
		return nil, err
	}
	if g.qps != 0 {
		cfg.QPS = float32(g.qps)
	}
	if g.burst != 0 {
		cfg.Burst = g.burst
	}
	return cfg, nil
}

func (g *getter) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	cfg, err := g.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	cfg.Burst = max(cfg.Burst, 100) // discovery asks for each API group
	d, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		return nil, err
	}
	return memory.NewMemCacheClient(d), nil
}

func (g *getter) ToRESTMapper() (meta.RESTMapper, error) {
	d, err := g.ToDiscoveryClient()
	if err != nil {
		return nil, err
	}
	return restmapper.NewShortcutExpander(restmapper.NewDeferredDiscoveryRESTMapper(d), d, nil), nil
}
