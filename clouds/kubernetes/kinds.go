package kubernetes

// The kinds of things that Find returns and Delete takes.
const (
	KindAutoscaler     = "horizontal_pod_autoscaler"
	KindServiceMonitor = "service_monitor"
	KindPodMonitor     = "pod_monitor"
	KindDeployment     = "deployment"
	KindReplicaSet     = "replica_set"
	KindPod            = "pod"
	KindBudget         = "pod_disruption_budget"
	KindService        = "service"
	KindNetworkPolicy  = "network_policy"
	KindVolumeClaim    = "persistent_volume_claim"
	KindConfigMap      = "config_map"
	KindServiceAccount = "service_account"
	KindSecret         = "secret"
	// KindRelease is one revision of a Helm release: a Secret of the type
	// helm.sh/release.v1.
	KindRelease   = "helm_release"
	KindNamespace = "namespace"
)

// kind is one resource of the API.
type kind struct {
	name                   string
	group, version, plural string
	cluster                bool // it is in no namespace
	// optional is what a cluster can be without, or a user without rights to:
	// then none of it was made.
	optional bool
	// foreground lets what it owns be gone first.
	foreground bool
}

var (
	podKind        = kind{name: KindPod, version: "v1", plural: "pods"}
	secretKind     = kind{name: KindSecret, version: "v1", plural: "secrets"}
	releaseKind    = kind{name: KindRelease, version: "v1", plural: "secrets"}
	namespaceKind  = kind{name: KindNamespace, version: "v1", plural: "namespaces", cluster: true}
	eventKind      = kind{name: "event", version: "v1", plural: "events"}
	deploymentKind = kind{name: KindDeployment, group: "apps", version: "v1", plural: "deployments", foreground: true}
	replicaSetKind = kind{name: KindReplicaSet, group: "apps", version: "v1", plural: "replicasets", foreground: true}
)

// kinds are in the order in which things must be deleted: first what makes
// others or brings them back, last what says that there was a release.
var kinds = []kind{
	{name: KindAutoscaler, group: "autoscaling", version: "v2", plural: "horizontalpodautoscalers"},
	{name: KindServiceMonitor, group: "monitoring.coreos.com", version: "v1", plural: "servicemonitors", optional: true},
	{name: KindPodMonitor, group: "monitoring.coreos.com", version: "v1", plural: "podmonitors", optional: true},
	deploymentKind,
	replicaSetKind,
	podKind,
	{name: KindBudget, group: "policy", version: "v1", plural: "poddisruptionbudgets"},
	{name: KindService, version: "v1", plural: "services"},
	{name: KindNetworkPolicy, group: "networking.k8s.io", version: "v1", plural: "networkpolicies"},
	{name: KindVolumeClaim, version: "v1", plural: "persistentvolumeclaims", optional: true},
	{name: KindConfigMap, version: "v1", plural: "configmaps", optional: true},
	{name: KindServiceAccount, version: "v1", plural: "serviceaccounts"},
	secretKind,
	releaseKind,
}

func kindOf(name string) (kind, bool) {
	for _, k := range kinds {
		if k.name == name {
			return k, true
		}
	}
	return namespaceKind, name == KindNamespace
}
