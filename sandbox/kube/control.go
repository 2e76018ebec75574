package kube

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall"
)

// startControlPlane starts etcd, the API and what works on it.
func (c *Cluster) startControlPlane(ctx context.Context) error {
	if err := c.run(etcd, c.etcdArgs()); err != nil {
		return err
	}
	if err := c.StartAPIServer(ctx); err != nil {
		return err
	}
	return errors.Join(c.run(controllerManager, c.controllerManagerArgs()), c.run(scheduler, c.schedulerArgs()))
}

// startNodes starts kwok with its stages, and the nodes.
func (c *Cluster) startNodes(ctx context.Context, nodes []Node) error {
	if err := c.installKwokKinds(ctx); err != nil {
		return err
	}
	if err := c.applyStages(ctx, ordinary()); err != nil {
		return err
	}
	for _, n := range nodes {
		if err := c.AddNode(ctx, n); err != nil {
			return err
		}
	}
	if err := c.run(kwok, c.kwokArgs()); err != nil {
		return err
	}
	return c.nodesReady(ctx)
}

func (c *Cluster) run(name string, args []string) error {
	p, err := c.start(name, args...)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.processes = append(c.processes, p)
	return nil
}

// Err says which program of the cluster ended without being told to, or nil.
func (c *Cluster) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range append([]*process{c.api}, c.processes...) {
		if p == nil {
			continue
		}
		if err := p.died(); err != nil {
			return err
		}
	}
	return nil
}

// StartAPIServer starts the API where it was, after KillAPIServer, and returns
// when it is ready.
func (c *Cluster) StartAPIServer(ctx context.Context) error {
	p, err := c.start(apiServer, c.apiServerArgs()...)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.api = p
	c.mu.Unlock()
	return c.await(ctx, func(ctx context.Context) error { return c.ready(ctx) })
}

// ready asks the API whether it is; the answer is words, not JSON.
func (c *Cluster) ready(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.server()+"/readyz", nil)
	if err != nil {
		return err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the API is not ready: %s", res.Status)
	}
	return nil
}

// KillAPIServer ends the API at once, as a crash does: connections break, and
// nobody listens on its port until StartAPIServer.
func (c *Cluster) KillAPIServer() {
	c.mu.Lock()
	p := c.api
	c.api = nil
	c.mu.Unlock()
	p.stop(syscall.SIGKILL)
	c.http.CloseIdleConnections()
}

// Stop ends the cluster and returns when nothing of it runs. Its folder stays.
func (c *Cluster) Stop() {
	c.mu.Lock()
	all, api, closers := c.processes, c.api, c.closers
	c.processes, c.api, c.closers = nil, nil, nil
	c.mu.Unlock()
	for _, f := range closers {
		f()
	}
	// All state is etcd's, which writes ahead: the others need no time to end.
	for i := len(all) - 1; i > 0; i-- {
		all[i].stop(syscall.SIGKILL)
	}
	api.stop(syscall.SIGKILL)
	if len(all) > 0 {
		all[0].stop(syscall.SIGTERM)
	}
	c.http.CloseIdleConnections()
}
