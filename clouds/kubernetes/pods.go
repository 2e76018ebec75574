package kubernetes

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Pod is one pod of a deployment as the API last saw it.
type Pod struct {
	Namespace  string
	Name       string
	UID        string
	Deployment string // its ID
	Node       string // empty until it is scheduled
	IP         string
	// Phase is Pending, Running, Succeeded or Failed; Reason and Message say
	// why, where the kubelet tells, such as Evicted.
	Phase, Reason, Message string
	Ready                  bool
	Terminating            bool
	CreatedAt              time.Time
	Containers             []Container // those that run beside each other after those that run before, by Init
}

// Container is one of a pod.
type Container struct {
	Name     string
	Image    string
	Init     bool
	Ready    bool
	Restarts int
	// State is waiting, running or terminated; empty before the kubelet saw it.
	State string
	// Reason and Message say why it waits or ended.
	Reason, Message string
	StartedAt       time.Time
	ExitCode        int // of a terminated one
	// Last is how the run before this one ended, nil when there was none.
	Last *Ended
}

// Ended is the end of a container's run.
type Ended struct {
	Reason, Message string // such as Error, OOMKilled, Completed
	ExitCode        int
	Signal          int
	At              time.Time
}

// Restarts is how often its containers were started again.
func (p Pod) Restarts() int {
	n := 0
	for _, c := range p.Containers {
		n += c.Restarts
	}
	return n
}

// Pods lists a deployment's pods, or those of all deployments for clouds.Any,
// by age and name, in the Cloud's namespace. It may be retried.
func (c *Cloud) Pods(ctx context.Context, id string) ([]Pod, error) {
	api, err := c.connect()
	if err != nil {
		return nil, err
	}
	defer api.close()
	raw, err := c.rawPods(ctx, api, id)
	if err != nil {
		return nil, err
	}
	out := make([]Pod, 0, len(raw))
	for i := range raw {
		out = append(out, pod(&raw[i]))
	}
	return out, nil
}

func (c *Cloud) rawPods(ctx context.Context, api *api, id string) ([]corev1.Pod, error) {
	list, err := labelled[corev1.Pod](ctx, c, api, podKind, id)
	slices.SortFunc(list, func(a, b corev1.Pod) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	return list, err
}

// labelled lists a kind's whole objects that carry the deployment's label, in
// the Cloud's namespace.
func labelled[T any](ctx context.Context, c *Cloud, api *api, k kind, id string) ([]T, error) {
	sel, err := selector(id)
	if err != nil {
		return nil, err
	}
	list, err := all[T](ctx, api, call{path: k.path(c.namespace, ""), query: url.Values{"labelSelector": {sel}}})
	return list, api.explain(err, "listing %s in namespace %s", k.plural, c.namespace)
}

func pod(p *corev1.Pod) Pod {
	out := Pod{
		Namespace: p.Namespace, Name: p.Name, UID: string(p.UID), Deployment: p.Labels[Label],
		Node: p.Spec.NodeName, IP: p.Status.PodIP,
		Phase: string(p.Status.Phase), Reason: p.Status.Reason, Message: p.Status.Message,
		Terminating: p.DeletionTimestamp != nil, CreatedAt: p.CreationTimestamp.UTC(),
	}
	for _, cond := range p.Status.Conditions {
		if cond.Type == corev1.PodReady {
			out.Ready = cond.Status == corev1.ConditionTrue
		}
	}
	add := func(specs []corev1.Container, states []corev1.ContainerStatus, first bool) {
		for _, s := range specs {
			one := Container{Name: s.Name, Image: s.Image, Init: first}
			if i := slices.IndexFunc(states, func(st corev1.ContainerStatus) bool { return st.Name == s.Name }); i >= 0 {
				one.status(&states[i])
			}
			out.Containers = append(out.Containers, one)
		}
	}
	add(p.Spec.InitContainers, p.Status.InitContainerStatuses, true)
	add(p.Spec.Containers, p.Status.ContainerStatuses, false)
	return out
}

func (c *Container) status(s *corev1.ContainerStatus) {
	c.Ready, c.Restarts = s.Ready, int(s.RestartCount)
	switch st := s.State; {
	case st.Waiting != nil:
		c.State, c.Reason, c.Message = "waiting", st.Waiting.Reason, st.Waiting.Message
	case st.Running != nil:
		c.State, c.StartedAt = "running", st.Running.StartedAt.UTC()
	case st.Terminated != nil:
		c.State, c.Reason, c.Message = "terminated", st.Terminated.Reason, st.Terminated.Message
		c.ExitCode, c.StartedAt = int(st.Terminated.ExitCode), st.Terminated.StartedAt.UTC()
	}
	if t := s.LastTerminationState.Terminated; t != nil {
		c.Last = &Ended{Reason: t.Reason, Message: t.Message, ExitCode: int(t.ExitCode), Signal: int(t.Signal), At: t.FinishedAt.UTC()}
	}
}
