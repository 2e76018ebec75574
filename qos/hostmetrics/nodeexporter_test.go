package hostmetrics_test

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"skysail/qos/hostmetrics"
	"skysail/qos/metric"
)

// TestNodeExporter reads this machine between two scrapes of node_exporter:
// each of our values must be one of its, or between the two.
func TestNodeExporter(t *testing.T) {
	program, err := exec.LookPath("prometheus-node-exporter")
	if err != nil {
		t.Skip("NOT RUN: metrics are not held against node_exporter's: it is not installed (make tools-debian)")
	}
	scrape := nodeExporter(t, program)
	script := func() []metric.Metric {
		out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", hostmetrics.Script("")).Output()
		if err != nil {
			t.Fatal(err)
		}
		r, err := hostmetrics.Parse(out)
		if err != nil {
			t.Fatal(err)
		}
		return r.Metrics
	}
	before := scrape()
	ours := script()
	after := scrape()
	checked := map[string]int{}
	for _, m := range ours {
		if !strings.HasPrefix(m.Name, "node_") {
			continue
		}
		key := seriesKey(m.Name, m.Labels)
		low, known := before[key]
		high, still := after[key]
		if !known || !still {
			if !transient(m) {
				t.Errorf("node_exporter has no %s", key)
			}
			continue
		}
		checked[m.Name]++
		slack := rounding(m.Name, max(math.Abs(low), math.Abs(high)))
		if m.Value < min(low, high)-slack || m.Value > max(low, high)+slack {
			t.Errorf("%s is %v, node_exporter said %v before and %v after", key, m.Value, low, high)
		}
	}
	for _, name := range []string{
		"node_cpu_seconds_total", "node_load1", "node_memory_MemTotal_bytes", "node_memory_MemAvailable_bytes", "node_filesystem_size_bytes",
		"node_filesystem_avail_bytes", "node_network_receive_bytes_total", "node_boot_time_seconds", "node_time_seconds",
	} {
		if checked[name] == 0 {
			t.Errorf("%s was not compared", name)
		}
	}
	t.Logf("%d names compared", len(checked))
}

// transient are series of what comes and goes between two readings.
func transient(m metric.Metric) bool {
	device := m.Labels["device"]
	return strings.HasPrefix(device, "veth") || strings.HasPrefix(device, "tun") || m.Labels["mountpoint"] != "/" && strings.HasPrefix(m.Name, "node_filesystem")
}

// rounding is how far a value may be from node_exporter's. What moves both ways
// between two scrapes has a share of its size; the clock of /proc/stat has
// hundredths, as has the load.
func rounding(name string, value float64) float64 {
	switch {
	case strings.HasSuffix(name, "Total_bytes"), name == "node_filesystem_size_bytes", name == "node_filesystem_readonly":
		return 0
	case strings.HasPrefix(name, "node_memory"), strings.HasPrefix(name, "node_filesystem"):
		return 0.05*value + 64<<20
	case strings.HasPrefix(name, "node_load"), strings.HasPrefix(name, "node_procs"):
		return 0.5*value + 20
	case name == "node_boot_time_seconds", name == "node_time_seconds":
		return 1
	}
	return 0.011
}

func seriesKey(name string, labels map[string]string) string {
	var parts []string
	for k, v := range labels {
		parts = append(parts, fmt.Sprintf("%s=%q", k, v))
	}
	slices.Sort(parts)
	return name + "{" + strings.Join(parts, ",") + "}"
}

// nodeExporter starts one and returns what scrapes it.
func nodeExporter(t *testing.T, program string) func() map[string]float64 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "--web.listen-address="+addr,
		// Debian's leaves the loopback out, upstream's does not.
		"--collector.netdev.device-exclude=^none$")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
	})
	url := "http://" + addr + "/metrics"
	for until := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get(url)
		if err == nil {
			_ = resp.Body.Close()
			break
		}
		if time.Now().After(until) {
			t.Fatal(err)
		}
	}
	return func() map[string]float64 {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		parser := expfmt.NewTextParser(model.LegacyValidation)
		families, err := parser.TextToMetricFamilies(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]float64{}
		for name, f := range families {
			for _, m := range f.GetMetric() {
				labels := map[string]string{}
				for _, l := range m.GetLabel() {
					labels[l.GetName()] = l.GetValue()
				}
				// Those that are not of the kind are 0.
				out[seriesKey(name, labels)] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue()
			}
		}
		return out
	}
}
