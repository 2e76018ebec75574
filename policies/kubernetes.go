package policies

import (
	"fmt"
	"net/netip"
	"slices"

	"skysail/internal/hclfile"
	"skysail/internal/lazyregexp"
)

// KubernetesRef names clusters and a namespace in them, and says how services
// run there.
type KubernetesRef struct {
	// Context is a kubeconfig context, Contexts several in the order in which
	// they are tried; Contexts counts where it is not empty.
	Context   string   `json:"context"`
	Contexts  []string `json:"contexts,omitempty"`
	Namespace string   `json:"namespace"`
	// CreateNamespace makes the namespace where it is missing.
	CreateNamespace bool `json:"create_namespace,omitempty"`
	// ImagePullSecret names a Secret in the namespace with which images are
	// pulled.
	ImagePullSecret string `json:"image_pull_secret,omitempty"`
	// ServiceType says how public ports are reached from outside of the
	// cluster: empty and ClusterIP not at all, else NodePort or LoadBalancer.
	ServiceType string `json:"service_type,omitempty"`
	// IngressFrom are the CIDR blocks that may reach public ports; empty is
	// the whole world.
	IngressFrom []string `json:"ingress_from,omitempty"`
	// RunAsUser is the number of the user that containers run as; 0 is the
	// image's own.
	RunAsUser int `json:"run_as_user,omitempty"`
	// ReadOnlyRoot lets containers write to /tmp and their disk only.
	ReadOnlyRoot bool     `json:"read_only_root,omitempty"`
	Monitor      *Monitor `json:"monitor,omitempty"`
}

// Monitor asks for an object of the Prometheus Operator for each service that
// has a port of that name.
type Monitor struct {
	Kind   string            `json:"kind"` // PodMonitor or ServiceMonitor
	Port   string            `json:"port"`
	Path   string            `json:"path"`
	Labels map[string]string `json:"labels,omitempty"`
}

// Names are the kubeconfig contexts in the order in which they are tried.
func (k KubernetesRef) Names() []string {
	if len(k.Contexts) > 0 {
		return k.Contexts
	}
	return []string{k.Context}
}

// What ServiceType and Monitor.Kind can be.
var (
	serviceTypes = []string{"ClusterIP", "NodePort", "LoadBalancer"}
	monitorKinds = []string{"PodMonitor", "ServiceMonitor"}
)

var (
	// objectName is a DNS subdomain, as Secrets have (RFC 1123).
	objectName  = lazyregexp.New(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
	portName    = lazyregexp.New(`^[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$`)
	metricsPath = lazyregexp.New(`^/[!-~]*$`)
	labelKey    = lazyregexp.New(`^([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)
	labelValue  = lazyregexp.New(`^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$`)
)

const maxUser = 1<<31 - 1

var (
	monitorSchema    = &hclfile.Schema{What: "a monitor block", Attributes: []string{"kind", "port", "path", "labels"}}
	kubernetesSchema = &hclfile.Schema{
		What: "a kubernetes block",
		Attributes: []string{
			"context", "contexts", "namespace", "create_namespace", "above_instances", "image_pull_secret", "service_type",
			"ingress_from", "run_as_user", "read_only_root",
		},
		Blocks: []hclfile.Block{{Type: "monitor", Schema: monitorSchema}},
	}
)

func decodeKubernetes(b, thresholds *hclfile.Body, p *Policy) {
	if b == nil {
		return
	}
	k := &p.Kubernetes
	b.String("context", &k.Context)
	b.Strings("contexts", &k.Contexts)
	notEmpty(b, "contexts", len(k.Contexts), "leave contexts out for context alone")
	switch {
	case b.Has("context") && b.Has("contexts"):
		b.Report(hclfile.Mistake{
			Path: "contexts", Summary: "Both context and contexts",
			Detail: "The clusters are in contexts, in the order in which they are tried.", Hint: "leave context out",
		})
	case len(k.Contexts) > 0:
		k.Context = k.Contexts[0]
	}
	b.String("namespace", &k.Namespace)
	b.Bool("create_namespace", &k.CreateNamespace)
	b.Int("above_instances", &p.Thresholds.Instances)
	if b.Has("above_instances") && thresholds != nil && thresholds.Has("instances") {
		b.Report(hclfile.Mistake{
			Path: "above_instances", Summary: "Both above_instances and thresholds.instances",
			Detail: "They are the same number: a service with more instances goes to Kubernetes.", Hint: "keep one of the two",
		})
	}
	b.String("image_pull_secret", &k.ImagePullSecret)
	b.String("service_type", &k.ServiceType)
	b.Strings("ingress_from", &k.IngressFrom)
	notEmpty(b, "ingress_from", len(k.IngressFrom), "leave ingress_from out for the whole world")
	b.Int("run_as_user", &k.RunAsUser)
	if b.Has("run_as_user") && k.RunAsUser == 0 {
		b.Report(userMistake("run_as_user", 0))
	}
	b.Bool("read_only_root", &k.ReadOnlyRoot)
	if m := b.Child("monitor"); m != nil {
		k.Monitor = &Monitor{Kind: "PodMonitor", Port: "metrics", Path: "/metrics"}
		m.String("kind", &k.Monitor.Kind)
		m.String("port", &k.Monitor.Port)
		m.String("path", &k.Monitor.Path)
		m.Map("labels", &k.Monitor.Labels)
	}
}

func (k KubernetesRef) mistakes() []hclfile.Mistake {
	var out []hclfile.Mistake
	if len(k.Contexts) == 0 {
		out = contextMistakes("kubernetes.context", k.Context)
	}
	for i, name := range k.Contexts {
		at := fmt.Sprintf("kubernetes.contexts[%d]", i)
		out = append(out, contextMistakes(at, name)...)
		if slices.Contains(k.Contexts[:i], name) {
			out = append(out, duplicate(at, name))
		}
	}
	if !dnsLabel.MatchString(k.Namespace) || len(k.Namespace) > 63 {
		out = append(out, hclfile.Mistake{
			Path:    "kubernetes.namespace",
			Summary: "Invalid namespace",
			Detail:  "{value} is no name of a Kubernetes namespace: that has lower-case letters, digits and dashes inside, at most 63 (RFC 1123).",
			Value:   k.Namespace,
			Hint:    `for example "blueprints"`,
		})
	}
	if k.ImagePullSecret != "" && !objectName.MatchString(k.ImagePullSecret) {
		out = append(out, hclfile.Mistake{
			Path: "kubernetes.image_pull_secret", Summary: "Invalid name of a Secret", Value: k.ImagePullSecret,
			Detail: "{value} is no name of a Secret: that has lower-case letters, digits, dashes and dots inside, at most 253 (RFC 1123).",
			Hint:   "`kubectl create secret docker-registry NAME` makes one; its content does not belong here",
		})
	}
	if k.ServiceType != "" && !slices.Contains(serviceTypes, k.ServiceType) {
		out = append(out, hclfile.Mistake{
			Path: "kubernetes.service_type", Summary: "Unknown type of Service", Value: k.ServiceType,
			Detail: "{value} is no way to reach public ports.", Hint: hclfile.DidYouMean(k.ServiceType, serviceTypes),
		})
	}
	out = append(out, k.ingressMistakes()...)
	if k.RunAsUser < 0 || k.RunAsUser > maxUser {
		out = append(out, userMistake("kubernetes.run_as_user", k.RunAsUser))
	}
	return append(out, k.Monitor.mistakes()...)
}

func userMistake(at string, user int) hclfile.Mistake {
	return hclfile.Mistake{
		Path: at, Summary: "Invalid user", Value: user,
		Detail: fmt.Sprintf("A container runs as a user from 1 to %d, not {value}: root is refused.", maxUser),
		Hint:   "leave it out for the image's own user",
	}
}

func (k KubernetesRef) ingressMistakes() []hclfile.Mistake {
	var out []hclfile.Mistake
	for i, cidr := range k.IngressFrom {
		at := fmt.Sprintf("kubernetes.ingress_from[%d]", i)
		p, err := netip.ParsePrefix(cidr)
		m, _ := cidrMistake(cidr)
		switch {
		case err != nil || p.Addr().Is4In6():
		case p != p.Masked():
			m = hostBits(cidr, p)
		case slices.Contains(k.IngressFrom[:i], cidr):
			m = duplicate(at, cidr)
		default: // here the world may come in
			continue
		}
		m.Path = at
		out = append(out, m)
	}
	return out
}

func (m *Monitor) mistakes() []hclfile.Mistake {
	if m == nil {
		return nil
	}
	var out []hclfile.Mistake
	wrong := func(field, summary, detail string, value any, hint string) {
		out = append(out, hclfile.Mistake{Path: "kubernetes.monitor." + field, Summary: summary, Detail: detail, Value: value, Hint: hint})
	}
	if !slices.Contains(monitorKinds, m.Kind) {
		wrong("kind", "Unknown kind of monitor", "{value} is no kind that the Prometheus Operator scrapes by.", m.Kind, hclfile.DidYouMean(m.Kind, monitorKinds))
	}
	if !portName.MatchString(m.Port) {
		wrong("port", "Invalid port name", "{value} is no port name of a service.", m.Port, `for example "metrics"`)
	}
	if !metricsPath.MatchString(m.Path) {
		wrong("path", "Invalid path", "{value} is no path of a URL: it begins with /.", m.Path, `for example "/metrics"`)
	}
	for _, key := range hclfile.Keys(m.Labels) {
		if at := fmt.Sprintf("labels[%s]", key); !labelKey.MatchString(key) {
			wrong(at+"#name", "Invalid label", "{value} is no name of a Kubernetes label.", key, "")
		} else if !labelValue.MatchString(m.Labels[key]) {
			wrong(at, "Invalid label", "{value} is no value of a Kubernetes label: it has letters, digits and . _ -, at most 63.", m.Labels[key], "")
		}
	}
	return out
}
