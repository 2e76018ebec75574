package gcp

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/api/monitoring/v3"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

// metric is one that Cloud Monitoring has of every instance.
// https://cloud.google.com/monitoring/api/metrics_gcp_c#gcp-compute
type metric struct {
	kind, value, unit string
	// of is the metric between two readings of a machine.
	of func(vcpu int, a, b api.Usage) float64
}

const metricBase = "compute.googleapis.com/instance/"

var metrics = map[string]metric{
	metricBase + "cpu/utilization": {"GAUGE", "DOUBLE", "10^2.%", func(vcpu int, a, b api.Usage) float64 {
		return (b.CPUSeconds - a.CPUSeconds) / b.At.Sub(a.At).Seconds() / float64(max(vcpu, 1))
	}},
	metricBase + "network/received_bytes_count": {"DELTA", "INT64", "By", func(_ int, a, b api.Usage) float64 {
		return less(b.ReceivedBytes, a.ReceivedBytes)
	}},
	metricBase + "network/sent_bytes_count": {"DELTA", "INT64", "By", func(_ int, a, b api.Usage) float64 {
		return less(b.SentBytes, a.SentBytes)
	}},
}

// less is a difference of sums, which begin anew when a machine boots.
func less(b, a uint64) float64 {
	if b < a {
		return float64(b)
	}
	return float64(b - a)
}

// point is a value over a time.
type point struct {
	from, to time.Time
	value    float64
}

// series is one metric of one instance, or of several once it is reduced.
type series struct {
	resource, metric map[string]string
	points           []point // oldest first
}

// listTimeSeries answers with what the machines were seen to use. Google
// measures once a minute and tells it minutes later; the simulated cloud has
// each reading at once, so that nobody has to wait for it.
func (s *server) listTimeSeries(_ http.ResponseWriter, r *http.Request) (any, error) {
	q := r.URL.Query()
	start, end, err := interval(q.Get("interval.startTime"), q.Get("interval.endTime"))
	if err != nil {
		return nil, err
	}
	kind, keep, err := parseSelector(q.Get("filter"))
	if err != nil {
		return nil, err
	}
	m, ok := metrics[kind]
	if !ok {
		return nil, &apiError{status: http.StatusNotFound, reason: "notFound", rpcStatus: "NOT_FOUND", message: fmt.Sprintf("Cannot find metric(s) that match type = \"%s\".", kind)}
	}
	how, err := parseAggregation(q, m)
	if err != nil {
		return nil, err
	}
	var all []series
	for _, i := range s.World.State().ServersOf(provider) {
		one := series{
			resource: map[string]string{"project_id": Project, "zone": i.Zone, "instance_id": i.ID},
			metric:   map[string]string{"instance_name": i.Name},
		}
		if !keep(one, detailOf(i).Labels) {
			continue
		}
		one.points = s.points(i, m, start, end)
		if one = how.align(one, end); len(one.points) > 0 {
			all = append(all, one)
		}
	}
	all = how.reduce(all)
	out := []*monitoring.TimeSeries{}
	for _, one := range all {
		out = append(out, how.view(kind, one))
	}
	return map[string]any{"timeSeries": out, "unit": m.unit}, nil
}

func (s *server) points(i *world.Server, m metric, start, end time.Time) []point {
	seen := s.Fleet.Usage(provider, i.ID)
	var out []point
	for n := 1; n < len(seen); n++ {
		a, b := seen[n-1], seen[n]
		if !b.At.After(a.At) || b.At.After(end) || !b.At.After(start) || b.CPUSeconds < a.CPUSeconds {
			continue
		}
		out = append(out, point{a.At, b.At, m.of(i.VCPU, a, b)})
	}
	return out
}

func invalidArgument(format string, args ...any) *apiError {
	return &apiError{status: http.StatusBadRequest, reason: "badRequest", rpcStatus: "INVALID_ARGUMENT", message: fmt.Sprintf(format, args...)}
}

func interval(from, to string) (start, end time.Time, err error) {
	if end, err = time.Parse(time.RFC3339, to); err != nil {
		return start, end, invalidArgument("Field interval.endTime had an invalid value of \"%s\": The end time of the interval must be specified.", to)
	}
	if from == "" {
		return end, end, nil
	}
	if start, err = time.Parse(time.RFC3339, from); err != nil || start.After(end) {
		return start, end, invalidArgument("Field interval.startTime had an invalid value of \"%s\": The start time must be before the end time (%s).", from, to)
	}
	return start, end, nil
}

// parseSelector reads a filter of monitoring: comparisons joined by AND.
// https://cloud.google.com/monitoring/api/v3/filters
func parseSelector(text string) (kind string, keep func(series, map[string]string) bool, err error) {
	type test struct {
		field string
		want  []string
		not   bool
	}
	var tests []test
	for _, term := range strings.Split(text, " AND ") {
		term = strings.Trim(strings.TrimSpace(term), "()")
		field, value, ok := strings.Cut(term, "=")
		not := strings.HasSuffix(field, "!")
		field = strings.ReplaceAll(strings.TrimSpace(strings.TrimSuffix(field, "!")), `"`, "")
		value = strings.TrimSpace(value)
		values, err := selected(value)
		if !ok || field == "" || err != nil {
			return "", nil, invalidArgument("Field filter had an invalid value of \"%s\": Could not parse filter \"%s\"", text, term)
		}
		switch {
		case field == "metric.type" && !not && len(values) == 1:
			kind = values[0]
		case field == "resource.type" && !not && slices.Equal(values, []string{"gce_instance"}):
		default:
			tests = append(tests, test{field, values, not})
		}
	}
	if kind == "" {
		return "", nil, invalidArgument("Field filter had an invalid value of \"%s\": The filter must specify exactly one metric type.", text)
	}
	for _, t := range tests {
		if _, ok := labelOf(series{}, nil, t.field); !ok {
			return "", nil, invalidArgument("Field filter had an invalid value of \"%s\": %s is not a field that the skysail sandbox can filter by", text, t.field)
		}
	}
	return kind, func(s series, labels map[string]string) bool {
		return !slices.ContainsFunc(tests, func(t test) bool {
			have, _ := labelOf(s, labels, t.field)
			return slices.Contains(t.want, have) == t.not
		})
	}, nil
}

// selected reads "value" and one_of("a", "b").
func selected(text string) ([]string, error) {
	if list, ok := strings.CutPrefix(text, "one_of("); ok {
		var out []string
		for _, one := range strings.Split(strings.TrimSuffix(list, ")"), ",") {
			v, err := strconv.Unquote(strings.TrimSpace(one))
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	}
	v, err := strconv.Unquote(text)
	return []string{v}, err
}

// labelOf reads a field of a series, and says whether there are such fields.
func labelOf(s series, labels map[string]string, field string) (string, bool) {
	for prefix, m := range map[string]map[string]string{
		"metadata.user_labels.": labels, "metric.labels.": s.metric, "metric.label.": s.metric,
		"resource.labels.": s.resource, "resource.label.": s.resource,
	} {
		if name, ok := strings.CutPrefix(field, prefix); ok {
			return m[name], true
		}
	}
	return "", false
}
