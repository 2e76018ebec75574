package httpprobe_test

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"skysail/qos/httpprobe"
	"skysail/qos/probe"
)

// serverEnv makes the test's binary a server: the benchmarks count the CPU of
// the probing process alone.
const serverEnv = "SKYSAIL_PROBE_BENCH_SERVER"

func serveBench() {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"status":"ok"}`) })
	plain, secure := httptest.NewServer(h), httptest.NewUnstartedServer(h)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	_, _ = fmt.Println(plain.URL, secure.URL, base64.StdEncoding.EncodeToString(secure.Certificate().Raw))
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func startBench(b *testing.B) (plain, secure string, roots *x509.CertPool) {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), serverEnv+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = stdin.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	words := strings.Fields(line)
	raw, err := base64.StdEncoding.DecodeString(words[2])
	if err != nil {
		b.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		b.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(cert)
	return words[0], words[1], roots
}

// BenchmarkProbe is one probe over a fresh connection; cpu-µs/op is what this
// process used, user and system, the server being another one.
func BenchmarkProbe(b *testing.B) {
	plain, secure, roots := startBench(b)
	for name, url := range map[string]string{"http": plain, "https": secure} {
		o := httpprobe.Options{TLS: probe.NewTLS(probe.TLSOptions{RootCAs: roots})}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			before := cpu()
			for b.Loop() {
				ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
				r, err := httpprobe.Probe(ctx, url, o)
				cancel()
				if err != nil || !r.Success {
					b.Fatalf("%+v, %v", r, err)
				}
			}
			b.ReportMetric(float64((cpu()-before).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
