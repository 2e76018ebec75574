// Command blackbox probes a URL many times with blackbox_exporter's own HTTP
// prober, for test/bench/probe: so both are measured in the same way. It
// prints the CPU time of this process for one probe in µs.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"syscall"
	"time"

	"github.com/prometheus/blackbox_exporter/config"
	"github.com/prometheus/blackbox_exporter/prober"
	"github.com/prometheus/client_golang/prometheus"
	common "github.com/prometheus/common/config"
)

func main() {
	url := flag.String("url", "", "what to probe")
	ca := flag.String("ca", "", "the authority's certificate")
	n := flag.Int("n", 1000, "probes that count")
	flag.Parse()
	module := config.Module{Prober: "http", Timeout: 10 * time.Second, HTTP: config.DefaultHTTPProbe}
	module.HTTP.HTTPClientConfig = common.DefaultHTTPClientConfig
	module.HTTP.HTTPClientConfig.EnableHTTP2 = false
	module.HTTP.HTTPClientConfig.TLSConfig.CAFile = *ca
	// As the exporter logs when it is not asked for more.
	logger := slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError}))
	probe := func() {
		ctx, cancel := context.WithTimeout(context.Background(), module.Timeout)
		defer cancel()
		if !prober.ProbeHTTP(ctx, *url, module, prometheus.NewRegistry(), logger) {
			fmt.Fprintln(os.Stderr, "blackbox: the probe failed")
			os.Exit(1)
		}
	}
	for range 100 {
		probe()
	}
	before := cpu()
	for range *n {
		probe()
	}
	fmt.Println(float64((cpu() - before).Nanoseconds()) / 1000 / float64(*n))
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
