package kubernetes

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"skysail/clouds"
)

// files are where kubectl looks for its configuration: the list in KUBECONFIG,
// else ~/.kube/config. See
// https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
func files(env clouds.Env) []string {
	if list := env.Get(clientcmd.RecommendedConfigPathEnvVar); list != "" {
		var out []string
		for _, f := range filepath.SplitList(list) {
			if f != "" && !slices.Contains(out, f) {
				out = append(out, f)
			}
		}
		return out
	}
	if home := env.Get("HOME", "USERPROFILE"); home != "" {
		return []string{filepath.Join(home, clientcmd.RecommendedHomeDir, clientcmd.RecommendedFileName)}
	}
	return nil
}

// load merges the files as kubectl does; those that are not there are skipped.
func load(env clouds.Env) (*clientcmdapi.Config, []string, error) {
	all := files(env)
	var there []string
	for _, f := range all {
		if _, err := os.Stat(f); err == nil || !errors.Is(err, fs.ErrNotExist) {
			there = append(there, f)
		}
	}
	if len(there) == 0 {
		looked := strings.Join(all, ", ")
		if looked == "" {
			looked = "neither KUBECONFIG nor HOME is set"
		} else {
			looked = "looked for " + looked
		}
		return nil, nil, fmt.Errorf("%w: %s; set KUBECONFIG, or let the cluster's own tool write the file", ErrNoKubeconfig, looked)
	}
	cfg, err := (&clientcmd.ClientConfigLoadingRules{Precedence: there}).Load()
	if err != nil {
		// The parser's own words may repeat what is in the file.
		return nil, nil, fmt.Errorf("%w: %s can not be read as one; `kubectl config view` says where", ErrBroken, strings.Join(there, ", "))
	}
	return cfg, there, nil
}

// place is where a context was found.
type place struct {
	context, namespace string
	files              []string
	pod                bool
}

func (p place) source() string {
	if p.pod {
		return "the service account of this pod"
	}
	return fmt.Sprintf("context %s of %s", p.context, strings.Join(p.files, ", "))
}

// locate finds the cluster of a context: in a kubeconfig, else around the pod
// in which this runs.
func locate(env clouds.Env, name string) (place, *rest.Config, error) {
	cfg, there, err := load(env)
	if errors.Is(err, ErrNoKubeconfig) && env.Get(clientcmd.RecommendedConfigPathEnvVar) == "" {
		if at, out, ok := inCluster(env); ok {
			if name == "" || name == InCluster {
				return at, out, nil
			}
			return place{}, nil, fmt.Errorf("%w, and this runs in a pod: to use the pod's own cluster write kubernetes.context = %q into the policy, for context %q set KUBECONFIG",
				ErrNoKubeconfig, InCluster, name)
		}
	}
	if err != nil {
		return place{}, nil, err
	}
	if name == "" {
		name = cfg.CurrentContext
	}
	out, err := restConfig(env, cfg, there, name)
	if err != nil {
		return place{}, nil, err
	}
	return place{context: name, namespace: cfg.Contexts[name].Namespace, files: there}, out, nil
}

func restConfig(env clouds.Env, cfg *clientcmdapi.Config, there []string, name string) (*rest.Config, error) {
	if _, ok := cfg.Contexts[name]; !ok {
		has := "it has none"
		if names := slices.Sorted(maps.Keys(cfg.Contexts)); len(names) > 0 {
			has = "it has " + strings.Join(names, ", ")
		}
		return nil, fmt.Errorf("%w: %q is not in %s; %s", ErrNoContext, name, strings.Join(there, ", "), has)
	}
	if err := clientcmd.ConfirmUsable(*cfg, name); err != nil {
		return nil, fmt.Errorf("%w: context %q lacks a cluster or user that is defined; `kubectl config view` shows them", ErrBroken, name)
	}
	out, err := clientcmd.NewNonInteractiveClientConfig(*cfg, name, &clientcmd.ConfigOverrides{}, nil).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("%w: context %q is not complete; `kubectl --context %s version` says more", ErrBroken, name, name)
	}
	out.Timeout = patience
	out.UserAgent = "skysail"
	if out.Proxy == nil { // the kubeconfig's own comes first
		out.Proxy = proxyFrom(env)
	}
	if out.ExecProvider != nil {
		out.ExecProvider.StdinUnavailable = true // nobody is to be asked
	}
	return out, nil
}
