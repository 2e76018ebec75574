package kubernetes

import (
	"errors"
	"fmt"
	"sync"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/flowcontrol"

	"skysail/clouds"
	"skysail/clouds/faults"
	"skysail/policies"
)

const (
	// Label is what every object of a deployment carries, its pods among them,
	// with the deployment's ID as its value. On a namespace it says that
	// skysail made it, and for which deployment.
	Label = "skysail.dev/deployment"
	// InCluster is the context that stands for the cluster in which skysail
	// itself runs, where there is no kubeconfig.
	InCluster = "in-cluster"

	// qps and burst bound what one Cloud asks of the API server, which other
	// clients need too. kubectl's own bounds are 50 and 300: kubernetes
	// staging/src/k8s.io/cli-runtime/pkg/genericclioptions/config_flags.go.
	qps, burst = 50, 100
)

// Cloud speaks to one cluster, as one context of the kubeconfig, and for one
// namespace. It may be used by several at once.
type Cloud struct {
	env       clouds.Env
	context   string
	namespace string
	place     place
	config    *rest.Config
	limit     flowcontrol.RateLimiter

	mu  sync.Mutex
	api *api
}

// New finds the cluster behind a context as kubectl does: in the files of
// KUBECONFIG, else in ~/.kube/config. Where neither is, and skysail runs in a
// pod, the context InCluster is that pod's cluster, with the rights of its
// service account. An empty context is the kubeconfig's current one, an empty
// namespace the context's own, else "default". It makes no call; the error is
// one of ErrNoKubeconfig, ErrBroken and ErrNoContext, with what to do.
func New(env clouds.Env, context, namespace string) (*Cloud, error) {
	at, config, err := locate(env, context)
	if err != nil {
		return nil, err
	}
	config.Timeout = 0 // logs and watches go on; every other call has a deadline of its own
	if namespace == "" {
		namespace = at.namespace
	}
	if namespace == "" {
		namespace = "default"
	}
	limit := flowcontrol.NewTokenBucketRateLimiter(qps, burst)
	return &Cloud{env: env, context: at.context, namespace: namespace, place: at, config: config, limit: limit}, nil
}

// Context is the context's name in the kubeconfig, or InCluster.
func (c *Cloud) Context() string { return c.context }

// Namespace is where deployments go.
func (c *Cloud) Namespace() string { return c.namespace }

// Server is the URL of the API server.
func (c *Cloud) Server() string { return c.config.Host }

// Credentials returns an error when certificates or tokens of the context can
// not be read. Nobody is asked: whether they are accepted is for Check.
func (c *Cloud) Credentials() error {
	_, err := c.connect()
	return err
}

// Faults classifies what the cluster and Helm say when they refuse.
func (c *Cloud) Faults() faults.Table { return Faults() }

// Account says where the credentials were found.
func (c *Cloud) Account() (clouds.Account, error) {
	return clouds.Account{Source: c.place.source()}, nil
}

// Close lets go of connections that nobody uses. The Cloud stays usable.
func (c *Cloud) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.api != nil {
		c.api.http.CloseIdleConnections()
	}
}

func resource(kind, id, name string) clouds.Resource {
	return clouds.Resource{Provider: policies.Kubernetes, Kind: kind, ID: id, Name: name, Tags: []string{}}
}

var errNoID = errors.New("the object has no UID")

// selector matches what carries a deployment's label, or any deployment's.
func selector(id string) (string, error) {
	if id == clouds.Any {
		return Label, nil
	}
	if err := clouds.CheckID(id); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s=%s", Label, id), nil
}
