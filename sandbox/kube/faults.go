package kube

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Kinds of trouble that pods can be in.
const (
	// ImagePull: the image cannot be pulled; ErrImagePull and ImagePullBackOff
	// take turns.
	ImagePull = "image-pull"
	// CrashLoop: containers run for a moment, end and are started again, with
	// CrashLoopBackOff between.
	CrashLoop = "crash-loop"
	// NeverReady: containers run, their readiness probe fails.
	NeverReady = "never-ready"
	// Slow: pods are Pending for Delay before they run.
	Slow = "slow"
)

// Fault lets pods fail that match all of its conditions; without conditions it
// is all pods. It is for pods that start while it is there.
type Fault struct {
	Kind      string
	Namespace string
	Image     string            // regular expression on the image of any container
	Labels    map[string]string // of the pod
	// Message is the container runtime's or the probe's word, with %q for the
	// image in that of ImagePull; the default is a real one's.
	Message  string
	ExitCode int           // of CrashLoop; default 1. 137 has the reason OOMKilled
	Delay    time.Duration // of Slow; of CrashLoop: how long it backs off, default 2 s
}

// Words of containerd 2.1 and of the kubelet; see
// https://kubernetes.io/docs/concepts/containers/images/#imagepullbackoff and
// k8s.io/kubernetes/pkg/kubelet/prober.
const (
	notFound    = `rpc error: code = NotFound desc = failed to pull and unpack image %[1]q: failed to resolve reference %[1]q: %[1]q: not found`
	probeFailed = `Readiness probe failed: HTTP probe failed with statuscode: 503`
)

// SetFault lets pods fail under a name; a fault of that name is replaced.
func (c *Cluster) SetFault(ctx context.Context, name string, f Fault) error {
	stages, err := f.stages(name)
	if err != nil {
		return err
	}
	if err := c.ClearFault(ctx, name); err != nil {
		return err
	}
	if err := c.applyStages(ctx, stages); err != nil {
		return err
	}
	return c.settle(ctx)
}

// ClearFault ends a fault. Pods that have it keep it until they are made anew;
// those of CrashLoop and ImagePull start at the next try.
func (c *Cluster) ClearFault(ctx context.Context, name string) error {
	list := "/apis/" + kwokGroup + "/v1alpha1/stages?labelSelector=" + faultLabel + "%3D" + name
	if err := c.Do(ctx, "DELETE", list, nil, nil); err != nil {
		return fmt.Errorf("fault %s: %w", name, err)
	}
	return c.settle(ctx)
}

// settle gives kwok the time to hear of changed stages: it watches them and
// says nothing of having taken them.
func (c *Cluster) settle(ctx context.Context) error {
	select {
	case <-time.After(300 * time.Millisecond):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// faultLabel marks the stages of a fault with its name.
const faultLabel = "skysail.dev/fault"

// State of a container, as jq.
const (
	waitingReason = ".status.containerStatuses[].state.waiting.reason"
	runningSince  = ".status.containerStatuses[].state.running.startedAt"
)

func (f Fault) stages(name string) ([]stage, error) {
	where := []match{alive}
	if f.Namespace != "" {
		where = append(where, match{key: ".metadata.namespace", values: []string{f.Namespace}})
	}
	if f.Image != "" {
		where = append(where, match{key: ".spec.containers[].image | test(" + strconv.Quote(f.Image) + ")", values: []string{"true"}})
	}
	for k, v := range f.Labels {
		where = append(where, match{key: ".metadata.labels[" + strconv.Quote(k) + "]", values: []string{v}})
	}
	var out []stage
	add := func(suffix string, delay time.Duration, steps []any, more ...match) {
		out = append(out, stage{
			name: "fault-" + name + "-" + suffix, kind: "Pod", weight: 1, delay: delay, steps: steps, fault: name,
			match: append(append([]match{}, where...), more...),
		})
	}
	pending := match{key: ".status.phase", values: []string{"Pending"}}
	waitsFor := func(reason string) match { return match{key: waitingReason, values: []string{reason}} }
	switch f.Kind {
	case ImagePull:
		message := strconv.Quote(or(f.Message, notFound))
		failing := func(reason, message string) any {
			return patchStatus(template("waiting", "$REASON", reason, "$MESSAGE", message))
		}
		pull := []any{
			event("pulling", "Normal", "Pulling", `(printf "Pulling image %q" $c.image)`),
			event("failed", "Warning", "Failed", `(printf "Failed to pull image %q: %s" $c.image (printf `+message+` $c.image))`),
			event("errimagepull", "Warning", "Failed", `"Error: ErrImagePull"`),
			failing("ErrImagePull", message),
		}
		add("pull", 0, pull, pending, match{key: waitingReason, not: true})
		add("back-off", 500*time.Millisecond, []any{
			event("backoff", "Normal", "BackOff", `(printf "Back-off pulling image %q" $c.image)`),
			event("imagepullbackoff", "Warning", "Failed", `"Error: ImagePullBackOff"`),
			failing("ImagePullBackOff", `"Back-off pulling image %q: ErrImagePull: `+strings.Trim(strings.ReplaceAll(message, "%q", "%[1]q"), `"`)+`"`),
		}, waitsFor("ErrImagePull"))
		add("again", 5*time.Second, pull, waitsFor("ImagePullBackOff"))
	case CrashLoop:
		exit := or(f.ExitCode, 1)
		reason := map[bool]string{true: "OOMKilled", false: "Error"}[exit == 137]
		running := patchStatus(template("running", "$READY", "False", "$WHY", notReady, "$CONTAINER", "false"))
		add("run", 0, []any{running}, pending)
		add("crash", 500*time.Millisecond, []any{
			event("backoff", "Warning", "BackOff", `(printf "Back-off restarting failed container %s in pod %s_%s(%s)" $c.name .metadata.name .metadata.namespace .metadata.uid)`),
			patchStatus(template("crashed", "$EXIT", strconv.Itoa(exit), "$REASON", reason)),
		}, match{key: runningSince})
		add("again", or(f.Delay, 2*time.Second), []any{running}, waitsFor("CrashLoopBackOff"))
	case NeverReady:
		add("run", 0, []any{
			event("unhealthy", "Warning", "Unhealthy", strconv.Quote(or(f.Message, probeFailed))),
			patchStatus(template("running", "$READY", "False", "$WHY", notReady, "$CONTAINER", "false")),
		}, pending)
	case Slow:
		add("run", f.Delay, []any{patchStatus(template("running", "$READY", "True", "$WHY", "", "$CONTAINER", "true"))}, pending)
	default:
		return nil, fmt.Errorf("%q is no kind of fault of pods; there are %s, %s, %s, %s", f.Kind, ImagePull, CrashLoop, NeverReady, Slow)
	}
	return out, nil
}

// notReady follows a condition that is false.
const notReady = `, reason: ContainersNotReady, message: "containers with unready status: [{{ range .spec.containers }}{{ .name }} {{ end }}]"`

// event is the step that makes an event of a pod; message is an expression of
// kwok's templates.
func event(id, kind, reason, message string) any {
	return object{"apply": object{"type": "apply", "template": template("event", "$ID", id, "$TYPE", kind, "$REASON", reason, "$MESSAGE", message)}}
}
