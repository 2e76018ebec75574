package main

import (
	"context"
	"fmt"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"skysail/clouds"
	"skysail/clouds/kubernetes"
	"skysail/deploy"
	"skysail/qos"
	"skysail/test/bench/process"
)

// theirs ends the role that does the same with client-go's dynamic client.
const theirs = ", client-go"

// roles are what a child does; each reads all pods.
var roles = []string{"pod metrics", "pod metrics" + theirs, "pods", "pods" + theirs, "collector"}

// child prints the CPU time of a pod in µs.
func (b *bench) child(ctx context.Context, role string) error {
	do, err := b.work(ctx, role)
	if err != nil {
		return err
	}
	once := func() error {
		n, err := do()
		if err == nil && n != b.pods() {
			err = fmt.Errorf("%d pods, not %d", n, b.pods())
		}
		return err
	}
	if err := once(); err != nil { // connections are made
		return err
	}
	before := process.CPU()
	for range b.n {
		if err := once(); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(os.Stdout, float64((process.CPU()-before).Nanoseconds())/1000/float64(b.n*b.pods()))
	return err
}

// work is what a role does once; it returns how many pods there were.
func (b *bench) work(ctx context.Context, role string) (func() (int, error), error) {
	c, err := kubernetes.New(os.LookupEnv, cluster, namespace)
	if err != nil {
		return nil, err
	}
	switch role {
	case "pod metrics":
		return func() (int, error) { return length(c.PodMetrics(ctx, clouds.Any)) }, nil
	case "pods":
		return func() (int, error) { return length(c.Pods(ctx, clouds.Any)) }, nil
	case "pod metrics" + theirs:
		return list(ctx, schema.GroupVersionResource{Group: "metrics.k8s.io", Version: "v1beta1", Resource: "pods"})
	case "pods" + theirs:
		return list(ctx, schema.GroupVersionResource{Version: "v1", Resource: "pods"})
	case "collector":
		d, err := deploy.New(ctx, deploy.Options{Home: b.home})
		if err != nil {
			return nil, err
		}
		return func() (int, error) { return b.collected(d.CollectAll(ctx, qos.Options{})) }, nil
	}
	return nil, fmt.Errorf("there is no role %q", role)
}

func length[T any](list []T, err error) (int, error) { return len(list), err }

// collected counts the pods of which everything was read.
func (b *bench) collected(res qos.Result, err error) (int, error) {
	n := 0
	for _, s := range res.Samples {
		if s.Name == "container_memory_working_set_bytes" {
			n++
		}
	}
	for _, r := range res.Reports {
		if err == nil && r.Err != nil {
			err = fmt.Errorf("%s: %w", r.Instance, r.Err)
		}
	}
	return n, err
}

// list reads all pods as programs do that know no types, in pages as ours.
func list(ctx context.Context, what schema.GroupVersionResource) (func() (int, error), error) {
	cfg, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return nil, err
	}
	c, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, err
	}
	return func() (int, error) {
		n, o := 0, metav1.ListOptions{LabelSelector: kubernetes.Label, Limit: 500}
		for {
			l, err := c.Resource(what).Namespace(namespace).List(ctx, o)
			if err != nil {
				return n, err
			}
			n, o.Continue = n+len(l.Items), l.GetContinue()
			if o.Continue == "" {
				return n, nil
			}
		}
	}, nil
}
