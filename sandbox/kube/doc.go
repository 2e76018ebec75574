// Package kube runs a Kubernetes control plane on loopback: etcd,
// kube-apiserver, kube-controller-manager and kube-scheduler as they are
// published, and kwok, which plays the nodes and what happens to pods on them.
//
// What is real: the API with RBAC, admission, quotas and API priority and
// fairness; controllers, garbage collection, autoscaling and scheduling. What
// is simulated: nodes, and all that a kubelet says of a pod. No container runs.
//
// The programs are built by `make tools-kube`; Find says so when they are not
// there. They end with the process that started them: on Linux the kernel sees
// to it, elsewhere the next Start or Sweep of the same folder.
package kube
