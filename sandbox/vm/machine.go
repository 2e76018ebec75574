package vm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"

	"skysail/internal/journal"
	"skysail/internal/reexec"
	"skysail/internal/supervise/proc"
	"skysail/sandbox/vm/cloudinit"
	"skysail/sandbox/vm/container"
	"skysail/sandbox/vm/guest"
	"skysail/sandbox/vm/shim"
	"skysail/sandbox/vm/socket"
	"skysail/sandbox/vm/sshd"
	"skysail/sandbox/vm/systemd"
)

const readyFD = 3

func init() {
	reexec.Register(HelperName, func(args []string) int {
		if len(args) != 1 {
			fmt.Fprintln(os.Stderr, "skysail: a simulated instance needs one argument, its folder")
			return 2
		}
		if err := machineMain(args[0]); err != nil {
			fmt.Fprintln(os.Stderr, "skysail: simulated instance:", err)
			return 1
		}
		return 0
	})
}

// machine is a running instance.
type machine struct {
	dir        string
	config     Config
	containers container.Instance
	log        *slog.Logger
	journal    *journal.Journal
	bootLog    *bootLog
	guest      *guest.Guest
	units      *systemd.Manager
	traffic    traffic
	ssh        *sshd.Server
	sshSince   time.Time

	ctx     context.Context //nolint:containedctx // the instance's own life
	cancel  context.CancelFunc
	serving sync.WaitGroup
	slots   chan struct{}
	closers []io.Closer
}

// machineMain is the main process's whole life.
func machineMain(dir string) error {
	debug.SetGCPercent(20) // it mostly sleeps: a little speed for memory
	runtime.GOMAXPROCS(2)
	proc.Shield(syscall.SIGHUP, syscall.SIGPIPE)
	stopped, done := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer done()
	syscall.CloseOnExec(readyFD)
	ready := os.NewFile(readyFD, "ready")
	tell := func(err error) error {
		line := "\n"
		if err != nil {
			line = strings.ReplaceAll(err.Error(), "\n", "; ") + "\n"
		}
		// The starter may be gone; the instance runs all the same.
		_, _ = ready.WriteString(line)
		_ = ready.Close()
		return err
	}
	alive := flock.New(filepath.Join(dir, aliveLock), flock.SetPermissions(0o600))
	if ok, err := alive.TryLock(); err != nil || !ok {
		return tell(errors.Join(errors.New("the instance runs already"), err))
	}
	defer func() { _ = alive.Close() }()

	m := &machine{
		dir: dir, slots: make(chan struct{}, maxConnections),
		log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	defer m.cancel()
	finish, err := m.boot(stopped)
	if tell(err) == nil {
		debug.FreeOSMemory()
		m.serving.Go(func() { finish(stopped) })
		select {
		case <-stopped.Done():
			m.log.Info("shutting down")
		case <-m.guest.Done():
			err = errors.New("the instance's network helper ended; the instance is going down")
		}
	}
	return errors.Join(err, m.shutdown())
}

// boot brings the instance up. The function that it returns does the rest of
// the boot, for which nobody waits.
func (m *machine) boot(ctx context.Context) (finish func(context.Context), err error) {
	if m.config, err = readConfig(m.dir); err != nil {
		return nil, err
	}
	if err := m.prepare(); err != nil {
		return nil, err
	}
	socketPath, err := socket.New(m.dir, socket.Guest)
	if err != nil {
		return nil, err
	}
	m.guest, err = guest.Start(ctx, guest.Options{Socket: socketPath, Mark: mark(m.dir), Network: m.config.Network})
	if err != nil {
		return nil, err
	}
	if isolated, why := m.guest.Isolated(); isolated {
		m.log.Info("the instance has a network of its own")
	} else {
		m.log.Warn("the instance is in this machine's network: no two can listen on the same port, and its firewall guards only what goes through the sandbox", "why", why)
	}
	m.units = systemd.New(systemd.Options{
		Root: rootOf(m.dir), Dir: filepath.Join(m.dir, unitsFolder),
		Journal: m.journal, JournalAt: filepath.Join(m.dir, shim.JournalFile),
		Inside: m.guest, OnHost: m.guest.OnHost(), Container: m.containers,
		Env: m.env("root"), Path: shim.Path(m.dir, m.containers.Path),
		Builtin:   map[string]func() (int, time.Time){"ssh.service": m.sshUnit, "sshd.service": m.sshUnit},
		Restarted: func(string) error { return m.restartSSH() },
	})
	if err := m.listen(socket.Control, m.control); err != nil {
		return nil, err
	}
	shims, err := shim.NewServer(m.dir, rootOf(m.dir), m.units.Systemctl)
	if err != nil {
		return nil, err
	}
	if shims != nil {
		m.closers = append(m.closers, shims)
		m.serving.Go(func() { shims.Serve(m.ctx) })
	}

	first := cloudinit.FirstBoot(rootOf(m.dir))
	config, err := cloudinit.Parse(m.config.UserData)
	b := &cloudinit.Boot{Root: rootOf(m.dir), Place: m.guest.OnHost(), Env: m.env("root"), Log: m.bootLog, Config: config}
	if err != nil {
		// A real machine comes up as well, and cannot be logged in to.
		b.Reject(err)
	}
	b.Init(ctx, first)
	if err := m.startSSH(b.Config); err != nil {
		return nil, err
	}
	if err := m.listen(socket.Dial, m.serveDial); err != nil {
		return nil, err
	}
	m.serving.Go(func() { m.traffic.follow(m.ctx, m.dir, m.log) })
	p := newPorts(m)
	p.look()
	m.serving.Go(func() { p.follow(m.ctx) })
	return func(ctx context.Context) {
		m.units.StartEnabled(ctx)
		b.Final(ctx, first)
	}, nil
}

// prepare makes what is there before the instance's own boot.
func (m *machine) prepare() error {
	self, err := proc.Self()
	if err != nil {
		return err
	}
	id, err := json.Marshal(self)
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(filepath.Join(m.dir, mainFile), id, 0o600); err != nil {
		return err
	}
	root := rootOf(m.dir)
	// Nothing in /run outlives a boot, and no unit runs yet.
	for _, stale := range []string{root.Join("/run"), filepath.Join(m.dir, unitsFolder), filepath.Join(m.dir, trafficFile)} {
		if err := os.RemoveAll(stale); err != nil {
			return err
		}
	}
	for _, d := range []string{"/etc", "/run", "/var/log", "/var/lib", "/tmp", "/root", "/home", "/opt"} {
		if err := os.MkdirAll(root.Join(d), 0o700); err != nil {
			return err
		}
	}
	if err := renameio.WriteFile(root.Join("/etc/hostname"), []byte(m.config.Name+"\n"), 0o600); err != nil {
		return err
	}
	m.containers = container.Instance{ID: m.config.Provider + "-" + m.config.ID, Publish: publishAddress(m.config.Address), Path: os.Getenv("PATH"), Root: string(rootOf(m.dir))}
	if err := shim.WriteContainers(m.dir, m.containers); err != nil {
		return err
	}
	if err := shim.Install(m.dir); err != nil {
		return err
	}
	if m.journal, err = journal.Open(filepath.Join(m.dir, shim.JournalFile), 0); err != nil {
		return err
	}
	m.bootLog, err = openBootLog(m.dir, m.journal)
	return err
}

// publishAddress is where an instance's containers publish their ports: next
// to the instance's own address, where the system has all of 127.0.0.0/8.
func publishAddress(address string) string {
	ip := net.ParseIP(address).To4()
	if runtime.GOOS != "linux" || ip == nil || ip[0] != 127 || ip[1] == 255 {
		return "127.0.0.1"
	}
	return net.IPv4(ip[0], ip[1]+1, ip[2], ip[3]).String()
}

// env is the environment of what runs on the instance as a user.
func (m *machine) env(user string) []string {
	env := []string{
		shim.EnvRoot + "=" + string(rootOf(m.dir)),
		shim.EnvUser + "=" + user,
		"PATH=" + shim.Path(m.dir, m.containers.Path),
		"LANG=C.UTF-8",
		"USER=" + user, "LOGNAME=" + user,
	}
	if race, ok := os.LookupEnv("GORACE"); ok {
		env = append(env, "GORACE="+race)
	}
	if user == "root" {
		env = append(env, "HOME="+rootOf(m.dir).Join("/root"))
		for _, e := range os.Environ() { // to download through a proxy
			name, _, _ := strings.Cut(e, "=")
			if strings.HasSuffix(strings.ToLower(name), "_proxy") || strings.HasPrefix(name, "SSL_CERT") || name == "CURL_CA_BUNDLE" {
				env = append(env, e)
			}
		}
	}
	return env
}

// shutdown ends everything that runs on the instance.
func (m *machine) shutdown() error {
	var errs []error
	for _, c := range m.closers {
		errs = append(errs, c.Close())
	}
	m.cancel()
	if m.ssh != nil {
		_ = m.ssh.Close() // of connections that are closed already
	}
	if m.units != nil {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownPatience)
		if err := m.units.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			errs = append(errs, err) // what is late is killed below
		}
		cancel()
	}
	if m.guest != nil {
		errs = append(errs, m.guest.Close())
	}
	m.serving.Wait()
	if m.bootLog != nil {
		errs = append(errs, m.bootLog.Close())
	}
	if m.journal != nil {
		errs = append(errs, m.journal.Close())
	}
	return errors.Join(errs...)
}
