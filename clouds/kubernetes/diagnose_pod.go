package kubernetes

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// pod notes why a pod is not ready.
func (d *Diagnosis) pod(p *corev1.Pod, events []Event) {
	view := pod(p)
	if view.Ready {
		return
	}
	f := Finding{Kind: KindPod, Namespace: p.Namespace, Name: p.Name, Pods: 1, Since: view.CreatedAt}
	uid := string(p.UID)
	if p.Spec.NodeName == "" {
		d.unscheduled(p, f, events)
		return
	}
	if p.Status.Phase == corev1.PodFailed {
		f.Reason = cmp.Or(p.Status.Reason, "Failed")
		f.Text = fmt.Sprintf("pod %s: %s: %s", p.Name, f.Reason, cmp.Or(p.Status.Message, "its containers ended"))
		d.add(f)
		return
	}
	before := len(d.Findings)
	held := 0
	for _, c := range view.Containers {
		if g, ok := container(f, c, events, uid); ok {
			d.add(g)
			held++
		}
	}
	if held > 0 || len(d.Findings) > before {
		return
	}
	// The states say nothing yet: what keeps the kubelet is in events.
	if e, ok := last(events, uid, "FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "FailedBinding", "Unhealthy", "NodeNotReady"); ok {
		f.Reason, f.Since = e.Reason, e.First
		f.Text = fmt.Sprintf("pod %s: %s: %s", p.Name, e.Reason, e.Message)
		d.add(f)
		return
	}
	for _, cond := range p.Status.Conditions {
		if cond.Type == corev1.PodReady && cond.Status != corev1.ConditionTrue {
			f.Reason = cmp.Or(cond.Reason, "NotReady")
			f.Text = fmt.Sprintf("pod %s on node %s is not ready: %s: %s", p.Name, p.Spec.NodeName, f.Reason, cond.Message)
			d.add(f)
			return
		}
	}
}

// unscheduled notes why no node takes a pod.
func (d *Diagnosis) unscheduled(p *corev1.Pod, f Finding, events []Event) {
	f.Reason = "Unscheduled"
	text := "no scheduler has looked at it"
	for _, cond := range p.Status.Conditions {
		if cond.Type == corev1.PodScheduled && cond.Status != corev1.ConditionTrue && cond.Message != "" {
			f.Reason, text, f.Since = "FailedScheduling", cond.Message, cond.LastTransitionTime.UTC()
		}
	}
	if e, ok := last(events, string(p.UID), "FailedScheduling"); ok && f.Reason == "Unscheduled" {
		f.Reason, text, f.Since = e.Reason, e.Message, e.First
	}
	// Of the cluster autoscaler: kubernetes/autoscaler cluster-autoscaler/FAQ.md.
	_, f.ScaleUp = last(events, string(p.UID), "TriggeredScaleUp")
	f.Text = fmt.Sprintf("pod %s: %s: %s", p.Name, f.Reason, text)
	d.add(f)
}

// crashLoop is the kubelet's name for a container that ends again and again.
const crashLoop = "CrashLoopBackOff"

// container notes why a container does not run. CrashLoopBackOff is only the
// kubelet's pause: how the run before it ended says more.
func container(f Finding, c Container, events []Event, uid string) (Finding, bool) {
	f.Container = c.Name
	head := fmt.Sprintf("pod %s, container %s", f.Name, c.Name)
	switch {
	case c.State == "waiting" && (c.Reason == "ContainerCreating" || c.Reason == "PodInitializing" || c.Reason == ""):
		return f, false
	case c.State == "waiting":
		f.Reason = c.Reason
		f.Text = fmt.Sprintf("%s: %s: %s", head, c.Reason, c.Message)
		if c.Last != nil {
			f.Text += "; it " + c.Last.text()
		}
		if e, ok := last(events, uid, "Failed"); ok && strings.Contains(c.Reason, "Image") && !strings.Contains(f.Text, "rpc error") {
			f.Text += "; " + e.Message
		}
		return f, true
	case c.State == "terminated" && !c.Init, c.State == "terminated" && c.ExitCode != 0:
		f.Reason = cmp.Or(c.Reason, "Error")
		end := Ended{Reason: c.Reason, ExitCode: c.ExitCode}
		f.Text = fmt.Sprintf("%s: %s: it %s", head, f.Reason, end.text())
		if c.Message != "" {
			f.Text += ": " + c.Message
		}
		return f, true
	case c.State == "running" && !c.Init && !c.Ready:
		e, ok := last(events, uid, "Unhealthy")
		switch {
		case ok:
			f.Reason, f.Since = e.Reason, e.First
			f.Text = fmt.Sprintf("%s: %s: %s", head, e.Reason, e.Message)
		case c.Last != nil && c.Restarts > 1: // between two of the kubelet's pauses
			f.Reason = crashLoop
			f.Text = fmt.Sprintf("%s: %s: restart %d, it runs again after it %s", head, crashLoop, c.Restarts, c.Last.text())
		case c.Last != nil:
			f.Reason = c.Last.Reason
			f.Text = fmt.Sprintf("%s: runs again after it %s", head, c.Last.text())
		default:
			return f, false
		}
		return f, true
	}
	return f, false
}

func (e *Ended) text() string {
	out := fmt.Sprintf("ended with exit code %d", e.ExitCode)
	if e.Signal != 0 {
		out = fmt.Sprintf("was ended by signal %d", e.Signal)
	}
	if e.Reason != "" && e.Reason != "Error" {
		out += " (" + e.Reason + ")"
	}
	if !e.At.IsZero() {
		out += " at " + e.At.Format(time.RFC3339)
	}
	return out
}
