// Package qos watches what was deployed. A Collector reads every source that a
// target has side by side; Logs gives a target's log lines; Run and WaitReady
// reach an instance over SSH.
//
// What could not be read is unknown and never taken for down: a source that
// fails yields no sample but its own skysail_source_up 0, and a Report with
// the reason.
package qos

import (
	"context"
	"maps"
	"net"
	"strconv"
	"time"

	dto "github.com/prometheus/client_model/go"

	"skysail/policies"
	"skysail/qos/metric"
	"skysail/qos/sshclient"
	"skysail/spec"
	"skysail/store"
)

// Target is one instance to watch.
type Target struct {
	Deployment, DeploymentID, Service, Instance, Provider, Region string
	// Sandbox marks an instance of a simulated cloud.
	Sandbox bool
	// SSH is nil for what runs on this machine or in a cluster.
	SSH *SSHTarget
	// HealthURL is asked by HTTP; empty when the service has no health check,
	// or none that can be asked from outside.
	HealthURL string
	// Health says how to ask, at HealthURL's host and port or, where there is
	// none, at HealthPort of Address. Without it HealthURL is to answer with 2xx.
	Health     *spec.Health
	Address    string
	HealthPort HealthPort
	// Metrics says where the service tells its own metrics, at MetricsPort of
	// Address; nil for one that does not.
	Metrics     *spec.Metrics
	MetricsPort HealthPort
	// Logs is `journald:UNIT` or `file:PATH`; empty when there are none.
	Logs string
	// LogRules are the service's log files, rules and retention; nil for none.
	LogRules *spec.Logs
	// Unit is the systemd unit whose state is asked over SSH.
	Unit string
	// State tells of a service that no systemd looks after.
	State func(ctx context.Context) (up bool, restarts int, err error)
	// Cloud says how its provider measures it; nil for one that does not.
	Cloud *CloudTarget
	// Kube is set for a pod.
	Kube *KubeTarget
	// Dial reaches the instance; nil is net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// HealthPort is the port of a health check, or of metrics.
type HealthPort struct {
	Number int
	// Public says that it can be reached from outside.
	Public bool
}

// SSHTarget says how to log in to an instance.
type SSHTarget struct {
	Addr string // ip:port
	User string
	// HostKey is the pinned host key in the format of authorized_keys.
	HostKey string
	// NextHostKey is accepted as well when it is not empty: the host key is
	// being replaced by it.
	NextHostKey string
	// KeyFile is the path of the private key; it is read at each login.
	KeyFile string
	// Via is the way there.
	Via sshclient.Route
}

// local reports whether the target runs on this machine.
func (t Target) local() bool { return t.SSH == nil && t.Provider == policies.Local }

func (t Target) ssh() sshclient.Target {
	return sshclient.Target{
		Addr: t.SSH.Addr, User: t.SSH.User, HostKey: t.SSH.HostKey, NextHostKey: t.SSH.NextHostKey, KeyFile: t.SSH.KeyFile,
		Via: t.SSH.Via, Dial: t.Dial,
	}
}

// Sample is one value of one metric of one instance, in the form in which the
// store keeps it. ObservedAt is when the value was true, by this machine's
// clock; CollectedAt is when it was taken in, the same for all samples of one
// reading.
type Sample = store.Sample

// Labels are the labels of a sample of this target as Prometheus is told them.
func (t *Target) Labels(s Sample) map[string]string {
	labels := map[string]string{
		"deployment": s.Deployment, "instance": s.Instance,
		"provider": t.Provider, "region": t.Region, "sandbox": strconv.FormatBool(t.Sandbox),
	}
	own := maps.Clone(labels)
	for k, v := range s.Labels {
		labels[Exported(own, s.Labels, k)] = v
	}
	return labels
}

// Exported is the name under which a label of a sample is told beside the
// labels of its target: its own, or, as Prometheus does, with exported_ before
// it where that is taken.
func Exported(target, sample map[string]string, name string) string {
	if _, taken := target[name]; !taken {
		return name
	}
	for taken := true; taken; _, taken = sample[name] {
		name = "exported_" + name
	}
	return name
}

// Reading is what a source told of a target.
type Reading struct {
	Metrics []metric.Metric
	// Families are those of Metrics that the service itself told, whole: with
	// their types and help.
	Families   []*dto.MetricFamily
	ObservedAt time.Time
	// Nothing marks a source that answered and has nothing to tell yet. What
	// was not observed has no time.
	Nothing bool
	// Kept is set in a reading that an earlier collection took in already,
	// for sources that are not to be asked each time: CollectedAt and Took
	// are those of that time.
	Kept        bool
	CollectedAt time.Time
	Took        time.Duration
	// Notes say what a person should know: why a probe failed, what this
	// machine does not tell.
	Notes []string
}

// Source reads one kind of measurement.
type Source interface {
	// Name is the value of the label source.
	Name() string
	// Applies reports whether the target has this source.
	Applies(t Target) bool
	// Read asks the target. It honours ctx, which has a deadline.
	Read(ctx context.Context, t Target) (Reading, error)
}
