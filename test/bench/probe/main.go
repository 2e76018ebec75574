// Command probe compares the CPU time of a health check by HTTP and HTTPS
// with that of blackbox_exporter's prober: the same server, a fresh connection
// for each probe, by turns, each in a process of its own. It prints ratios;
// docs/benchmarks.md says what was measured. It fails when something does not
// work, never by a number.
package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"skysail/qos/httpprobe"
	"skysail/qos/probe"
	"skysail/test/bench/process"
)

func main() {
	blackbox := flag.String("blackbox", "bin/tools/blackbox", "the program of tools/blackbox")
	rounds := flag.Int("rounds", 7, "turns of each")
	n := flag.Int("n", 500, "probes in a turn")
	role := flag.String("role", "", "of a child: server, ours")
	url := flag.String("url", "", "of a child: what to probe")
	ca := flag.String("ca", "", "of a child: the authority's certificate")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch *role {
	case "server":
		err = server(*ca)
	case "ours":
		err = ours(ctx, *url, *ca, *n)
	default:
		err = compare(ctx, *blackbox, *rounds, *n)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		stop()
		os.Exit(1)
	}
}

// server answers by HTTP and HTTPS until its input ends.
func server(ca string) error {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"status":"ok"}`) })
	plain, secure := httptest.NewServer(h), httptest.NewUnstartedServer(h)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		return err
	}
	fmt.Println(plain.URL, secure.URL)
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// ours prints the CPU time of one probe in µs.
func ours(ctx context.Context, url, ca string, n int) error {
	o := httpprobe.Options{TLS: probe.NewTLS(probe.TLSOptions{CAFile: ca})}
	one := func() error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		r, err := httpprobe.Probe(ctx, url, o)
		if err == nil && !r.Success {
			err = fmt.Errorf("the probe failed: %s", r.Why)
		}
		return err
	}
	for range 100 {
		if err := one(); err != nil {
			return err
		}
	}
	before := process.CPU()
	for range n {
		if err := one(); err != nil {
			return err
		}
	}
	fmt.Println(float64((process.CPU() - before).Nanoseconds()) / 1000 / float64(n))
	return nil
}

func compare(ctx context.Context, blackbox string, rounds, n int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "skysail-bench-probe")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ca := filepath.Join(dir, "ca.pem")
	out, end, err := process.Serve(ctx, "-role", "server", "-ca", ca)
	if err != nil {
		return err
	}
	defer end()
	var plain, secure string
	if _, err := fmt.Fscan(out, &plain, &secure); err != nil {
		return fmt.Errorf("the server did not start: %w", err)
	}
	fmt.Printf("%-6s %18s %18s %8s   (CPU of one probe, median of %d turns of %d)\n", "", "blackbox_exporter", "skysail", "ratio", rounds, n)
	for _, target := range []struct{ name, url string }{{"http", plain}, {"https", secure}} {
		var theirs, own, ratios []float64
		for range rounds {
			args := []string{"-url", target.url, "-ca", ca, "-n", strconv.Itoa(n)}
			b, err := measured(ctx, blackbox, args...)
			if err != nil {
				return err
			}
			o, err := measured(ctx, self, append([]string{"-role", "ours"}, args...)...)
			if err != nil {
				return err
			}
			theirs, own, ratios = append(theirs, b), append(own, o), append(ratios, o/b)
		}
		fmt.Printf("%-6s %15.0f µs %15.0f µs %8.2f   (of single turns: %.2f to %.2f)\n", target.name,
			median(theirs), median(own), median(own)/median(theirs), slices.Min(ratios), slices.Max(ratios))
	}
	return nil
}

// measured runs a program that prints a number.
func measured(ctx context.Context, program string, args ...string) (float64, error) {
	cmd := exec.CommandContext(ctx, program, args...) //nolint:gosec // what is measured
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%s: %w", filepath.Base(program), err)
	}
	return strconv.ParseFloat(strings.TrimSpace(out.String()), 64)
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
