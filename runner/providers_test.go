package runner

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"

	"skysail/sandbox/proxy"
)

// registry is a provider registry with one provider, acme/thing 1.2.3, whose
// checksums it signs, reached as registry.terraform.io through a proxy
// (https://developer.hashicorp.com/terraform/internals/provider-registry-protocol).
type registry struct {
	downloads atomic.Int32
	zip, sums []byte
	signature []byte
	key       string
	// forged answers with another archive than the one that was signed.
	forged bool
}

func newRegistry(t *testing.T) *registry {
	t.Helper()
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	f, err := z.CreateHeader(&zip.FileHeader{Name: "terraform-provider-thing_v1.2.3", Method: zip.Deflate, ExternalAttrs: 0o755 << 16, CreatorVersion: 3 << 8})
	must(t, err)
	_, err = f.Write([]byte("#!/bin/sh\nexit 1\n"))
	must(t, err)
	must(t, z.Close())
	r := &registry{zip: archive.Bytes()}
	var sums bytes.Buffer
	for _, platform := range []string{"darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64"} {
		content := append([]byte{}, r.zip...)
		if platform != runtime.GOOS+"_"+runtime.GOARCH {
			content = []byte(platform)
		}
		fmt.Fprintf(&sums, "%x  terraform-provider-thing_1.2.3_%s.zip\n", sha256.Sum256(content), platform)
	}
	r.sums = sums.Bytes()
	entity, err := openpgp.NewEntity("test", "", "test@example.com", nil)
	must(t, err)
	var sig bytes.Buffer
	must(t, openpgp.DetachSign(&sig, entity, bytes.NewReader(r.sums), nil))
	r.signature = sig.Bytes()
	var key bytes.Buffer
	w, err := armor.Encode(&key, openpgp.PublicKeyType, nil)
	must(t, err)
	must(t, entity.Serialize(w))
	must(t, w.Close())
	r.key = key.String()
	return r
}

func (r *registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	const base = "/v1/providers/acme/thing/"
	name := fmt.Sprintf("terraform-provider-thing_1.2.3_%s_%s.zip", runtime.GOOS, runtime.GOARCH)
	w.Header().Set("Content-Type", "application/json")
	switch req.URL.Path {
	case "/.well-known/terraform.json":
		fmt.Fprint(w, `{"providers.v1":"/v1/providers/"}`)
	case base + "versions":
		fmt.Fprintf(w, `{"versions":[{"version":"1.2.3","protocols":["5.0"],"platforms":[{"os":%q,"arch":%q}]}]}`, runtime.GOOS, runtime.GOARCH)
	case base + "1.2.3/download/" + runtime.GOOS + "/" + runtime.GOARCH:
		fmt.Fprintf(w, `{"protocols":["5.0"],"os":%q,"arch":%q,"filename":%q,"download_url":"/files/%s","shasums_url":"/files/sums","shasums_signature_url":"/files/sig","shasum":"%x","signing_keys":{"gpg_public_keys":[{"key_id":"K","ascii_armor":%q}]}}`,
			runtime.GOOS, runtime.GOARCH, name, name, sha256.Sum256(r.zip), r.key)
	case "/files/" + name:
		if req.Method == http.MethodGet {
			r.downloads.Add(1)
		}
		if r.forged {
			_, _ = w.Write([]byte("another archive"))
			return
		}
		_, _ = w.Write(r.zip)
	case "/files/sums":
		_, _ = w.Write(r.sums)
	case "/files/sig":
		_, _ = w.Write(r.signature)
	default:
		http.NotFound(w, req)
	}
}

// reach points the engine at the registry, by proxy and CA.
func (r *registry) reach(t *testing.T, host string) {
	t.Helper()
	dir := t.TempDir()
	ca, err := proxy.LoadAuthority(dir, []string{host}, time.Now())
	must(t, err)
	p, err := proxy.New(ca, map[string]http.Handler{host: r}, slog.New(slog.DiscardHandler))
	must(t, err)
	s := httptest.NewServer(p)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		p.Close(ctx)
		s.Close()
	})
	t.Setenv("HTTPS_PROXY", s.URL)
	t.Setenv("SSL_CERT_FILE", filepath.Join(dir, proxy.CertFile))
}

func TestProviderIsFetchedOnceAndOnlyRead(t *testing.T) {
	r := newRegistry(t)
	r.reach(t, "registry.terraform.io")
	e, err := EngineFinder{}.Find(t.Context())
	must(t, err)
	var notices atomic.Int32
	c := ProviderCache{Dir: filepath.Join(t.TempDir(), "cache"), Engine: e, Notice: func(string) { notices.Add(1) }}
	if _, ok := c.Mirror("acme/thing", "1.2.3"); ok {
		t.Fatal("it is there before it was fetched")
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := c.Ensure(t.Context(), "acme/thing", "1.2.3"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := r.downloads.Load(); n != 1 || notices.Load() != 1 {
		t.Errorf("%d downloads, %d notices", n, notices.Load())
	}
	m, ok := c.Mirror("acme/thing", "1.2.3")
	if !ok || len(m.Include) != 1 || m.Include[0] != "registry.terraform.io/acme/thing" {
		t.Errorf("mirror %+v %v", m, ok)
	}
	lock, err := c.Lock("acme/thing", "1.2.3")
	must(t, err)
	// The signed checksums of all four platforms, and this one's own hash.
	if strings.Count(string(lock), `"zh:`) != 4 || strings.Count(string(lock), `"h1:`) != 1 {
		t.Errorf("lock file:\n%s", lock)
	}
	must(t, filepath.WalkDir(c.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "fill.lock" {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o222 != 0 {
			t.Errorf("%s can be written: %s", path, info.Mode())
		}
		return err
	}))
	if left := globs(filepath.Join(c.Dir, filling)); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	initFromCache(t, c, lock)
}

// initFromCache runs a bundle's init with the cache and no registry.
func initFromCache(t *testing.T, c ProviderCache, lock []byte) {
	t.Helper()
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	dir := t.TempDir()
	w := &Workspace{Engine: c.Engine, Dir: filepath.Join(dir, "bundle"), Private: filepath.Join(dir, "private"), CLIConfig: filepath.Join(dir, "rc")}
	must(t, os.MkdirAll(w.Dir, 0o700))
	must(t, os.MkdirAll(w.Private, 0o700))
	must(t, os.WriteFile(filepath.Join(w.Dir, "versions.tf"), requirement(c.provider("acme/thing", "1.2.3")), 0o600))
	must(t, os.WriteFile(filepath.Join(w.Dir, "backend.tf"), []byte("terraform {\n  backend \"local\" {}\n}\n"), 0o600))
	must(t, os.WriteFile(filepath.Join(w.Dir, LockFile), lock, 0o600))
	m, _ := c.Mirror("acme/thing", "1.2.3")
	must(t, os.WriteFile(w.CLIConfig, CLIConfig([]Mirror{m}, false), 0o600))
	must(t, w.Init(t.Context()))
	after, err := os.ReadFile(filepath.Join(w.Dir, LockFile))
	must(t, err)
	if !bytes.Equal(after, lock) {
		t.Errorf("init changed the lock file:\n%s", after)
	}
	link := filepath.Join(w.Private, dataDir, "providers", "registry.terraform.io", "acme", "thing", "1.2.3", runtime.GOOS+"_"+runtime.GOARCH)
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the provider was copied, not linked: %v %v", info, err)
	}
}

func TestForgedProviderIsRefused(t *testing.T) {
	r := newRegistry(t)
	r.forged = true
	r.reach(t, "registry.terraform.io")
	e, err := EngineFinder{}.Find(t.Context())
	must(t, err)
	c := ProviderCache{Dir: filepath.Join(t.TempDir(), "cache"), Engine: e}
	err = c.Ensure(t.Context(), "acme/thing", "1.2.3")
	var re *Error
	if !errors.As(err, &re) || re.Op != "init" {
		t.Errorf("got %v", err)
	}
	if _, ok := c.Mirror("acme/thing", "1.2.3"); ok {
		t.Error("it is in the cache")
	}
	if left := globs(filepath.Join(c.Dir, filling)); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}
