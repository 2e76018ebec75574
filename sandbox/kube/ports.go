package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// Names of the ports.
const (
	portEtcd     = "etcd"
	portEtcdPeer = "etcd-peer"
	portAPI      = "api"
	portKubelet  = "kubelet"
	portMetrics  = "metrics"
)

// loadPorts returns the ports that the cluster of a folder had where they are
// free, so that a kubeconfig stays good, and others where they are not. A port
// is free when this says so, not for ever: who starts many clusters at once
// tries again.
func loadPorts(ctx context.Context, dir string) (map[string]int, error) {
	file := filepath.Join(dir, "ports.json")
	ports := map[string]int{}
	if raw, err := os.ReadFile(file); err == nil { //nolint:gosec // the cluster's own folder
		_ = json.Unmarshal(raw, &ports) // a damaged file costs the old ports only
	}
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	for _, name := range []string{portEtcd, portEtcdPeer, portAPI, portKubelet, portMetrics} {
		l, err := listen(ctx, ports[name])
		if err != nil {
			return nil, fmt.Errorf("port of %s: %w", name, err)
		}
		held = append(held, l)
		ports[name] = l.Addr().(*net.TCPAddr).Port
	}
	raw, err := json.Marshal(ports)
	if err != nil {
		return nil, err
	}
	return ports, writePrivate(file, raw)
}

// listen takes a port of loopback, any when it is 0 or taken.
func listen(ctx context.Context, port int) (net.Listener, error) {
	var lc net.ListenConfig
	if port != 0 {
		if l, err := lc.Listen(ctx, "tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			return l, nil
		}
	}
	return lc.Listen(ctx, "tcp", "127.0.0.1:0")
}
