package cli

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"skysail/deploy"
	"skysail/internal/failure"
	"skysail/qos"
	"skysail/qos/metric"
	"skysail/store"
)

// sparkColumns is about how many steps a sparkline has: it stands in a table
// beside seven other columns.
const sparkColumns = 32

// roundSteps are those that a person divides time into; further ones are whole
// days.
var roundSteps = []time.Duration{
	time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute,
	15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, day,
}

const day = 24 * time.Hour

func stepOf(since time.Duration) time.Duration {
	for _, s := range roundSteps {
		if since <= sparkColumns*s {
			return s
		}
	}
	return (since/sparkColumns + day - 1) / day * day
}

func (a *app) qosSince(ctx context.Context, d *deploy.Deployer, name string, since time.Duration, all bool) error {
	if since <= 0 || since > store.SampleRetention {
		return failure.New(failure.Input, fmt.Sprintf("--since %s", since),
			fmt.Sprintf("Samples are kept for %d days.", store.SampleRetention/day), "Give a time from 1s to that, such as 24h.")
	}
	now := time.Now()
	q := store.SampleQuery{From: now.Add(-since), To: now, Step: stepOf(since)}
	if !all && a.output != "json" {
		q.Want = func(source, name string) bool {
			// Of moments there is no least and no average.
			return (headline[name] || ruled(qos.Sample{Source: source, Name: name})) && !strings.HasSuffix(name, "_time_seconds")
		}
	}
	r, err := d.SampleRange(ctx, name, q)
	if err != nil {
		return err
	}
	q.From = q.From.Truncate(r.Step)
	if a.output == "json" {
		return a.printJSON(map[string]any{
			"from": q.From.UTC(), "to": q.To.UTC(), "step_seconds": r.Step.Seconds(), "series": seriesJSON(r.Series),
		})
	}
	if len(r.Series) == 0 {
		a.printf("Nothing is kept of %s in that time: `skysail qos %s` reads its instances now, `skysail monitor` does so all the time.\n", name, name)
		return nil
	}
	rows := make([][]string, 0, len(r.Series))
	for _, x := range r.Series {
		rows = append(rows, historyRow(x, q.From, q.To, r.Step, all))
	}
	table(a.io.Out, []string{"INSTANCE", "SOURCE", "METRIC", "MIN", "AVG", "MAX", "LAST", "HISTORY"}, rows)
	a.printf("%s to %s, a column is %s; a space is where nothing was read, a counter's history is by how much it grew.\n",
		q.From.Local().Format(time.DateTime), q.To.Local().Format(time.DateTime), shortTime(r.Step))
	return nil
}

func shortTime(d time.Duration) string {
	if d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// counter goes by what is known of a metric, and by its name otherwise.
func counter(name string) bool {
	if d, ok := metric.Lookup(name); ok {
		return d.Kind == metric.Counter
	}
	return store.Counts(name)
}

func historyRow(x store.SampleSeries, from, to time.Time, step time.Duration, all bool) []string {
	low, high, sum, count := math.Inf(1), math.Inf(-1), 0.0, uint64(0)
	columns := make([]float64, int(to.Sub(from)/step)+1)
	there := make([]bool, len(columns))
	for _, p := range x.Points {
		low, high = min(low, p.Min), max(high, p.Max)
		sum, count = sum+p.Sum, count+p.Count
		i := int(p.Time.Sub(from) / step)
		if i < 0 || i >= len(columns) {
			continue
		}
		there[i], columns[i] = true, p.Sum/float64(p.Count)
		if counter(x.Name) {
			columns[i] = p.Increase
		}
	}
	value := func(v float64) string { return formatValue(x.Name, v) }
	return []string{
		x.Instance, x.Source, x.Name + labelText(shortLabels(x.Labels, all)),
		value(low), value(rounded(sum / float64(count))), value(high), value(x.Points[len(x.Points)-1].Last), sparkline(columns, there),
	}
}

// rounded has the digits of an average that say something.
func rounded(v float64) float64 {
	if v == 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return v
	}
	scale := math.Pow(10, 3-math.Floor(math.Log10(math.Abs(v))))
	if scale <= 1 || math.IsInf(scale, 0) {
		return v
	}
	return math.Round(v*scale) / scale
}

var bars = []rune("▁▂▃▄▅▆▇█")

// sparkline draws values between the least and the greatest of them, and
// nothing where there is none. Values that are all the same stand in the
// middle, or at the bottom when they are 0.
func sparkline(values []float64, there []bool) string {
	low, high := math.Inf(1), math.Inf(-1)
	for i, v := range values {
		if there[i] && !math.IsInf(v, 0) && !math.IsNaN(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	out := make([]rune, len(values))
	for i, v := range values {
		switch {
		case !there[i]:
			out[i] = ' '
		case math.IsNaN(v):
			out[i] = '?'
		case math.IsInf(v, 1):
			out[i] = bars[len(bars)-1]
		case math.IsInf(v, -1), v == 0 && low == high:
			out[i] = bars[0]
		case low == high:
			out[i] = bars[3]
		default:
			// Halves, as the difference of two float64 may be infinite.
			share := (v/2 - low/2) / (high/2 - low/2)
			out[i] = bars[min(int(share*float64(len(bars))), len(bars)-1)]
		}
	}
	return string(out)
}

type pointJSON struct {
	Time     time.Time `json:"time"`
	Count    uint64    `json:"count"`
	Min      *float64  `json:"min"`
	Avg      *float64  `json:"avg"`
	Max      *float64  `json:"max"`
	Last     *float64  `json:"last"`
	Increase *float64  `json:"increase,omitempty"`
}

type seriesOut struct {
	Instance string            `json:"instance"`
	Source   string            `json:"source"`
	Name     string            `json:"name"`
	Labels   map[string]string `json:"labels"`
	Points   []pointJSON       `json:"points"`
}

// finite is a number that JSON has; null for the others.
func finite(v float64) *float64 {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return nil
	}
	return &v
}

func seriesJSON(all []store.SampleSeries) []seriesOut {
	out := make([]seriesOut, 0, len(all))
	for _, x := range all {
		o := seriesOut{Instance: x.Instance, Source: x.Source, Name: x.Name, Labels: x.Labels, Points: make([]pointJSON, 0, len(x.Points))}
		for _, p := range x.Points {
			j := pointJSON{Time: p.Time, Count: p.Count, Min: finite(p.Min), Avg: finite(p.Sum / float64(p.Count)), Max: finite(p.Max), Last: finite(p.Last)}
			if counter(x.Name) {
				j.Increase = finite(p.Increase)
			}
			o.Points = append(o.Points, j)
		}
		out = append(out, o)
	}
	return out
}
