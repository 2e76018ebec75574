package cli

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"skysail/clouds"
	"skysail/deploy"
	"skysail/qos"
	"skysail/qos/metric"
)

func newQoS(a *app) *cobra.Command {
	var all bool
	var since time.Duration
	cmd := &cobra.Command{
		Use:   "qos NAME",
		Short: "Read host metrics, service state and health of a deployment now, or show their history",
		Long: `Reads every source of every instance side by side, each with its own deadline,
and stores what they said. The provider's own measurements (source cloud) are
minutes late and asked for no more often than the provider allows; between two
calls the last ones stand, with their age. A source that fails is shown with its
reason; the others stand. Pods have no SSH source: the cluster tells of them
(source kubernetes). Without --all the samples are condensed to what a
person looks for first; -o json has all of them.

With --since it shows what the store has of that time and asks nobody, so also of
a deployment that is gone: a row for each series with its least, average,
greatest and last value, and a sparkline, which has a space where nothing was
read. Samples are kept as they are for a day, in steps of 5 minutes for 14 days,
and in steps of an hour for 400 days. skysail monitor reads all the time; without
it there is what deploy and qos have read.`,
		Example: `  skysail qos hello
  skysail qos hello -o json
  skysail qos hello --since 24h
  skysail qos hello --since 168h --all -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withDeployer(cmd.Context(), deploy.Options{}, func(d *deploy.Deployer) error {
				if cmd.Flags().Changed("since") {
					return a.qosSince(cmd.Context(), d, args[0], since, all)
				}
				res, err := d.Collect(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.printQoS(res, all)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every sample")
	cmd.Flags().DurationVar(&since, "since", 0, "the history of so long a time that the store has, such as 24h")
	return cmd
}

// ruled reports whether a sample is what the service's own log rules came to:
// somebody asked for it by name. Of a histogram its count and sum are enough.
func ruled(s qos.Sample) bool {
	return s.Source == qos.SourceLogs && strings.HasPrefix(s.Name, "log_") && !strings.HasSuffix(s.Name, "_bucket")
}

func (a *app) printQoS(res qos.Result, all bool) error {
	if a.output == "json" {
		if res.Samples == nil {
			res.Samples = []qos.Sample{}
		}
		return a.printJSON(map[string]any{"samples": res.Samples, "sources": res.Reports})
	}
	rows := make([][]string, 0, len(res.Reports))
	for _, r := range res.Reports {
		state, detail := "ok", strings.Join(r.Notes, "; ")
		if r.Kept && detail == "" {
			detail = "kept; providers are asked at intervals"
		}
		if r.Err != nil {
			state, detail = "failed", firstLine(r.Err.Error())
		}
		rows = append(rows, []string{r.Instance, r.Source, state, r.Duration.Round(time.Millisecond).String(), qos.Printable(detail)})
	}
	table(a.io.Out, []string{"INSTANCE", "SOURCE", "STATE", "TOOK", "DETAIL"}, rows)
	a.printf("\n")
	rows = nil
	for _, s := range res.Samples {
		text := formatValue(s.Name, s.Value)
		if !all && !headline[s.Name] && !ruled(s) {
			continue
		}
		rows = append(rows, []string{s.Instance, s.Source, s.Name + labelText(shortLabels(s.Labels, all)), text, age(s.ObservedAt)})
	}
	table(a.io.Out, []string{"INSTANCE", "SOURCE", "METRIC", "VALUE", "AGE"}, rows)
	if !all {
		a.printf("%d samples in all; --all shows them.\n", len(res.Samples))
	}
	return nil
}

// shortLabels are those of a file system that a person goes by: the others make
// the line too long.
func shortLabels(labels map[string]string, all bool) map[string]string {
	if mount, ok := labels["mountpoint"]; ok && !all {
		return map[string]string{"mountpoint": mount}
	}
	return labels
}

// headline are the metrics that a person looks for first.
var headline = map[string]bool{
	"probe_success": true, "probe_duration_seconds": true, "probe_http_status_code": true,
	metric.PodReady: true, metric.PodCPU: true, "container_memory_working_set_bytes": true,
	"skysail_service_up": true, "skysail_service_restarts_total": true,
	"node_load1": true, "node_memory_MemTotal_bytes": true, "node_memory_MemAvailable_bytes": true,
	clouds.MetricCPU: true, clouds.MetricMemory: true, clouds.MetricReceive: true, clouds.MetricTransmit: true,
	clouds.MetricReceiveDay: true, clouds.MetricTransmitDay: true, clouds.MetricLoad1: true,
	"node_filesystem_size_bytes": true, "node_filesystem_avail_bytes": true, "node_boot_time_seconds": true,
}

// age is how long ago a value was true; providers tell theirs minutes late.
func age(observed time.Time) string {
	d := time.Since(observed)
	if d < time.Minute {
		return fmt.Sprintf("%ds", int(max(0, d).Seconds()))
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}

func labelText(labels map[string]string) string {
	if len(labels) == 0 {
		return ""
	}
	names := make([]string, 0, len(labels))
	for n := range labels {
		names = append(names, n)
	}
	sort.Strings(names)
	parts := make([]string, 0, len(names))
	for _, n := range names {
		parts = append(parts, fmt.Sprintf("%s=%q", n, qos.Printable(labels[n])))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// formatValue shows a base unit as a person reads it.
func formatValue(name string, v float64) string {
	switch {
	case name == "probe_dns_lookup_time_seconds":
		return fmt.Sprintf("%.1f ms", v*1000)
	case strings.HasSuffix(name, "_time_seconds"), strings.HasSuffix(name, "_timestamp_seconds"), strings.HasSuffix(name, "_cert_expiry"):
		return time.Unix(int64(v), 0).Local().Format(time.DateTime)
	case strings.HasSuffix(name, "_bytes"):
		return formatBytes(v)
	case strings.HasSuffix(name, "_bytes_per_second"):
		return formatBytes(v) + "/s"
	case strings.HasSuffix(name, "_ratio"):
		return fmt.Sprintf("%.1f %%", 100*v)
	case strings.HasSuffix(name, "_seconds") && v < 10:
		return fmt.Sprintf("%.1f ms", v*1000)
	default:
		return fmt.Sprintf("%g", v)
	}
}

func formatBytes(v float64) string {
	switch {
	case v >= 1<<30:
		return fmt.Sprintf("%.2f GiB", v/(1<<30))
	case v >= 1<<20:
		return fmt.Sprintf("%.1f MiB", v/(1<<20))
	case v >= 1<<10:
		return fmt.Sprintf("%.1f KiB", v/(1<<10))
	default:
		return fmt.Sprintf("%.0f B", v)
	}
}
