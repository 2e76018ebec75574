package httpprobe

import (
	"net/http"
	"time"

	"skysail/qos/metric"
	"skysail/qos/probe"
)

// phaseNames in the order in which they happen.
var phaseNames = [5]string{"resolve", "connect", "tls", "processing", "transfer"}

// metrics are those of blackbox_exporter's HTTP prober, of the last exchange
// where nothing else is said. probe_failed_due_to_regex is there where a
// regular expression is, and ours for JSON, for which blackbox_exporter has
// CEL, where such a condition is.
func (w *walk) metrics(success bool, end time.Time) []metric.Metric {
	e := w.last
	out := make([]metric.Metric, 0, 24)
	out = append(out,
		metric.One(metric.ProbeSuccess, metric.Bool(success)),
		metric.One(metric.ProbeDuration, end.Sub(w.start).Seconds()))
	for i, phase := range phaseNames {
		out = append(out, metric.With("probe_http_duration_seconds", w.phases[i].Seconds(), "phase", phase))
	}
	status, length, secure := 0, int64(0), false
	if e.resp != nil {
		status, length, secure = e.resp.StatusCode, e.resp.ContentLength, e.url.Scheme == "https"
	}
	out = append(out,
		metric.One("probe_http_status_code", float64(status)),
		metric.One("probe_http_ssl", metric.Bool(secure)),
		metric.One("probe_http_redirects", float64(w.redirects)),
		metric.One("probe_http_content_length", float64(length)),
		metric.One("probe_http_uncompressed_body_length", float64(e.length)))
	if e.resp != nil {
		out = append(out, metric.One("probe_http_version", float64(e.resp.ProtoMajor)+float64(e.resp.ProtoMinor)/10))
		if at, err := http.ParseTime(e.resp.Header.Get("Last-Modified")); err == nil {
			out = append(out, metric.One("probe_http_last_modified_timestamp_seconds", float64(at.Unix())))
		}
	}
	if len(w.o.BodyMatches)+len(w.o.BodyNotMatches)+len(w.o.HeaderMatches) > 0 {
		out = append(out, metric.One("probe_failed_due_to_regex", metric.Bool(w.regexFailed)))
	}
	if len(w.o.JSON) > 0 {
		out = append(out, metric.One("skysail_probe_failed_due_to_json", metric.Bool(w.jsonFailed)))
	}
	out = append(out, probe.AddressMetrics(e.conn, e.conn.Times.Resolve(end))...)
	return append(out, w.o.TLS.Metrics(e.conn, e.serverName())...)
}
