package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"

	"skysail/sandbox/api"
	"skysail/sandbox/api/aws"
	"skysail/sandbox/api/digitalocean"
	"skysail/sandbox/api/gcp"
	"skysail/sandbox/api/vultr"
	"skysail/sandbox/fleet"
	"skysail/sandbox/proxy"
	"skysail/sandbox/world"
)

// Hosts of the real APIs, for which the proxy answers.
const (
	digitaloceanHost = "api.digitalocean.com"
	vultrHost        = "api.vultr.com"
)

// gcpHosts are those of Google's APIs. One handler serves them all; it tells
// them apart by Host.
func gcpHosts() []string {
	return []string{
		"compute.googleapis.com", "monitoring.googleapis.com", "cloudbilling.googleapis.com", "oauth2.googleapis.com",
		"openidconnect.googleapis.com", "cloudresourcemanager.googleapis.com", "www.googleapis.com",
	}
}

// errStopped ends a daemon that was asked to end.
var errStopped = errors.New("the sandbox was stopped")

// daemon is the process that holds the simulated clouds.
type daemon struct {
	home string
	kit  kit
	log  *slog.Logger

	world *world.World
	fleet *fleet.Fleet
	calls calls // of the clouds' APIs
	kube  cluster

	mu       sync.Mutex
	asked    *stopRequest
	end      context.CancelCauseFunc
	ended    chan struct{} // closed when all but the control API is down
	endError error         // valid after ended
}

// runDaemon serves the sandbox of a folder until ctx ends or a client stops
// it. ready is called when clients can connect. Only one daemon can serve a
// folder.
func runDaemon(ctx context.Context, home string, k kit, log *slog.Logger, ready func()) (err error) {
	lock := flock.New(filepath.Join(home, daemonLock), flock.SetPermissions(0o600))
	if ok, err := lock.TryLock(); err != nil || !ok {
		return errors.Join(fmt.Errorf("another daemon serves %s", home), err)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()

	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	d := &daemon{home: home, kit: k, log: log, end: end, ended: make(chan struct{}), kube: cluster{home: home}}
	if d.world, err = world.Open(filepath.Join(home, worldFile), nil); err != nil {
		return err
	}
	if err := writeGoogleKey(home, d.world); err != nil {
		return err
	}
	opts := k.fleet
	opts.Log = log
	d.fleet = fleet.New(d.world, k.machine, filepath.Join(home, instancesDir), opts)
	if err := d.fleet.Adopt(ctx); err != nil {
		return err
	}
	if err := d.kube.resume(ctx); err != nil {
		return err
	}
	defer d.kube.stop() // also when what follows fails
	return d.serve(ctx, ready)
}

func (d *daemon) serve(ctx context.Context, ready func()) (err error) {
	self, err := ownProgram()
	if err != nil {
		return err
	}
	apis := map[string]http.Handler{}
	for p, make := range map[string]func(api.Config) http.Handler{
		world.AWS: aws.New, world.GCP: gcp.New, world.DigitalOcean: digitalocean.New, world.Vultr: vultr.New,
	} {
		c, err := d.apiConfig(p)
		if err != nil {
			return err
		}
		apis[p] = d.calls.counted(ctx, d.logged(p, make(c)))
	}
	hosts := map[string]http.Handler{digitaloceanHost: apis[world.DigitalOcean], vultrHost: apis[world.Vultr]}
	for _, h := range gcpHosts() {
		hosts[h] = apis[world.GCP]
	}
	authority, err := proxy.LoadAuthority(d.home, slices.Sorted(maps.Keys(hosts)), time.Now())
	if err != nil {
		return err
	}
	prx, err := proxy.New(authority, hosts, d.log)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushTime)
		defer cancel()
		prx.Close(ctx)
	}()

	ports, err := listen(ctx, d.home)
	if err != nil {
		return err
	}
	var servers group
	defer servers.close()
	for _, p := range world.Providers() {
		servers.serve(ports.listeners[p], apis[p], d.log)
	}
	servers.serve(ports.listeners[proxyPort], prx, d.log)

	socket, err := newSocketPath(d.home)
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	controlListener, err := lc.Listen(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return errors.Join(err, controlListener.Close())
	}
	c := &control{
		world: d.world, sizes: d.kit.sizes, dir: d.fleet.Dir, stop: d.stop,
		kube: &d.kube,
		status: func() status {
			return status{Protocol: protocol, PID: os.Getpid(), Program: self, Env: d.environment(ports)}
		},
	}
	var controls group
	defer controls.close()
	var asked calls
	defer asked.drain()
	controls.serve(controlListener, asked.counted(context.WithoutCancel(ctx), c.handler()), d.log)
	d.log.Info("up", "pid", os.Getpid(), "ports", ports.addrs())
	ready()

	d.fleet.Follow(ctx)
	d.log.Info("ending", "cause", context.Cause(ctx))
	d.calls.drain()
	servers.close()
	d.kube.stop()
	return d.finish()
}

// stop is asked for by a client and returns when everything but the control
// API is down.
func (d *daemon) stop(ctx context.Context, in stopRequest) error {
	d.mu.Lock()
	if d.asked == nil {
		d.asked = &in
	}
	d.asked.Instances = d.asked.Instances || in.Instances
	d.mu.Unlock()
	d.end(errStopped)
	select {
	case <-d.ended:
		return d.endError
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// finish stops the machines if that was asked for.
func (d *daemon) finish() error {
	defer close(d.ended)
	d.mu.Lock()
	stop := d.asked != nil && d.asked.Instances
	d.mu.Unlock()
	if !stop {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	d.endError = d.fleet.StopAll(ctx)
	d.log.Info("stopped all machines", "err", d.endError)
	return d.endError
}

func (d *daemon) apiConfig(provider string) (api.Config, error) {
	c := api.Config{
		World: d.world, Fleet: d.fleet, Log: d.log,
		Sizes: sync.OnceValues(func() ([]api.Size, error) { return d.kit.sizes(provider) }),
	}
	if d.kit.rates != nil {
		r, err := d.kit.rates(provider)
		if err != nil {
			return c, err
		}
		c.DiskUSD, c.AddressUSD = r.DiskUSD, r.AddressUSD
	}
	return c, nil
}

// writeGoogleKey writes the key of the simulated service account to where
// environment says that it is.
func writeGoogleKey(home string, w *world.World) error {
	key, err := gcp.Credentials(w)
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(home, gcp.CredentialsFile), key, 0o600, renameio.WithStaticPermissions(0o600))
}

// environment points programs at the daemon.
func (d *daemon) environment(p *ports) map[string]string {
	tokens := d.world.State().Tokens
	prx := "http://" + p.addr(proxyPort)
	env := map[string]string{
		"AWS_ACCESS_KEY_ID":         tokens[world.AWSKeyID],
		"AWS_SECRET_ACCESS_KEY":     tokens[world.AWS],
		"AWS_REGION":                "us-east-1",
		"AWS_DEFAULT_REGION":        "us-east-1", // the AWS CLI's first version
		"AWS_ENDPOINT_URL":          "http://" + p.addr(world.AWS),
		"AWS_EC2_METADATA_DISABLED": "true",
		// Google's programs reach its hosts by the proxy, tokens included.
		"GOOGLE_APPLICATION_CREDENTIALS": filepath.Join(d.home, gcp.CredentialsFile),
		"GOOGLE_CLOUD_PROJECT":           gcp.Project,
		"GOOGLE_PROJECT":                 gcp.Project,

		"DIGITALOCEAN_TOKEN":   tokens[world.DigitalOcean],
		"DIGITALOCEAN_API_URL": "http://" + p.addr(world.DigitalOcean),
		"VULTR_API_KEY":        tokens[world.Vultr],
		// Vultr's tools have no setting for the API's address; this is for
		// programs that have one.
		"VULTR_API_URL": "http://" + p.addr(world.Vultr),
		"HTTPS_PROXY":   prx,
		"HTTP_PROXY":    prx,
		"NO_PROXY":      "127.0.0.0/8,127.0.0.1,localhost",
		"SSL_CERT_FILE": filepath.Join(d.home, proxy.CertFile),
		// Terraform asks for news of itself otherwise.
		"CHECKPOINT_DISABLE": "1",
	}
	if k := d.kube.status(); k.State == "up" {
		env["KUBECONFIG"] = k.Kubeconfig
	}
	return env
}

// daemonMain is the daemon's process: `daemon start HOME` starts `daemon run
// HOME` in a session of its own and waits until it is ready, so that the
// daemon is nobody's child.
func daemonMain(args []string, k kit) int {
	if len(args) == 2 && args[0] == "start" {
		return launch(args[1], k)
	}
	if len(args) != 2 || args[0] != "run" {
		fmt.Fprintln(os.Stderr, "usage: sandbox-daemon start|run HOME")
		return 2
	}
	pipe := os.NewFile(readyFD, "ready")
	syscall.CloseOnExec(readyFD) // no machine holds it open
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	err := runDaemon(ctx, args[1], k, log, func() {
		_, _ = io.WriteString(pipe, readyWord)
		_ = pipe.Close()
	})
	if err != nil {
		log.Error("the daemon ends", "err", err)
		return 1
	}
	log.Info("down")
	return 0
}
