package kubernetes

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"skysail/clouds"
)

// workload is what counts of an apps/v1 Deployment or ReplicaSet. The whole
// types would put their package into the program.
type workload struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		Replicas *int `json:"replicas"`
	} `json:"spec"`
	Status struct {
		ObservedGeneration int64 `json:"observedGeneration"`
		Replicas           int   `json:"replicas"`
		UpdatedReplicas    int   `json:"updatedReplicas"`
		ReadyReplicas      int   `json:"readyReplicas"`
		AvailableReplicas  int   `json:"availableReplicas"`
		Conditions         []struct {
			Type               string      `json:"type"`
			Status             string      `json:"status"`
			Reason             string      `json:"reason"`
			Message            string      `json:"message"`
			LastTransitionTime metav1.Time `json:"lastTransitionTime"`
		} `json:"conditions"`
	} `json:"status"`
}

func (w *workload) wanted() int {
	if w.Spec.Replicas == nil {
		return 1 // the API's default
	}
	return *w.Spec.Replicas
}

// done is what `kubectl rollout status` waits for: kubectl
// pkg/polymorphichelpers/rollout_status.go.
func (w *workload) done() bool {
	s := w.Status
	return s.ObservedGeneration >= w.Metadata.Generation && s.UpdatedReplicas >= w.wanted() &&
		s.Replicas <= s.UpdatedReplicas && s.AvailableReplicas >= s.UpdatedReplicas
}

// revision counts the ReplicaSets of a Deployment.
func (w *workload) revision() int {
	n, _ := strconv.Atoi(w.Metadata.Annotations["deployment.kubernetes.io/revision"])
	return n
}

// Diagnose says how far a deployment is and why it is not ready: from the
// states of its pods and containers, the conditions of its ReplicaSets, and
// events. What the cluster does not let us read is a finding itself, so that
// the answer says something in any case; the error is for an ID that is none,
// and for a ctx that ended. It changes nothing and may be repeated.
func (c *Cloud) Diagnose(ctx context.Context, id string) (Diagnosis, error) {
	if err := clouds.CheckID(id); err != nil {
		return Diagnosis{}, err
	}
	api, err := c.connect()
	if err != nil {
		return Diagnosis{}, err
	}
	defer api.close()
	d := c.look(ctx, api, id, true)
	if ctx.Err() != nil {
		return d, context.Cause(ctx)
	}
	return d, nil
}

// look makes a diagnosis. Unless whole is set it is quick: no logs are read.
func (c *Cloud) look(ctx context.Context, api *api, id string, whole bool) Diagnosis {
	var d Diagnosis
	deployments, err := labelled[workload](ctx, c, api, deploymentKind, id)
	if err != nil {
		d.failed(c, err)
		return d
	}
	sets, err := labelled[workload](ctx, c, api, replicaSetKind, id)
	if err != nil {
		d.failed(c, err)
	}
	pods, err := c.rawPods(ctx, api, id)
	if err != nil {
		d.failed(c, err)
	}
	d.Done = len(deployments) > 0
	for i := range deployments {
		d.Wanted += deployments[i].wanted()
		d.Updated += deployments[i].Status.UpdatedReplicas
		d.Done = d.Done && deployments[i].done()
	}
	sets = newest(sets)
	pods = slices.DeleteFunc(pods, func(p corev1.Pod) bool { return p.DeletionTimestamp != nil || !ownedBy(p, sets) })
	for i := range pods {
		if pod(&pods[i]).Ready {
			d.Ready++
		}
	}
	if d.Done {
		return d
	}
	events, err := c.events(ctx, api, id, time.Time{})
	if err != nil && !forbidden(err) { // without events the states still tell
		d.failed(c, err)
	}
	for i := range pods {
		d.pod(&pods[i], events)
	}
	d.sets(sets, events)
	if len(deployments) == 0 {
		c.nothing(ctx, api, &d)
	}
	d.sort()
	if whole {
		c.explainEnds(ctx, api, id, &d, pods)
	}
	return d
}

// failed notes a call that failed.
func (d *Diagnosis) failed(c *Cloud, err error) {
	reason := string(apierrors.ReasonForError(err))
	d.add(Finding{Kind: "cluster", Name: c.context, Reason: cmp.Or(reason, "NoAnswer"), Text: err.Error()})
}

// newest are the ReplicaSets of the newest revision.
func newest(sets []workload) []workload {
	top := 0
	for i := range sets {
		top = max(top, sets[i].revision())
	}
	return slices.DeleteFunc(sets, func(w workload) bool { return w.revision() != top })
}

func ownedBy(p corev1.Pod, sets []workload) bool {
	owner := metav1.GetControllerOf(&p)
	if owner == nil || len(sets) == 0 {
		return true
	}
	return slices.ContainsFunc(sets, func(w workload) bool { return w.Metadata.UID == owner.UID })
}

// sets notes why ReplicaSets could not make pods: quota, limits, Pod Security.
func (d *Diagnosis) sets(sets []workload, events []Event) {
	for i := range sets {
		w := &sets[i]
		missing := w.wanted() - w.Status.Replicas
		if missing <= 0 {
			continue
		}
		f := Finding{Kind: KindReplicaSet, Namespace: w.Metadata.Namespace, Name: w.Metadata.Name, Pods: missing}
		for _, cond := range w.Status.Conditions {
			if cond.Type == "ReplicaFailure" && cond.Status == "True" {
				f.Reason, f.Since = cond.Reason, cond.LastTransitionTime.UTC()
				f.Text = cond.Message
			}
		}
		if e, ok := last(events, string(w.Metadata.UID), "FailedCreate"); ok && f.Text == "" {
			f.Reason, f.Text, f.Since = e.Reason, e.Message, e.First
		}
		if f.Text != "" {
			f.Text = fmt.Sprintf("replica set %s: %s: %s", f.Name, f.Reason, strings.TrimPrefix(f.Text, "Error creating: "))
			d.add(f)
		}
	}
}

// last is the newest of an object's events with one of the reasons.
func last(events []Event, uid string, reasons ...string) (Event, bool) {
	for _, e := range slices.Backward(events) {
		if e.UID == uid && slices.Contains(reasons, e.Reason) {
			return e, true
		}
	}
	return Event{}, false
}

// nothing says why not even the Deployment is there.
func (c *Cloud) nothing(ctx context.Context, api *api, d *Diagnosis) {
	f := Finding{Kind: KindNamespace, Name: c.namespace}
	ns, err := api.namespace(ctx, c.namespace)
	switch {
	case apierrors.IsNotFound(err):
		f.Reason, f.Text = "NotFound", fmt.Sprintf("namespaces %q not found: make it, or name another in the policy's kubernetes.namespace", c.namespace)
	case err != nil && !apierrors.IsForbidden(err):
		d.failed(c, api.explain(err, "looking at namespace %s", c.namespace))
		return
	case ns.DeletionTimestamp != nil:
		f.Reason, f.Text = "Terminating", fmt.Sprintf("unable to create new content in namespace %s because it is being terminated", c.namespace)
	default:
		if len(d.Findings) > 0 {
			return
		}
		f.Kind, f.Reason = KindDeployment, "NotFound"
		f.Text = fmt.Sprintf("namespace %s has no Deployment of this: Helm did not come so far, or it was removed", c.namespace)
	}
	d.add(f)
}
