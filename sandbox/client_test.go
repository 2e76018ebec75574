//nolint:bodyclose // govultr has read and closed the bodies of the responses it returns
package sandbox

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vultr/govultr/v3"

	"skysail/catalog"
	"skysail/clouds"
	"skysail/internal/failure"
	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

type roundTripper = http.RoundTripper

// bearer authorizes requests as the providers do.
type bearer struct {
	base interface {
		http.RoundTripper
		CloseIdleConnections()
	}
	token string
}

func (b *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.base.RoundTrip(r)
}

func (b *bearer) CloseIdleConnections() { b.base.CloseIdleConnections() }

func TestFaultsOfAClient(t *testing.T) {
	c := up(t, newHome(t))
	ctx := t.Context()
	check(t, c.Fault(ctx, Fault{Provider: "vultr", Kind: "capacity", Region: "ewr", Times: 3}))
	check(t, c.Fault(ctx, Fault{Provider: "digitalocean", Kind: "auth"}))
	fs, err := c.Faults(ctx)
	check(t, err)
	want := []Fault{
		{Provider: "vultr", Kind: "capacity", Region: "ewr", Times: 3, Left: 3},
		{Provider: "digitalocean", Kind: "auth"},
	}
	if diff := cmp.Diff(want, fs); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	if _, _, err := doClient(t, c).Account.Get(ctx); err == nil {
		t.Error("the fault does not strike")
	}
	for _, bad := range []Fault{
		{Provider: "azure", Kind: "capacity"},
		{Provider: "vultr", Kind: "fire"},
		{Provider: "vultr", Kind: "capacity", Region: "nyc1"},
		{Provider: "digitalocean", Kind: "auth", Region: "nyc1"},
	} {
		err := c.Fault(ctx, bad)
		if failure.CodeOf(err) != failure.Input {
			t.Errorf("%+v: %v, want an input error", bad, err)
		}
	}
	if err := c.ClearFaults(ctx, "azure"); failure.CodeOf(err) != failure.Input {
		t.Errorf("clearing an unknown provider: %v", err)
	}
	check(t, c.ClearFaults(ctx, "vultr"))
	if fs, err = c.Faults(ctx); err != nil || len(fs) != 1 {
		t.Errorf("faults: %+v, %v", fs, err)
	}
	check(t, c.ClearFaults(ctx, ""))
	if fs, err = c.Faults(ctx); err != nil || len(fs) != 0 {
		t.Errorf("faults: %+v, %v", fs, err)
	}
}

// TestAHangEndsWithTheSandbox leaves nobody waiting for a daemon that ends.
func TestAHangEndsWithTheSandbox(t *testing.T) {
	c := up(t, newHome(t))
	check(t, c.Fault(t.Context(), Fault{Provider: "vultr", Kind: "hang"}))
	v := vultrClient(t, c)
	v.SetRetryLimit(0)
	done := make(chan error, 1)
	go func() {
		_, _, err := v.Instance.Create(context.Background(), &govultr.InstanceCreateReq{Region: "ewr", Plan: "vc2-1c-1gb", OsID: 2284})
		done <- err
	}()
	for end := time.Now().Add(10 * time.Second); len(list(t, c)) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no instance was made")
		}
	}
	check(t, c.Down(t.Context(), true))
	select {
	case err := <-done:
		if err == nil {
			t.Error("a create that hangs was answered")
		}
	case <-time.After(10 * time.Second):
		t.Error("the client still waits")
	}
}

func TestDial(t *testing.T) {
	c := up(t, newHome(t))
	d := droplet(t, c, "web")
	ip, err := d.PublicIPv4()
	check(t, err)
	for addr, want := range map[string]string{
		ip + ":22":       "dial digitalocean-",
		"127.77.99.9:22": "no simulated instance has the address 127.77.99.9",
		"nonsense":       "missing port",
		ip + ":ssh":      `parsing "ssh"`,
	} {
		if _, err := c.Dial(t.Context(), "tcp", addr); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", addr, err, want)
		}
	}
	if _, err := c.Dial(t.Context(), "udp", ip+":22"); err == nil {
		t.Error("udp was dialled")
	}
}

// TestEnvReachesNoOtherHost is the promise of the sandbox: with its
// environment a program cannot reach a cloud by mistake.
func TestEnvReachesNoOtherHost(t *testing.T) {
	home := newHome(t)
	c := up(t, home)
	env := c.Env()
	var names []string
	for n := range env {
		names = append(names, n)
	}
	slices.Sort(names)
	want := []string{
		"AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_EC2_METADATA_DISABLED", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_SECRET_ACCESS_KEY",
		"CHECKPOINT_DISABLE", "DIGITALOCEAN_API_URL", "DIGITALOCEAN_TOKEN",
		"GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "GOOGLE_PROJECT", "HTTPS_PROXY", "HTTP_PROXY",
		"NO_PROXY", "SSL_CERT_FILE", "VULTR_API_KEY", "VULTR_API_URL",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
	h, err := clouds.HTTPClient(clouds.MapEnv(env))
	check(t, err)
	defer h.CloseIdleConnections()
	get := func(url string) (int, string, error) {
		t.Helper()
		res, err := h.Get(url)
		if err != nil {
			return 0, "", err
		}
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		return res.StatusCode, string(body), err
	}
	if _, _, err := get("https://registry.terraform.io/"); err == nil || !strings.Contains(err.Error(), "Bad Gateway") {
		t.Errorf("https elsewhere: %v", err)
	}
	if status, body, err := get("http://example.com/"); err != nil || status != http.StatusBadGateway || !strings.Contains(body, "does not reach the internet") {
		t.Errorf("http elsewhere: %d %q %v", status, body, err)
	}
	for _, url := range []string{
		"https://api.digitalocean.com/v2/account", "https://api.vultr.com/v2/account",
		env["DIGITALOCEAN_API_URL"] + "/v2/account", env["VULTR_API_URL"] + "/v2/account",
	} {
		if status, body, err := get(url); err != nil || status != http.StatusUnauthorized {
			t.Errorf("%s without a token: %d %q %v", url, status, body, err)
		}
	}
	raw, err := os.ReadFile(filepath.Join(home, logFile))
	check(t, err)
	for _, n := range []string{"DIGITALOCEAN_TOKEN", "VULTR_API_KEY"} {
		if strings.Contains(string(raw), env[n]) {
			t.Errorf("%s is in the log", n)
		}
	}
}

func TestSizesComeFromTheCatalog(t *testing.T) {
	for _, p := range Providers() {
		zs, err := catalogSizes(p)
		check(t, err)
		if len(zs) == 0 {
			t.Errorf("%s sells nothing", p)
		}
	}
	got := sizesOf([]catalog.Offer{
		{Provider: "vultr", Type: "a", Region: "ewr", VCPU: 1, MemoryGB: 0.5, DiskGB: 10, PriceUSD: 0.1},
		{Provider: "vultr", Type: "a", Region: "ord", VCPU: 1, MemoryGB: 0.5, DiskGB: 10, PriceUSD: 0.1},
		{Provider: "vultr", Type: "a", Region: "sao", VCPU: 1, MemoryGB: 0.5, DiskGB: 10, PriceUSD: 0.2},
		{Provider: "vultr", Type: "g", Region: "ord", VCPU: 4, MemoryGB: 16, PriceUSD: 2, GPU: &catalog.GPU{Model: "A40", Count: 2, MemoryGB: 48}},
		{Provider: "digitalocean", Type: "b", Region: "nyc1"},
	}, "vultr")
	want := []api.Size{
		{Name: "a", VCPU: 1, MemoryMB: 512, DiskGB: 10, PriceUSD: 0.1, Regions: []string{"ewr", "ord", "sao"}, Prices: map[string]api.Price{"sao": {USD: 0.2}}},
		{Name: "g", VCPU: 4, MemoryMB: 16384, PriceUSD: 2, Regions: []string{"ord"}, GPU: &api.GPU{Model: "A40", Count: 2, MemoryGB: 48}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sizes (-want +got):\n%s", diff)
	}
}

func TestTheDaemonGetsNoCredentials(t *testing.T) {
	sandbox := t.TempDir()
	check(t, os.WriteFile(filepath.Join(sandbox, worldFile), nil, 0o600))
	base := []string{"PATH=/bin", "HOME=/home/u", "LC_ALL=C", "AWS_SECRET_ACCESS_KEY=s", "DIGITALOCEAN_TOKEN=s", "TF_LOG=debug", "HTTPS_PROXY=http://corp:3128"}
	keep := []string{"PATH=/bin", "HOME=/home/u", "LC_ALL=C"}
	for name, tc := range map[string]struct{ extra, want []string }{
		"plain":              {nil, []string{"HTTPS_PROXY=http://corp:3128"}},
		"with roots":         {[]string{"SSL_CERT_FILE=/etc/ca.pem"}, []string{"HTTPS_PROXY=http://corp:3128", "SSL_CERT_FILE=/etc/ca.pem"}},
		"inside the sandbox": {[]string{"SSL_CERT_FILE=" + filepath.Join(sandbox, "ca.pem")}, nil},
	} {
		got := daemonEnv(append(slices.Clone(base), tc.extra...))
		if diff := cmp.Diff(append(slices.Clone(keep), tc.want...), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestServerStates(t *testing.T) {
	for want, s := range map[string]world.Server{
		"pending":  {Phase: world.Booting, Powered: true},
		"active":   {Phase: world.Running, Powered: true},
		"off":      {Phase: world.Off},
		"failed":   {Phase: world.Failed, Powered: true},
		"deleting": {Phase: world.Running, Deleting: true},
	} {
		if got := serverState(&s); got != want {
			t.Errorf("%+v is %s, want %s", s, got, want)
		}
	}
}
