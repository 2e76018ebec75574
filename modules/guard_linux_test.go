package modules_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// guardHelper makes the test binary the server or the client of
// testdata/metadata-guard.sh.
func guardHelper() {
	if addr := os.Getenv("GUARD_SERVE"); addr != "" {
		server := &http.Server{Addr: addr, ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprint(w, "metadata")
		})}
		fmt.Fprintln(os.Stderr, server.ListenAndServe())
		os.Exit(1)
	}
	url := os.Getenv("GUARD_GET")
	if url == "" {
		return
	}
	if uid, err := strconv.Atoi(os.Getenv("GUARD_UID")); err == nil {
		if err := syscall.Setuid(uid); err != nil {
			panic(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		panic(err)
	}
	resp, err := (&http.Client{Transport: &http.Transport{}}).Do(req)
	var op *net.OpError
	switch {
	case err == nil:
		_ = resp.Body.Close()
		fmt.Println("answered")
	case ctx.Err() != nil:
		fmt.Println("hung")
	case errors.As(err, &op):
		fmt.Println("refused")
	default:
		fmt.Println(err)
	}
	os.Exit(0)
}

// TestMetadataGuard has the kernel judge the rules: a container and the
// service's user are refused at once, root is not, and name servers at the
// same address stay reachable.
func TestMetadataGuard(t *testing.T) {
	nft := "/usr/sbin/nft"
	if _, err := os.Stat(nft); err != nil {
		if _, err := exec.LookPath("apt-get"); err == nil {
			t.Fatal("nft is missing: `make tools-debian` installs it, or `apt-get install nftables`")
		}
		t.Skip("NOT RUN: this system has no /usr/sbin/nft and no apt-get to install nftables with")
	}
	text := strings.Replace(read(t, "cloudinit/files/metadata-guard.nft"), `"skysail"`, "65534", 1)
	rules := filepath.Join(t.TempDir(), "guard.nft")
	if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// Making network namespaces needs root. A user's own namespace would do,
	// but has no second user to be refused.
	if os.Getuid() != 0 {
		t.Skip("NOT RUN: only root can make the network in which the rules are tried")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("NOT RUN: there is no ip (iproute2) to make the network in which the rules are tried")
	}
	if out, err := exec.CommandContext(t.Context(), "unshare", "--net", nft, "list", "ruleset").CombinedOutput(); err != nil {
		t.Skipf("NOT RUN: this kernel lets nobody have nftables in a network namespace: %v: %s", err, out)
	}
	// The service's user must be able to read the binary.
	self := filepath.Join("/tmp", fmt.Sprintf("skysail-guard-%d.test", os.Getpid()))
	if err := copyFile(self); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(self) })
	cmd := exec.CommandContext(t.Context(), "unshare", "--net", "sh", "testdata/metadata-guard.sh", rules, self)
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		t.Fatalf("%v\n%s", err, out)
	}
	want := []string{
		"before container 80: answered",
		"before service 80: answered",
		"root 80: answered",
		"service 80: refused",
		"service 53: answered",
		"container 80: refused",
		"container 53: answered",
	}
	if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(string(out)), "\n")); diff != "" {
		t.Errorf("who reaches the metadata service (-want +got):\n%s", diff)
	}
}

func copyFile(to string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b, err := os.ReadFile(self)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(to, b, 0o700), os.Chmod(to, 0o755))
}
