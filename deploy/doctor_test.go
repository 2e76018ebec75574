package deploy

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"skysail/catalog"
)

const canary = "dop_v1_canary-0123456789abcdef"

// patient is a doctor whose world is on this machine.
type patient struct {
	*doctor
	t   *testing.T
	env map[string]string
}

// newPatient makes one that nothing is wrong with; it has a DigitalOcean
// token that the handler answers for.
func newPatient(t *testing.T, cloud http.HandlerFunc) *patient {
	t.Helper()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }))
	t.Cleanup(web.Close)
	api := httptest.NewServer(cloud)
	t.Cleanup(api.Close)
	ssh, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ssh.Close() })
	p := &patient{t: t, env: map[string]string{"DIGITALOCEAN_TOKEN": canary, "DIGITALOCEAN_API_URL": api.URL}}
	d, err := withoutStore(Options{
		Home: filepath.Join(t.TempDir(), "home"), Env: p.env,
		Offers: []catalog.Offer{{Provider: "digitalocean", Type: "s-1", Region: "nyc1", VCPU: 1, MemoryGB: 1, PriceUSD: 1, AsOf: "2026-05-29"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.doctor = &doctor{
		d: d, registry: web.URL, releases: web.URL, sshHost: ssh.Addr().String(),
		now: func() time.Time { return time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC) },
	}
	return p
}

func goodAccount(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+canary {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = fmt.Fprintf(w, `{"id":"Unauthorized","message":"Unable to authenticate you"}`)
		return
	}
	_, _ = w.Write([]byte(`{"account":{"email":"ops@example.com","email_verified":true,"status":"active"}}`))
}

// check examines and returns the check of a name; nothing of it may hold the
// token.
func (p *patient) check(name string) (Check, Diagnosis) {
	p.t.Helper()
	d := p.examine(p.t.Context())
	raw, err := json.Marshal(d)
	if err != nil || strings.Contains(string(raw), canary) {
		p.t.Fatalf("the token is in the diagnosis, %v: %s", err, raw)
	}
	for _, c := range d.Checks {
		if c.Name == name {
			return c, d
		}
	}
	p.t.Fatalf("no check %s in %s", name, raw)
	return Check{}, d
}

func (p *patient) want(name string, state CheckState, detail, fix string) Diagnosis {
	p.t.Helper()
	c, d := p.check(name)
	if c.State != state || !strings.Contains(c.Detail, detail) || !strings.Contains(c.Fix, fix) || fix == "" && c.Fix != "" {
		p.t.Errorf("%s: %+v\nwant %s, %q, %q", name, c, state, detail, fix)
	}
	return d
}

func TestDoctorFindsNothingWrong(t *testing.T) {
	p := newPatient(t, goodAccount)
	d := p.want("digitalocean", CheckOK, "ops@example.com, credentials from variable DIGITALOCEAN_TOKEN", "")
	if bad := d.Failed(); len(bad) > 0 {
		t.Errorf("failed: %+v", bad)
	}
	if got := d.Ready(); !slices.Equal(got, []string{"digitalocean", "local"}) {
		t.Errorf("ready for %v", got)
	}
	p.want("vultr", CheckAbsent, "no Vultr API key", "Set VULTR_API_KEY")
	p.want("engine", CheckOK, "Terraform 1.", "")
	p.want("store", CheckOK, "0 live deployment(s)", "")
	p.want("disk", CheckOK, "GiB free", "")
	p.want("clock", CheckOK, "right", "")
	p.want("registry", CheckOK, "answers", "")
	p.want("ssh", CheckOK, "port 22 gets out", "")
	p.want("proxy", CheckOK, "direct", "")
}

func TestDoctorOnCredentials(t *testing.T) {
	p := newPatient(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		// An answer that is careless enough to repeat the token.
		_, _ = fmt.Fprintf(w, `{"id":"Unauthorized","message":"Unable to authenticate you with %s"}`, canary)
	})
	d := p.want("digitalocean", CheckFailed, "the token of DIGITALOCEAN_TOKEN is not accepted", "make a new one")
	if got := d.Ready(); !slices.Equal(got, []string{"local"}) {
		t.Errorf("ready for %v", got)
	}
	delete(p.env, "DIGITALOCEAN_TOKEN")
	if d := p.want("digitalocean", CheckAbsent, "no DigitalOcean token", "Set DIGITALOCEAN_TOKEN"); len(d.Failed()) != 0 {
		t.Errorf("a cloud without credentials is a failure: %+v", d.Failed())
	}
}

func TestDoctorOnTheClock(t *testing.T) {
	for name, c := range map[string]struct {
		ahead  time.Duration // of the network's clock
		state  CheckState
		detail string
	}{
		"right":        {0, CheckOK, "right"},
		"a little off": {-90 * time.Second, CheckOK, "right, to 1m3"},
		"slow":         {10 * time.Minute, CheckFailed, "slow"},
		"fast":         {-10 * time.Minute, CheckFailed, "fast"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPatient(t, goodAccount)
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", time.Now().Add(c.ahead).UTC().Format(http.TimeFormat))
			}))
			defer web.Close()
			p.registry = web.URL
			got, _ := p.check("clock")
			if got.State != c.state || !strings.Contains(got.Detail, c.detail) || (c.state == CheckFailed) != strings.Contains(got.Fix, "set the clock") {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestDoctorOnTheNetwork wants a network that does not work to be a failure
// only where a cloud could be deployed to.
func TestDoctorOnTheNetwork(t *testing.T) {
	p := newPatient(t, goodAccount)
	p.registry, p.sshHost = "http://127.0.0.1:1/x", "127.0.0.1:1"
	d := p.want("registry", CheckFailed, "connection refused", "SKYSAIL_PROVIDER_MIRROR")
	if got := d.Ready(); !slices.Equal(got, []string{"local"}) {
		t.Errorf("ready for %v", got)
	}
	p.want("ssh", CheckAbsent, "connection refused", "TCP")
	p.want("clock", CheckAbsent, "nothing could be asked", "")
	delete(p.env, "DIGITALOCEAN_TOKEN")
	p.want("registry", CheckAbsent, "connection refused", "Local services")

	p.env["DIGITALOCEAN_TOKEN"], p.env["HTTPS_PROXY"] = canary, "http://user:pass-word@127.0.0.1:1"
	got, _ := p.check("proxy")
	if got.State != CheckOK || strings.Contains(got.Detail, "pass-word") || !strings.Contains(got.Detail, "user:xxxxx@127.0.0.1:1") {
		t.Errorf("%+v", got)
	}
	p.env["HTTPS_PROXY"] = ":pass-word"
	if got, _ := p.check("proxy"); got.State != CheckFailed || strings.Contains(got.Detail, "pass-word") {
		t.Errorf("%+v", got)
	}
}

func TestDoctorOnTheMirror(t *testing.T) {
	p := newPatient(t, goodAccount)
	p.registry = "http://127.0.0.1:1/x"
	p.d.opts.ProviderMirror = t.TempDir()
	p.want("providers", CheckFailed, "holds no providers", "terraform providers mirror")
	if err := os.MkdirAll(filepath.Join(p.d.opts.ProviderMirror, "registry.terraform.io", "vultr", "vultr", "2.32.0"), 0o700); err != nil {
		t.Fatal(err)
	}
	d := p.want("providers", CheckOK, ": vultr", "")
	p.want("registry", CheckAbsent, "need not be", "")
	if len(d.Failed()) != 0 {
		t.Errorf("failed: %+v", d.Failed())
	}
}

func TestDoctorOnTheEngine(t *testing.T) {
	p := newPatient(t, goodAccount)
	t.Setenv("PATH", t.TempDir())
	p.want("engine", CheckOK, "no Terraform >= 1.6.0, < 2.0.0 on PATH; 1.11.4 is fetched", "")
	p.releases = "http://127.0.0.1:1/x"
	d := p.want("engine", CheckFailed, "can not be fetched", "Install Terraform")
	if got := d.Ready(); len(got) != 0 {
		t.Errorf("without an engine it is ready for %v", got)
	}
	p.want("containers", CheckAbsent, "no podman or docker", "install podman")
}

func TestDoctorOnTheStore(t *testing.T) {
	p := newPatient(t, goodAccount)
	if err := os.MkdirAll(p.d.home, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.d.storePath(), []byte("this is no database, and long enough to be taken for none"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, d := p.check("store")
	if c.State != CheckFailed || c.Fix == "" || len(d.Ready()) != 0 {
		t.Errorf("%+v, ready for %v", c, d.Ready())
	}
}

func TestDoctorOnPrices(t *testing.T) {
	p := newPatient(t, goodAccount)
	price := func() Check {
		d := p.examine(t.Context())
		return d.Checks[len(d.Checks)-1]
	}
	if c := price(); c.Group != GroupPrices || c.State != CheckOK || !strings.Contains(c.Detail, "1 offers, prices of 2026-05-29 and later (3 days)") {
		t.Errorf("%+v", c)
	}
	p.now = func() time.Time { return time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC) }
	if c := price(); c.State != CheckAbsent || !strings.Contains(c.Detail, "older than limits.max_price_age = 720h") || !strings.Contains(c.Fix, "catalog refresh") {
		t.Errorf("%+v", c)
	}
}
