package generator

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"skysail/internal/lazyregexp"
	"skysail/spec"
)

var (
	contextName   = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,252}$`)
	namespaceName = lazyregexp.New(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	objectName    = lazyregexp.New(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
)

// clusterVariables adds what modules/kubernetes/cluster_variables.tf declares.
func clusterVariables(public map[string]any, in *Input) {
	need, ref := in.Service.Resources, in.Kubernetes.Ref
	resources := map[string]any{"cpu": need.CPU, "memory_gb": need.MemoryGB, "storage_gb": need.StorageGB}
	if g := need.GPU; g != nil {
		gpu := map[string]any{"count": g.Count}
		if g.Model != "" {
			gpu["model"] = g.Model
		}
		if g.MemoryGB > 0 {
			gpu["memory_gb"] = g.MemoryGB
		}
		resources["gpu"] = gpu
	}
	public["resources"] = resources
	public["create_namespace"] = ref.CreateNamespace
	public["read_only_root"] = ref.ReadOnlyRoot
	// What is not set is left to the variable's default.
	if probe := kubeletProbe(&in.Service); probe != nil {
		public["probe"] = probe
	}
	if in.Service.Ranged() {
		public["max_instances"] = in.Service.MaxInstances
	}
	if len(in.Service.Secrets) > 0 {
		public["secret_name"] = in.secretName()
	}
	if ref.ImagePullSecret != "" {
		public["image_pull_secret"] = ref.ImagePullSecret
	}
	if len(ref.IngressFrom) > 0 {
		public["ingress_from"] = ref.IngressFrom
	}
	if ref.ServiceType != "" {
		public["service_type"] = ref.ServiceType
	}
	if ref.RunAsUser > 0 {
		public["run_as_user"] = ref.RunAsUser
	}
	if m := ref.Monitor; m != nil {
		labels := m.Labels
		if labels == nil {
			labels = map[string]string{}
		}
		public["monitor"] = map[string]any{"kind": m.Kind, "port": m.Port, "path": m.Path, "labels": labels}
	}
	if in.Kubernetes.ReadyTimeout > 0 {
		public["ready_seconds"] = max(int64(1), int64(in.Kubernetes.ReadyTimeout.Seconds()))
	}
}

// kubeletProbe is the check that a kubelet makes, nil where it is a plain GET or
// there is none. What a kubelet can not ask or judge (another method, a body, a
// status outside 200 to 399, a client certificate, gRPC over TLS) becomes the
// question whether the port takes connections: a probe that is too strict would
// restart what is healthy. skysail's own checks ask in full.
func kubeletProbe(s *spec.Service) map[string]any {
	if s.Health == nil {
		return nil
	}
	port, _ := s.Port(s.Health.Port())
	tcp := map[string]any{"type": "tcp", "port": port.Number}
	switch h := s.Health; {
	case h.HTTP != nil:
		return kubeletGet(h.HTTP, port.Number, tcp)
	case h.GRPC != nil && h.GRPC.TLS == nil:
		return map[string]any{"type": "grpc", "port": port.Number, "service": h.GRPC.Service}
	case h.GRPC != nil, h.TCP != nil:
		return tcp
	}
	return nil
}

func kubeletGet(h *spec.HTTPHealth, port int, tcp map[string]any) map[string]any {
	passes := func(status string) bool { return strings.HasPrefix(status, "2") || strings.HasPrefix(status, "3") }
	switch {
	case h.Method != "" && h.Method != "GET", h.HTTPVersion == "2", len(h.SecretHeaders) > 0,
		h.TLS != nil && h.TLS.CertFile != "",
		len(h.Status) > 0 && !slices.ContainsFunc(h.Status, passes):
		return tcp
	}
	headers := maps.Clone(h.Headers)
	if h.Host != "" {
		if headers == nil {
			headers = map[string]string{}
		}
		headers["Host"] = h.Host
	}
	if h.Scheme != "https" && len(headers) == 0 {
		return nil
	}
	get := map[string]any{"type": cmp.Or(h.Scheme, "http"), "port": port, "path": h.Path}
	if len(headers) > 0 {
		get["headers"] = headers
	}
	return get
}

func (in *Input) secretName() string {
	if in.Kubernetes.SecretName != "" {
		return in.Kubernetes.SecretName
	}
	return "skysail-" + in.DeploymentID
}

// clusterProblems are what a cluster would refuse, or do another way than was
// asked for.
func clusterProblems(in *Input) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if !contextName.MatchString(in.Region) {
		add("region %q is not a kubeconfig context's name", in.Region)
	}
	if !namespaceName.MatchString(in.Size) {
		add("size %q is not a namespace's name", in.Size)
	}
	if in.Service.Source.Native != nil {
		add("a cluster runs container images, and source.native is an archive: build an image of it, or take another provider")
	}
	if n := in.secretName(); len(in.Service.Secrets) > 0 && !objectName.MatchString(n) {
		add("%q is not a Secret's name", n)
	}
	return out
}
