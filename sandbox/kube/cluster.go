package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// startTime is how long a cluster may take to start; it takes about five
// seconds on an idle machine, and more than two minutes were seen on a busy one.
const startTime = 4 * time.Minute

// Users of the control plane; the groups are Kubernetes' own, see
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/
var (
	admin      = identity{user: "sandbox-admin", groups: []string{"system:masters"}}
	frontProxy = identity{user: "front-proxy-client"}
)

// Options say what a cluster is.
type Options struct {
	// Dir holds everything of the cluster, 0700. What a cluster of that folder
	// had is there again.
	Dir        string
	Nodes      []Node    // default Nodes()
	Contexts   []Context // of the kubeconfig; default Contexts()
	Namespaces []string  // made at the start
}

// Cluster is a control plane that runs.
type Cluster struct {
	dir   string
	tools Tools
	ports map[string]int
	ca    *authority
	front *authority // of the aggregation layer
	caPEM []byte
	http  *http.Client

	mu        sync.Mutex
	processes []*process // in the order of their start
	api       *process   // nil while it is killed
	closers   []func()
}

// Start runs a cluster and returns when its API answers, its nodes are ready
// and namespaces have their service accounts. Nothing runs after an error.
func Start(ctx context.Context, tools Tools, opts Options) (_ *Cluster, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, fmt.Errorf("the cluster was not ready within %s", startTime))
	defer cancel()
	c, err := prepare(ctx, tools, opts)
	if err != nil {
		return nil, fmt.Errorf("kubernetes sandbox: %w", err)
	}
	defer func() {
		if err != nil {
			c.Stop()
			err = fmt.Errorf("kubernetes sandbox: %w", err)
		}
	}()
	if err := c.startControlPlane(ctx); err != nil {
		return nil, err
	}
	nodes := opts.Nodes
	if nodes == nil {
		nodes = Nodes()
	}
	if err := c.startNodes(ctx, nodes); err != nil {
		return nil, err
	}
	for _, n := range append([]string{"default"}, opts.Namespaces...) {
		if err := c.AddNamespace(ctx, n, nil); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// prepare writes what the programs read.
func prepare(ctx context.Context, tools Tools, opts Options) (*Cluster, error) {
	if opts.Dir == "" {
		return nil, errors.New("no folder for the cluster")
	}
	dir, err := filepath.Abs(opts.Dir)
	if err != nil {
		return nil, err
	}
	for _, d := range []string{"", "pki", "log", "logs"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return nil, err
		}
	}
	if err := Sweep(ctx, dir); err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir, tools: tools}
	if c.ports, err = loadPorts(ctx, dir); err != nil {
		return nil, err
	}
	if err := c.writeCertificates(); err != nil {
		return nil, err
	}
	if c.http, err = c.administrator(); err != nil {
		return nil, err
	}
	contexts := opts.Contexts
	if len(contexts) == 0 {
		contexts = Contexts()
	}
	if err := c.writeKubeconfig(c.Kubeconfig(), c.server(), admin, contexts); err != nil {
		return nil, err
	}
	for name, id := range map[string]identity{
		controllerManager: {user: "system:kube-controller-manager"},
		scheduler:         {user: "system:kube-scheduler"},
		kwok:              {user: "sandbox-kubelet", groups: []string{"system:masters"}},
	} {
		if err := c.writeKubeconfig(filepath.Join(dir, name+".kubeconfig"), c.server(), id, []Context{{Name: "sandbox"}}); err != nil {
			return nil, err
		}
	}
	if err := writePrivate(filepath.Join(dir, "scheduler.yaml"), c.schedulerConfig()); err != nil {
		return nil, err
	}
	return c, writePrivate(filepath.Join(dir, "kwok.yaml"), []byte(kwokConfig))
}

func (c *Cluster) writeCertificates() (err error) {
	dir := c.pki("")
	if c.ca, err = loadAuthority(dir, "ca"); err != nil {
		return err
	}
	if c.caPEM, err = os.ReadFile(c.pki("ca.crt")); err != nil {
		return err
	}
	if c.front, err = loadAuthority(dir, "front-proxy-ca"); err != nil {
		return err
	}
	kubernetes := []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}
	return errors.Join(
		c.ca.file("etcd", identity{user: "etcd", server: true}),
		c.ca.file("apiserver", identity{user: "kube-apiserver", server: true, hosts: kubernetes}),
		c.ca.file("kubelet", identity{user: "kubelet", server: true}),
		c.ca.file("metrics", identity{user: "metrics", server: true, hosts: []string{metricsHost}}),
		c.ca.file("kubelet-client", identity{user: "kube-apiserver-kubelet-client"}),
		c.front.file("front-proxy-client", frontProxy),
		serviceAccountKey(dir),
	)
}
