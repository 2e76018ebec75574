package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/renameio/v2"

	"skysail/sandbox/kube"
)

// Where a cluster is in the sandbox's folder, and what says that there is one.
const (
	kubeDir  = "kube"
	kubeFile = "kube.json"
)

// Kubernetes is the sandbox's cluster, as far as it is there.
type Kubernetes struct {
	// State is down, starting, up or failed.
	State string `json:"state"`
	// Kubeconfig is the path of the administrator's kubeconfig, when it is up.
	Kubeconfig string `json:"kubeconfig,omitempty"`
	// Contexts are those of the kubeconfig.
	Contexts []string `json:"contexts,omitempty"`
	// Error says why it failed.
	Error string `json:"error,omitempty"`
}

// kubeTime is how long the start of a cluster is waited for.
const kubeTime = 5 * time.Minute

// StartKubernetes starts the sandbox's cluster with the tools that kube.Find
// finds in the folders, and returns when it is up. One that is up is left as it
// is. From then on it starts with the sandbox.
func (c *Client) StartKubernetes(ctx context.Context, dirs ...string) (Kubernetes, error) {
	var k Kubernetes
	tools, err := kube.Find(dirs...)
	if err != nil {
		return k, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, kubeTime, fmt.Errorf("the cluster was not up within %s", kubeTime))
	defer cancel()
	if err := c.callNow(ctx, http.MethodPost, "/v1/kubernetes", tools, &k); err != nil {
		return k, err
	}
	// Env has the kubeconfig from now on.
	return k, c.call(ctx, http.MethodGet, "/v1/status", nil, &c.status)
}

// Kubernetes says what of the sandbox's cluster is there.
func (c *Client) Kubernetes(ctx context.Context) (Kubernetes, error) {
	var k Kubernetes
	return k, c.call(ctx, http.MethodGet, "/v1/kubernetes", nil, &k)
}

// cluster is the daemon's side of it.
type cluster struct {
	home string

	mu     sync.Mutex
	now    *kube.Cluster
	state  string
	reason error
	done   chan struct{} // closed when a start has ended
	cancel context.CancelFunc
}

// resume starts the cluster that the last daemon had, while the clouds are
// served already.
func (k *cluster) resume(ctx context.Context) error {
	raw, err := os.ReadFile(filepath.Join(k.home, kubeFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var tools kube.Tools
	if err == nil {
		err = json.Unmarshal(raw, &tools)
	}
	if err != nil {
		return fmt.Errorf("what is known of the cluster: %w", err)
	}
	k.begin(ctx, tools)
	return nil
}

// begin starts the cluster when none starts or runs, and does not wait.
func (k *cluster) begin(ctx context.Context, tools kube.Tools) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.state == "starting" || k.now != nil && k.now.Err() == nil {
		return
	}
	old := k.now
	k.now, k.state, k.reason, k.done = nil, "starting", nil, make(chan struct{})
	ctx, k.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		if old != nil {
			old.Stop() // one of its programs had ended
		}
		c, err := startCluster(ctx, tools, filepath.Join(k.home, kubeDir))
		k.mu.Lock()
		defer k.mu.Unlock()
		k.now, k.reason, k.state = c, err, "up"
		if err != nil {
			k.state = "failed"
		}
		close(k.done)
	}()
}

func startCluster(ctx context.Context, tools kube.Tools, dir string) (*kube.Cluster, error) {
	c, err := kube.Start(ctx, tools, kube.Options{Dir: dir, Namespaces: []string{"blueprints", "staging"}})
	if err != nil {
		return nil, err
	}
	if err := c.EnableMetrics(ctx); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

// start remembers the cluster, starts it and waits until it is up.
func (k *cluster) start(ctx context.Context, tools kube.Tools) (Kubernetes, error) {
	raw, err := json.Marshal(tools)
	if err != nil {
		return Kubernetes{}, err
	}
	path := filepath.Join(k.home, kubeFile)
	if err := renameio.WriteFile(path, raw, 0o600, renameio.WithStaticPermissions(0o600)); err != nil {
		return Kubernetes{}, err
	}
	k.begin(ctx, tools)
	k.mu.Lock()
	done := k.done
	k.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
		return Kubernetes{}, context.Cause(ctx)
	}
	s := k.status()
	if s.Error != "" {
		return s, errors.New(s.Error)
	}
	return s, nil
}

func (k *cluster) status() Kubernetes {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := Kubernetes{State: k.state}
	err := k.reason
	if k.now != nil {
		out.Kubeconfig = k.now.Kubeconfig()
		for _, c := range kube.Contexts() {
			out.Contexts = append(out.Contexts, c.Name)
		}
		err = k.now.Err()
	}
	switch {
	case err != nil:
		out.State, out.Error = "failed", err.Error()
	case out.State == "":
		out.State = "down"
	}
	return out
}

// resources are the releases and pods of the cluster.
func (k *cluster) resources(ctx context.Context) ([]Resource, error) {
	k.mu.Lock()
	c := k.now
	k.mu.Unlock()
	if c == nil || c.Err() != nil {
		return nil, nil //nolint:nilerr // one that has ended holds nothing
	}
	things, err := c.Things(ctx)
	if err != nil {
		return nil, fmt.Errorf("the sandbox's cluster: %w", err)
	}
	var out []Resource
	for _, t := range things {
		r := Resource{Provider: "kubernetes", Kind: t.Kind, ID: t.Namespace + "/" + t.Name, Name: t.Name, Region: t.Namespace, Tags: []string{}, State: t.State}
		if t.Deployment != "" {
			r.Tags = append(r.Tags, kube.DeploymentLabel+"="+t.Deployment)
		}
		out = append(out, r)
	}
	return out, nil
}

// stop ends the cluster, also one that starts.
func (k *cluster) stop() {
	k.mu.Lock()
	cancel, done := k.cancel, k.done
	k.mu.Unlock()
	if cancel == nil {
		return
	}
	cancel()
	<-done
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.now != nil {
		k.now.Stop()
		k.now = nil
	}
}
