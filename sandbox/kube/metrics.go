package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
)

// metricsHost is the name by which the API's aggregation layer reaches the
// metrics: that of a service.
const metricsHost = "metrics.kube-system.svc"

// Annotations of a pod with what each of its containers uses, as quantities.
// The names are kwok's; see https://kwok.sigs.k8s.io/docs/user/resource-usage-configuration/
const (
	UsageCPU    = "kwok.x-k8s.io/usage-cpu"
	UsageMemory = "kwok.x-k8s.io/usage-memory"
)

// Simulated marks metrics that nobody measured.
const Simulated = "skysail.dev/simulated"

// EnableMetrics serves pod metrics at metrics.k8s.io, behind the API as
// metrics-server is.
func (c *Cluster) EnableMetrics(ctx context.Context) error {
	pair, err := tls.LoadX509KeyPair(c.pki("metrics.crt"), c.pki("metrics.key"))
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	frontCA, err := os.ReadFile(c.pki("front-proxy-ca.crt"))
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(frontCA)
	l, err := listen(ctx, c.ports[portMetrics])
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	srv := &http.Server{
		Handler: (&metrics{c: c}).handler(), ReadHeaderTimeout: 10 * time.Second,
		// Only the API's aggregation layer may ask: it has asked who the caller
		// is and whether that one may.
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients,
			MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		},
	}
	go func() { _ = srv.ServeTLS(l, "", "") }() // ends with Close
	c.onStop(func() { _ = srv.Close() })
	_, port, _ := strings.Cut(l.Addr().String(), ":")
	return c.registerMetrics(ctx, json.Number(port))
}

func (c *Cluster) onStop(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closers = append(c.closers, f)
}

// registerMetrics tells the API where the metrics are and waits until it has
// them.
func (c *Cluster) registerMetrics(ctx context.Context, port json.Number) error {
	service := object{
		"apiVersion": "v1", "kind": "Service", "metadata": object{"name": "metrics", "namespace": "kube-system"},
		"spec": object{"type": "ExternalName", "externalName": "localhost", "ports": []any{object{"port": port}}},
	}
	api := object{
		"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": object{"name": "v1beta1.metrics.k8s.io"},
		"spec": object{
			"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100, "versionPriority": 100,
			"caBundle": c.caPEM, "service": object{"namespace": "kube-system", "name": "metrics", "port": port},
		},
	}
	if err := errors.Join(
		c.Apply(ctx, "/api/v1/namespaces/kube-system/services/metrics", service),
		c.Apply(ctx, "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io", api),
	); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	return c.await(ctx, func(ctx context.Context) error {
		return c.Do(ctx, "GET", "/apis/metrics.k8s.io/v1beta1/pods", nil, nil)
	})
}

// SetUsage says what each container of a pod uses, such as "250m" and "64Mi".
func (c *Cluster) SetUsage(ctx context.Context, namespace, pod, cpu, memory string) error {
	return c.Do(ctx, "PATCH", "/api/v1/namespaces/"+namespace+"/pods/"+pod,
		object{"metadata": object{"annotations": object{UsageCPU: cpu, UsageMemory: memory}}}, nil)
}
