package kube

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// SetLogs says what a container of a pod has written, and what the one before
// its last restart had. The lines are of this moment; AppendLog adds more.
// Without it `kubectl logs` is an error, as nothing runs that could write.
func (c *Cluster) SetLogs(ctx context.Context, namespace, pod, container string, current, previous []string) error {
	file := c.logFile(namespace, pod, container)
	if err := writePrivate(file, logLines(time.Now(), current)); err != nil {
		return err
	}
	if err := writePrivate(file+".previous", logLines(time.Now().Add(-time.Second), previous)); err != nil {
		return err
	}
	// Those of the pod's other containers stay.
	files, err := filepath.Glob(c.logFile(namespace, pod, "*"))
	if err != nil {
		return fmt.Errorf("logs of %s/%s: %w", namespace, pod, err)
	}
	list := []any{}
	for _, f := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), namespace+"_"+pod+"_"), ".log")
		list = append(list, object{"containers": []any{name}, "logsFile": f, "previousLogsFile": f + ".previous", "follow": true})
	}
	logs := object{
		"apiVersion": kwokGroup + "/v1alpha1", "kind": "Logs", "metadata": object{"name": pod, "namespace": namespace},
		"spec": object{"logs": list},
	}
	if err := c.Apply(ctx, "/apis/"+kwokGroup+"/v1alpha1/namespaces/"+namespace+"/logs/"+pod, logs); err != nil {
		return fmt.Errorf("logs of %s/%s: %w", namespace, pod, err)
	}
	return c.settle(ctx)
}

// AppendLog adds lines to what a container has written, for SetLogs' readers
// that follow.
func (c *Cluster) AppendLog(namespace, pod, container string, lines ...string) error {
	f, err := os.OpenFile(c.logFile(namespace, pod, container), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("log of %s/%s: %w", namespace, pod, err)
	}
	if _, err := f.Write(logLines(time.Now(), lines)); err != nil {
		_ = f.Close()
		return fmt.Errorf("log of %s/%s: %w", namespace, pod, err)
	}
	return f.Close()
}

func (c *Cluster) logFile(namespace, pod, container string) string {
	return filepath.Join(c.dir, "logs", namespace+"_"+pod+"_"+container+".log")
}

// logLines are lines in the form in which container runtimes keep them; see
// https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
func logLines(at time.Time, lines []string) []byte {
	var out bytes.Buffer
	for _, l := range lines {
		fmt.Fprintf(&out, "%s stdout F %s\n", at.UTC().Format(time.RFC3339Nano), l)
		at = at.Add(time.Microsecond)
	}
	return out.Bytes()
}

// ForwardPort lets port-forwards to a port of a pod reach a port of this
// machine.
func (c *Cluster) ForwardPort(ctx context.Context, namespace, pod string, port, to int) error {
	f := object{
		"apiVersion": kwokGroup + "/v1alpha1", "kind": "PortForward", "metadata": object{"name": pod, "namespace": namespace},
		"spec": object{"forwards": []any{object{"ports": []any{port}, "target": object{"address": "127.0.0.1", "port": to}}}},
	}
	if err := c.Apply(ctx, "/apis/"+kwokGroup+"/v1alpha1/namespaces/"+namespace+"/portforwards/"+pod, f); err != nil {
		return fmt.Errorf("port-forward of %s/%s: %w", namespace, pod, err)
	}
	return c.settle(ctx)
}

// AllowExec lets `kubectl exec` into a pod run programs of this machine, as
// the user that runs the cluster. kwok asks nobody who he is: for as long as
// this pod is there, any user of this machine that finds its port can do the
// same. It is for tests.
func (c *Cluster) AllowExec(ctx context.Context, namespace, pod string, env map[string]string) error {
	envs := []any{}
	for k, v := range env {
		envs = append(envs, object{"name": k, "value": v})
	}
	x := object{
		"apiVersion": kwokGroup + "/v1alpha1", "kind": "Exec", "metadata": object{"name": pod, "namespace": namespace},
		"spec": object{"execs": []any{object{"local": object{"workDir": c.dir, "envs": envs}}}},
	}
	if err := c.Apply(ctx, "/apis/"+kwokGroup+"/v1alpha1/namespaces/"+namespace+"/execs/"+pod, x); err != nil {
		return fmt.Errorf("exec in %s/%s: %w", namespace, pod, err)
	}
	return c.settle(ctx)
}
