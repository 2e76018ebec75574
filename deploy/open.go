package deploy

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"

	"skysail/internal/failure"
	"skysail/qos"
	"skysail/spec"
	"skysail/store"
)

// OpenQuery says which port of a service is wanted here.
type OpenQuery struct {
	// Instance is one of the deployment's, "" the first (of pods, the first
	// that is ready). Port is a port's name, "" that of the health check, or
	// else the first.
	Instance, Port string
	// Local is the port on this machine's loopback, 0 one that is free.
	Local int
	// Failed is told of a connection that could not be handed on; may be nil.
	Failed func(error)
}

// Opened is a service's port as it is reached from this machine.
type Opened struct {
	URL      string `json:"url"`
	Instance string `json:"instance"`
	Port     int    `json:"port"` // of the service
	// Direct says that no tunnel is needed: the service runs on this machine.
	Direct bool `json:"direct"`
}

// Open makes a port of the service's reachable on this machine's loopback: by
// a tunnel through the pinned SSH login, by a port-forward of the API server
// to a pod, or not at all for what runs here already. ready is told the URL
// when the way stands; the call returns when ctx ends, which is no error, or
// at once where there is no tunnel.
func (d *Deployer) Open(ctx context.Context, name string, q OpenQuery, ready func(Opened)) error {
	row, t, err := d.reached(ctx, name, q.Instance)
	if err != nil {
		return err
	}
	port, err := portOf(&row.Service, q.Port)
	if err != nil {
		return err
	}
	o := Opened{Instance: t.Instance, Port: port.Number}
	if onThisMachine(&row, t) != nil {
		o.Direct, o.URL = true, urlOf(&row.Service, port, "127.0.0.1:"+strconv.Itoa(port.Number))
		if addr := instanceAddress(&row, t.Instance); addr != "" {
			o.URL = urlOf(&row.Service, port, net.JoinHostPort(addr, strconv.Itoa(port.Number)))
		}
		ready(o)
		return nil
	}
	if t.Kube != nil {
		return d.forwardPod(ctx, &row, t, q, port, ready)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(q.Local)))
	if err != nil {
		return failure.Wrap(err, failure.Input, "a port on this machine", "Nothing was opened.", "Give another one with --local, or none.")
	}
	o.URL = urlOf(&row.Service, port, l.Addr().String())
	if err := qos.WaitReady(ctx, t); err != nil {
		_ = l.Close()
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- qos.ForwardSSH(ctx, t, l, port.Number, q.Failed) }()
	ready(o) // who is told may use it at once
	return <-ended
}

// portOf is the port that is meant.
func portOf(svc *spec.Service, name string) (spec.Port, error) {
	if name != "" {
		if p, ok := svc.Port(name); ok {
			return p, nil
		}
		names := make([]string, len(svc.Ports))
		for i, p := range svc.Ports {
			names[i] = p.Name
		}
		return spec.Port{}, failure.New(failure.Input, fmt.Sprintf("service %q has no port %q", svc.Name, name), "Nothing was opened.",
			"It has "+strings.Join(names, ", ")+".")
	}
	if svc.Health != nil && svc.Health.HTTP != nil {
		if p, ok := svc.Port(svc.Health.HTTP.Port); ok {
			return p, nil
		}
	}
	if len(svc.Ports) == 0 {
		return spec.Port{}, failure.New(failure.Input, fmt.Sprintf("service %q has no port", svc.Name), "There is nothing to open.",
			"Name the port that it listens on in a port block, and `skysail update` it.")
	}
	return svc.Ports[0], nil
}

// urlOf writes an address as what is spoken there, as far as the service says.
func urlOf(svc *spec.Service, p spec.Port, addr string) string {
	http := svc.Health != nil && svc.Health.HTTP != nil && svc.Health.HTTP.Port == p.Name
	if http || strings.Contains(p.Name, "http") || p.Name == "web" {
		return "http://" + addr + "/"
	}
	return "tcp://" + addr
}

func instanceAddress(row *store.Deployment, instance string) string {
	for _, i := range row.Instances {
		if i.Name == instance {
			return i.Address
		}
	}
	return ""
}
