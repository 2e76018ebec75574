package aws

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

// The pauses at which EC2 measures an instance: with detailed monitoring and
// without.
const (
	detailedPeriod = time.Minute
	basicPeriod    = 5 * time.Minute
)

// maxQueries is how many metrics one call may ask for.
const maxQueries = 500

func (s *server) serveCloudWatch(_ context.Context, c *call) (any, error) {
	if i := strings.LastIndex(c.URL.Path, "/operation/"); i < 0 || c.URL.Path[i+len("/operation/"):] != "GetMetricData" {
		return nil, unsimulated("the CloudWatch call " + c.URL.Path)
	}
	v, err := cbor.Decode(c.body)
	if err != nil {
		return nil, badRequest("SerializationException", "%v", err)
	}
	in := cborMap(v)
	from, to := cborTime(in["StartTime"]), cborTime(in["EndTime"])
	queries := cborList(in["MetricDataQueries"])
	switch {
	case from.IsZero() || to.IsZero():
		return nil, badRequest("ValidationError", "The parameters StartTime and EndTime are required.")
	case !from.Before(to):
		return nil, badRequest("ValidationError", "The parameter EndTime must be greater than StartTime.")
	case len(queries) > maxQueries:
		return nil, badRequest("ValidationError", "The collection MetricDataQueries must not have a size greater than %d.", maxQueries)
	}
	results := cbor.List{}
	for _, q := range queries {
		one, err := s.metric(c, cborMap(q), from, to, cborString(in["ScanBy"]) == "TimestampAscending")
		if err != nil {
			return nil, err
		}
		results = append(results, one)
	}
	return cbor.Map{"MetricDataResults": results, "Messages": cbor.List{}}, nil
}

// metric answers one query. A metric that nothing has is no error: it has no
// values.
func (s *server) metric(c *call, q cbor.Map, from, to time.Time, ascending bool) (cbor.Map, error) {
	if q["Expression"] != nil {
		return nil, unsimulated("metric expressions")
	}
	stat := cborMap(q["MetricStat"])
	m := cborMap(stat["Metric"])
	name, period := cborString(m["MetricName"]), time.Duration(cborNumber(stat["Period"]))*time.Second
	if period < detailedPeriod || period%detailedPeriod != 0 {
		return nil, badRequest("ValidationError", "Period must be a multiple of 60")
	}
	statistic := cborString(stat["Stat"])
	if !slices.Contains([]string{"Average", "Sum", "Minimum", "Maximum", "SampleCount"}, statistic) {
		return nil, unsimulated("the statistic " + statistic)
	}
	var points []point
	if i := s.measured(c, m); i != nil && cborString(m["Namespace"]) == "AWS/EC2" {
		samples := samplesOf(i, s.Fleet.Usage(provider, i.ID), name)
		points = aggregate(samples, period, statistic, from, to)
	}
	if !ascending {
		slices.Reverse(points)
	}
	times, values := cbor.List{}, cbor.List{}
	for _, p := range points {
		times, values = append(times, cborOfTime(p.at)), append(values, cbor.Float64(p.value))
	}
	label := cborString(q["Label"])
	if label == "" {
		label = name
	}
	return cbor.Map{
		"Id": cbor.String(cborString(q["Id"])), "Label": cbor.String(label), "StatusCode": cbor.String("Complete"),
		"Timestamps": times, "Values": values,
	}, nil
}

// measured is the instance that a metric's dimension names.
func (s *server) measured(c *call, metric cbor.Map) *world.Server {
	dims := cborList(metric["Dimensions"])
	if len(dims) != 1 || cborString(cborMap(dims[0])["Name"]) != "InstanceId" {
		return nil
	}
	i := s.World.State().Server(provider, cborString(cborMap(dims[0])["Value"]))
	if i == nil || i.Region != c.region {
		return nil
	}
	return i
}

// point is a value at the begin of the time that it is about.
type point struct {
	at    time.Time
	value float64
}

// samplesOf makes EC2's samples of an instance out of what its machine was
// seen to use. The sample under way is about what was seen so far.
func samplesOf(i *world.Server, seen []api.Usage, metric string) []point {
	every := basicPeriod
	if detailOf(i).Monitoring {
		every = detailedPeriod
	}
	value := map[string]func(a, b api.Usage) float64{
		"CPUUtilization": func(a, b api.Usage) float64 { return b.CPUSeconds - a.CPUSeconds },
		"NetworkIn":      func(a, b api.Usage) float64 { return float64(b.ReceivedBytes) - float64(a.ReceivedBytes) },
		"NetworkOut":     func(a, b api.Usage) float64 { return float64(b.SentBytes) - float64(a.SentBytes) },
	}[metric]
	if value == nil {
		return nil
	}
	var out []point
	var covered []time.Duration
	for n := 1; n < len(seen); n++ {
		a, b := seen[n-1], seen[n]
		used, span := value(a, b), b.At.Sub(a.At)
		if span <= 0 || used < 0 { // the machine was restarted: its sums began anew
			continue
		}
		// What lies between two readings is spread evenly over the samples
		// that the time between them touches.
		for t := a.At; t.Before(b.At); {
			begin := t.Truncate(every)
			end := begin.Add(every)
			if b.At.Before(end) {
				end = b.At
			}
			if len(out) == 0 || !out[len(out)-1].at.Equal(begin) {
				out, covered = append(out, point{at: begin}), append(covered, 0)
			}
			out[len(out)-1].value += used * float64(end.Sub(t)) / float64(span)
			covered[len(out)-1] += end.Sub(t)
			t = end
		}
	}
	if metric == "CPUUtilization" {
		for n := range out {
			out[n].value = min(100, 100*out[n].value/(covered[n].Seconds()*float64(i.VCPU)))
		}
	}
	return out
}

// aggregate makes one value for each period that begins in [from, to).
func aggregate(samples []point, period time.Duration, statistic string, from, to time.Time) []point {
	var out []point
	var n float64
	for _, p := range samples {
		begin := p.at.Truncate(period)
		if begin.Before(from.Truncate(period)) || !begin.Before(to) {
			continue
		}
		if len(out) == 0 || !out[len(out)-1].at.Equal(begin) {
			out, n = append(out, point{begin, p.value}), 1
			if statistic == "SampleCount" {
				out[len(out)-1].value = 1
			}
			continue
		}
		last := &out[len(out)-1]
		n++
		switch statistic {
		case "Average":
			last.value += (p.value - last.value) / n
		case "Sum":
			last.value += p.value
		case "Minimum":
			last.value = min(last.value, p.value)
		case "Maximum":
			last.value = max(last.value, p.value)
		case "SampleCount":
			last.value = n
		}
	}
	return out
}
