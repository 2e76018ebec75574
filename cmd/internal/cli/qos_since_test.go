package cli

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"skysail/store"
)

func TestSparkline(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct {
		values []float64
		there  string
		want   string
	}{
		{[]float64{0, 1, 2, 3, 4, 5, 6, 7}, "########", "▁▂▃▄▅▆▇█"},
		{[]float64{7, 0, 0, 0, 3.5}, "#.#.#", "█ ▁ ▅"}, // nothing is made up for what is not there
		{[]float64{9, 1, 2, 9}, ".##.", " ▁█ "},        // nor does it count for the scale
		{[]float64{0, 0}, "##", "▁▁"},
		{[]float64{1, 1, 1}, "##.", "▄▄ "},
		{[]float64{inf, 1, 2, -inf, nan}, "#####", "█▁█▁?"},
		{[]float64{-math.MaxFloat64, 0, math.MaxFloat64}, "###", "▁▅█"},
		{[]float64{5, 6}, "..", "  "},
		{nil, "", ""},
	} {
		there := make([]bool, len(c.values))
		for i := range there {
			there[i] = c.there[i] == '#'
		}
		if got := sparkline(c.values, there); got != c.want {
			t.Errorf("%v %q: %q, want %q", c.values, c.there, got, c.want)
		}
	}
}

func TestHistoryRow(t *testing.T) {
	from := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	point := func(hour int, count uint64, low, high, sum, last, inc float64) store.SamplePoint {
		return store.SamplePoint{Time: from.Add(time.Duration(hour) * time.Hour), Count: count, Min: low, Max: high, Sum: sum, Last: last, Increase: inc}
	}
	points := []store.SamplePoint{point(0, 2, 1, 3, 4, 3, 2), point(2, 1, 8, 8, 8, 8, 5), point(3, 3, 0, 9, 9, 2, 11)}
	for name, want := range map[string][]string{
		"node_load1":       {"i1", "ssh", `node_load1{a="b"}`, "0", "3.5", "9", "2", "▁ █▂"},
		"log_errors_total": {"i1", "ssh", `log_errors_total{a="b"}`, "0", "3.5", "9", "2", "▁ ▃█"},
	} {
		x := store.SampleSeries{Instance: "i1", Source: "ssh", Name: name, Labels: map[string]string{"a": "b"}, Points: points}
		if diff := cmp.Diff(want, historyRow(x, from, from.Add(4*time.Hour-time.Second), time.Hour, false)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestSeriesJSONHasNoInfiniteNumbers(t *testing.T) {
	b, err := json.Marshal(seriesJSON([]store.SampleSeries{{Name: "x", Points: []store.SamplePoint{{Count: 2, Min: 1, Max: math.Inf(1), Sum: math.NaN(), Last: 1}}}}))
	want := `[{"instance":"","source":"","name":"x","labels":null,"points":[{"time":"0001-01-01T00:00:00Z","count":2,"min":1,"avg":null,"max":null,"last":1}]}]`
	if err != nil || string(b) != want {
		t.Errorf("%s %v", b, err)
	}
}

func TestStepsOfAHistory(t *testing.T) {
	for since, want := range map[time.Duration]string{
		time.Second: "1s", 5 * time.Minute: "15s", time.Hour: "2m", 24 * time.Hour: "1h", 7 * day: "6h", 30 * day: "1d", 400 * day: "13d", 90 * time.Minute: "5m",
	} {
		if got := shortTime(stepOf(since)); got != want {
			t.Errorf("%s: %s, want %s", since, got, want)
		}
	}
}
