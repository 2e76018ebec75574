package spec

import (
	"fmt"
	"time"

	"skysail/internal/hclfile"
	"skysail/internal/lazyregexp"
)

// Metrics says where a service tells its own metrics, in Prometheus's text
// format or OpenMetrics, and which of them are taken in.
type Metrics struct {
	Port string `json:"port"` // a port's name
	Path string `json:"path"`
	// Interval is from one reading to the next; 0 is that of who reads.
	Interval time.Duration `json:"interval,omitempty"`
	// Allow are the names of metrics to take in, where * stands for any text;
	// none is all.
	Allow []string `json:"allow,omitempty"`
	// Limit bounds the series of an instance; 0 is DefaultMetricsLimit.
	Limit int `json:"limit,omitempty"`
}

const (
	// DefaultMetricsLimit is Limit where it is not said.
	DefaultMetricsLimit = 500

	maxMetricsLimit    = 5000
	maxMetricsAllow    = 100
	minMetricsInterval = 5 * time.Second
	maxMetricsInterval = time.Hour
	defaultMetricsPath = "/metrics"
)

var (
	metricsSchema = &hclfile.Schema{What: "a metrics block", Attributes: []string{"port", "path", "interval", "allow", "limit"}}
	metricPattern = lazyregexp.New(`^[a-zA-Z_:*][a-zA-Z0-9_:*]{0,127}$`)
)

// MaxSeries is Limit, or what it is where it is not said.
func (m *Metrics) MaxSeries() int {
	if m.Limit == 0 {
		return DefaultMetricsLimit
	}
	return m.Limit
}

func decodeMetrics(service *hclfile.Body) *Metrics {
	b := service.Child("metrics")
	if b == nil {
		return nil
	}
	m := &Metrics{Path: defaultMetricsPath}
	requirePort(b, &m.Port)
	b.String("path", &m.Path)
	b.Strings("allow", &m.Allow)
	b.Int("limit", &m.Limit)
	if b.Has("limit") && m.Limit == 0 {
		m.Limit = -1 // not the default that leaving it out means
	}
	text := ""
	if b.String("interval", &text); b.Has("interval") {
		d, err := time.ParseDuration(text)
		if m.Interval = d; err != nil || d == 0 {
			b.Report(mistake{
				Path: "interval", Summary: "Invalid interval", Detail: "{value} is no duration.", Value: text,
				Hint: `write a number and its unit, for example interval = "30s"`,
			})
			b.Broken("interval")
		}
	}
	return m
}

func (s *Service) metricsMistakes() []mistake {
	m := s.Metrics
	if m == nil {
		return nil
	}
	out := s.healthPort("metrics.port", m.Port)
	if !httpPath.MatchString(m.Path) || len(m.Path) > maxPath {
		bad := mistake{
			Path: "metrics.path", Summary: "Invalid path of metrics", Value: m.Path,
			Detail: "{value} is no path of a URL: it begins with one / and has no spaces, quotes or #, at most 1024 characters.",
			Hint:   `for example "/metrics"`,
		}
		if httpPath.MatchString("/" + m.Path) {
			bad.Guess = fmt.Sprintf("did you mean %s?", hclfile.Quote("/"+m.Path))
		}
		out = append(out, bad)
	}
	if m.Interval != 0 && (m.Interval < minMetricsInterval || m.Interval > maxMetricsInterval) {
		out = append(out, mistake{
			Path: "metrics.interval", Summary: "Invalid interval", Value: m.Interval.String(),
			Detail: fmt.Sprintf("An interval is between %s and %s, not {value}.", minMetricsInterval, maxMetricsInterval),
			Hint:   "leave it out for the interval of `skysail monitor`",
		})
	}
	for i, p := range m.Allow {
		if !metricPattern.MatchString(p) {
			out = append(out, mistake{
				Path: fmt.Sprintf("metrics.allow[%d]", i), Summary: "Invalid name of a metric", Value: p,
				Detail: "{value} is no name of a metric: it has letters, digits, _ and :, at most 128, does not begin with a digit, and * stands for any text.",
				Hint:   `for example allow = ["http_*", "queue_depth"]`,
			})
		}
	}
	if len(m.Allow) > maxMetricsAllow {
		out = append(out, mistake{
			Path: fmt.Sprintf("metrics.allow[%d]", maxMetricsAllow), Summary: "Too many names of metrics",
			Detail: fmt.Sprintf("There are at most %d.", maxMetricsAllow), Hint: "let a * stand for several",
		})
	}
	return append(out, within("metrics.limit", "limit", m.Limit, maxMetricsLimit)...)
}
