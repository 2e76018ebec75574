package kube

import (
	"context"
	"fmt"
	"net/url"
	"strings"
)

// DeploymentLabel names the deployment that an object belongs to.
const DeploymentLabel = "skysail.dev/deployment"

// Thing is a Helm release or a pod of the cluster, as it is now.
type Thing struct {
	Kind      string // helm_release or pod
	Namespace string
	Name      string
	State     string // Helm's status, or the pod's phase or what it waits for
	// Deployment is the label of that name.
	Deployment string
}

type listed struct {
	Items []struct {
		Metadata struct {
			Name, Namespace   string
			Labels            map[string]string
			DeletionTimestamp string
		}
		Status struct {
			Phase             string
			ContainerStatuses []struct {
				State struct{ Waiting struct{ Reason string } }
			}
		}
	}
}

// Things lists the latest record of every Helm release, and all pods.
func (c *Cluster) Things(ctx context.Context) ([]Thing, error) {
	var out []Thing
	var secrets, pods listed
	// Helm keeps each revision as a Secret with these labels, see
	// https://helm.sh/docs/topics/advanced/#storage-backends
	query := url.Values{"labelSelector": {"owner=helm,status!=superseded"}}
	if err := c.Do(ctx, "GET", "/api/v1/secrets?"+query.Encode(), nil, &secrets); err != nil {
		return nil, fmt.Errorf("releases: %w", err)
	}
	for _, s := range secrets.Items {
		l := s.Metadata.Labels
		out = append(out, Thing{
			Kind: "helm_release", Namespace: s.Metadata.Namespace, Name: l["name"], State: l["status"],
			Deployment: deploymentOf(l["name"]),
		})
	}
	if err := c.Do(ctx, "GET", "/api/v1/pods", nil, &pods); err != nil {
		return nil, fmt.Errorf("pods: %w", err)
	}
	for _, p := range pods.Items {
		state := p.Status.Phase
		for _, s := range p.Status.ContainerStatuses {
			state = or(s.State.Waiting.Reason, state)
		}
		if p.Metadata.DeletionTimestamp != "" {
			state = "Terminating"
		}
		out = append(out, Thing{
			Kind: "pod", Namespace: p.Metadata.Namespace, Name: p.Metadata.Name, State: state, Deployment: p.Metadata.Labels[DeploymentLabel],
		})
	}
	return out, nil
}

// deploymentOf is the deployment whose release has that name, if it is one of
// skysail's: they are called skysail-<id>.
func deploymentOf(release string) string {
	id, ok := strings.CutPrefix(release, "skysail-")
	if !ok {
		return ""
	}
	return id
}
