package kubernetes

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"skysail/clouds"
	"skysail/clouds/faults"
)

// Event is something that the cluster noted about one of a deployment's
// objects. A cluster keeps events for an hour, unless it was told otherwise.
type Event struct {
	Namespace  string
	Deployment string // the ID that the object's name holds
	Kind, Name string // of the object that it is about: Pod, ReplicaSet, …
	UID        string // of that object
	Warning    bool   // else it is of the type Normal
	Reason     string // such as FailedScheduling
	Message    string // without secrets that it echoes
	Count      int    // how often it was seen
	First      time.Time
	Last       time.Time
}

// Events lists what the cluster noted about a deployment's objects, or those
// of all deployments for clouds.Any, the oldest first and nothing that was last
// seen before since. Events carry no labels, so an object is known by its
// name. It looks at the Cloud's namespace, and may be retried.
func (c *Cloud) Events(ctx context.Context, id string, since time.Time) ([]Event, error) {
	if id != clouds.Any {
		if err := clouds.CheckID(id); err != nil {
			return nil, err
		}
	}
	api, err := c.connect()
	if err != nil {
		return nil, err
	}
	defer api.close()
	return c.events(ctx, api, id, since)
}

func (c *Cloud) events(ctx context.Context, api *api, id string, since time.Time) ([]Event, error) {
	raw, err := all[corev1.Event](ctx, api, call{path: eventKind.path(c.namespace, "")})
	if err != nil {
		return nil, api.explain(err, "listing events in namespace %s", c.namespace)
	}
	var out []Event
	for i := range raw {
		if e := event(&raw[i]); clouds.Named(e.Name, id) && !e.Last.Before(since) {
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b Event) int { return cmp.Or(a.Last.Compare(b.Last), a.First.Compare(b.First)) })
	return out, nil
}

// event reads both forms: that of core/v1 with a count, and that of
// events.k8s.io/v1 with a series, which the scheduler writes.
func event(e *corev1.Event) Event {
	out := Event{
		Namespace: e.InvolvedObject.Namespace, Kind: e.InvolvedObject.Kind, Name: e.InvolvedObject.Name, UID: string(e.InvolvedObject.UID),
		Deployment: clouds.DeploymentOf(nil, e.InvolvedObject.Name),
		Warning:    e.Type == corev1.EventTypeWarning, Reason: e.Reason, Message: faults.Clean(strings.TrimSpace(e.Message)),
		Count: max(int(e.Count), 1), First: e.FirstTimestamp.UTC(), Last: e.LastTimestamp.UTC(),
	}
	if out.First.IsZero() {
		out.First = e.EventTime.UTC()
	}
	if e.Series != nil {
		out.Count, out.Last = max(int(e.Series.Count), 1), e.Series.LastObservedTime.UTC()
	}
	for _, t := range []time.Time{out.First, e.CreationTimestamp.UTC()} {
		if out.Last.IsZero() {
			out.Last = t
		}
	}
	if out.First.IsZero() {
		out.First = out.Last
	}
	return out
}
