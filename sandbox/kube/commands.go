package kube

import (
	"fmt"
	"path/filepath"
)

// Addresses of services; the first is the API's own.
const (
	serviceRange = "10.96.0.0/16"
	serviceIP    = "10.96.0.1"
	podRange     = "10.244.0.1/16"
)

func (c *Cluster) pki(file string) string { return filepath.Join(c.dir, "pki", file) }

func (c *Cluster) url(port string) string {
	return fmt.Sprintf("https://127.0.0.1:%d", c.ports[port])
}

// server is the API's address.
func (c *Cluster) server() string { return c.url(portAPI) }

func (c *Cluster) etcdArgs() []string {
	return []string{
		"--name=sandbox", "--data-dir=" + filepath.Join(c.dir, "etcd"),
		"--listen-client-urls=" + c.url(portEtcd), "--advertise-client-urls=" + c.url(portEtcd),
		"--listen-peer-urls=" + c.url(portEtcdPeer), "--initial-advertise-peer-urls=" + c.url(portEtcdPeer),
		"--initial-cluster=sandbox=" + c.url(portEtcdPeer),
		"--client-cert-auth", "--trusted-ca-file=" + c.pki("ca.crt"),
		"--cert-file=" + c.pki("etcd.crt"), "--key-file=" + c.pki("etcd.key"),
		"--peer-client-cert-auth", "--peer-trusted-ca-file=" + c.pki("ca.crt"),
		"--peer-cert-file=" + c.pki("etcd.crt"), "--peer-key-file=" + c.pki("etcd.key"),
		// What a sandbox holds need not outlive a crash of the machine.
		"--unsafe-no-fsync", "--quota-backend-bytes=2147483648", "--log-level=warn",
	}
}

func (c *Cluster) apiServerArgs() []string {
	return []string{
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", c.ports[portAPI]),
		// Loopback is refused as an address of the service "kubernetes", so it
		// has no endpoint: no pod is real and none asks for it.
		"--endpoint-reconciler-type=none", "--advertise-address=192.0.2.1",
		"--etcd-servers=" + c.url(portEtcd), "--etcd-cafile=" + c.pki("ca.crt"),
		"--etcd-certfile=" + c.pki("etcd.crt"), "--etcd-keyfile=" + c.pki("etcd.key"),
		"--service-cluster-ip-range=" + serviceRange,
		"--client-ca-file=" + c.pki("ca.crt"),
		"--tls-cert-file=" + c.pki("apiserver.crt"), "--tls-private-key-file=" + c.pki("apiserver.key"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + c.pki("service-accounts.key"),
		"--service-account-signing-key-file=" + c.pki("service-accounts.key"),
		"--authorization-mode=Node,RBAC",
		"--kubelet-certificate-authority=" + c.pki("ca.crt"), "--kubelet-preferred-address-types=InternalIP",
		"--kubelet-client-certificate=" + c.pki("kubelet-client.crt"), "--kubelet-client-key=" + c.pki("kubelet-client.key"),
		"--requestheader-client-ca-file=" + c.pki("front-proxy-ca.crt"),
		"--requestheader-allowed-names=" + frontProxy.user,
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + c.pki("front-proxy-client.crt"), "--proxy-client-key-file=" + c.pki("front-proxy-client.key"),
		"--profiling=false", "--v=1",
	}
}

func (c *Cluster) controllerManagerArgs() []string {
	return []string{
		"--kubeconfig=" + filepath.Join(c.dir, controllerManager+".kubeconfig"),
		"--leader-elect=false", "--secure-port=0", "--use-service-account-credentials=true",
		"--root-ca-file=" + c.pki("ca.crt"), "--service-account-private-key-file=" + c.pki("service-accounts.key"),
		"--cluster-signing-cert-file=" + c.pki("ca.crt"), "--cluster-signing-key-file=" + c.pki("ca.key"),
		"--kube-api-qps=300", "--kube-api-burst=600",
		// Autoscaling in seconds where a cluster takes minutes.
		"--horizontal-pod-autoscaler-sync-period=2s", "--horizontal-pod-autoscaler-initial-readiness-delay=1s",
		"--horizontal-pod-autoscaler-cpu-initialization-period=1s", "--horizontal-pod-autoscaler-downscale-stabilization=5s",
		// A simulated node does not fail by itself; a busy machine's heartbeats are late.
		"--node-monitor-grace-period=10m",
		"--profiling=false",
	}
}

func (c *Cluster) schedulerArgs() []string {
	return []string{"--config=" + filepath.Join(c.dir, "scheduler.yaml"), "--secure-port=0"}
}

// schedulerConfig lifts the limit of 50 calls a second: a test schedules
// thousands of pods.
func (c *Cluster) schedulerConfig() []byte {
	return fmt.Appendf(nil, `apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection:
  leaderElect: false
clientConnection:
  kubeconfig: %q
  qps: 500
  burst: 1000
`, filepath.Join(c.dir, scheduler+".kubeconfig"))
}

func (c *Cluster) kwokArgs() []string {
	return []string{
		"--config=" + filepath.Join(c.dir, "kwok.yaml"), "--kubeconfig=" + filepath.Join(c.dir, kwok+".kubeconfig"),
		"--manage-all-nodes", "--cidr=" + podRange, "--node-lease-duration-seconds=40",
		"--node-ip=127.0.0.1", fmt.Sprintf("--node-port=%d", c.ports[portKubelet]),
		fmt.Sprintf("--server-address=127.0.0.1:%d", c.ports[portKubelet]),
		"--tls-cert-file=" + c.pki("kubelet.crt"), "--tls-private-key-file=" + c.pki("kubelet.key"),
		"--enable-crds=" + kwokKindNames(),
	}
}

// kwokConfig lets many pods change at once. What a configuration leaves out is
// zero in kwok, not its default.
const kwokConfig = `apiVersion: config.kwok.x-k8s.io/v1alpha1
kind: KwokConfiguration
options:
  podPlayStageParallelism: 32
  nodePlayStageParallelism: 8
  nodeLeaseParallelism: 8
  podsOnNodeSyncParallelism: 4
  enableDebuggingHandlers: true
  enableProfilingHandler: false
  enablePodsOnNodeSyncListPager: true
  enablePodsOnNodeSyncStreamWatch: false
`
