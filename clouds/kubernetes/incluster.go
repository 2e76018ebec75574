package kubernetes

import (
	"net"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/rest"

	"skysail/clouds"
)

// serviceAccount is where a pod finds its credentials. See
// https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
var serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

// podVariables tell a pod where the API server is.
var podVariables = []string{"KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"}

// inCluster is the cluster of the pod in which this runs, if it runs in one.
// client-go's own rest.InClusterConfig reads this process's environment rather
// than env.
func inCluster(env clouds.Env) (place, *rest.Config, bool) {
	host, port := env.Get(podVariables[0]), env.Get(podVariables[1])
	token := filepath.Join(serviceAccount, "token")
	if _, err := os.Stat(token); err != nil || host == "" || port == "" {
		return place{}, nil, false
	}
	at := place{context: InCluster, pod: true}
	if raw, err := os.ReadFile(filepath.Join(serviceAccount, "namespace")); err == nil {
		at.namespace = strings.TrimSpace(string(raw))
	}
	return at, &rest.Config{
		Host:            "https://" + net.JoinHostPort(host, port),
		BearerTokenFile: token, // read again when it is replaced, each hour
		TLSClientConfig: rest.TLSClientConfig{CAFile: filepath.Join(serviceAccount, "ca.crt")},
		Timeout:         patience,
		UserAgent:       "skysail",
	}, true
}
