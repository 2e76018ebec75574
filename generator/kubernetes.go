package generator

import (
	"fmt"
	"regexp"
)

var (
	contextName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,252}$`)
	namespaceName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	objectName    = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
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
