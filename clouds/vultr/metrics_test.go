package vultr_test

import (
	"strings"
	"testing"
	"time"

	"skysail/clouds"
)

func TestMetrics(t *testing.T) {
	w, address, sdk := simulator(t)
	i, _, err := sdk.Instance.Create(t.Context(), request("skysail-"+id)) //nolint:bodyclose // the SDK has closed it
	if err != nil {
		t.Fatal(err)
	}
	c := cloud(w, address)
	if c.MetricsCost(nil).Every < 10*time.Minute {
		t.Errorf("a count by day is asked for every %s", c.MetricsCost(nil).Every)
	}
	if now := time.Now().UTC(); now.Add(-time.Minute).Day() != now.Day() {
		t.Skip("NOT RUN: it is just past midnight UTC, and the simulated readings lie in two days now")
	}
	measured := clouds.Measured{Name: "host", ID: i.ID}
	got, err := c.Metrics(t.Context(), []clouds.Measured{measured})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{clouds.MetricReceiveDay: 4000, clouds.MetricTransmitDay: 65_000}
	for _, r := range got {
		if v, ok := want[r.Name]; !ok || r.Value != v || r.Instance != "host" || time.Since(r.At) > time.Minute {
			t.Errorf("reading %+v", r)
		}
		delete(want, r.Name)
	}
	if len(want) > 0 {
		t.Errorf("not read: %v", want)
	}
	got, err = c.Metrics(t.Context(), []clouds.Measured{{Name: "gone", ID: "no"}, measured})
	if err == nil || !strings.Contains(err.Error(), "metrics of instance no: vultr: 404 Invalid instance-id.") || len(got) != 2 {
		t.Errorf("with one that is gone: %d readings, %v", len(got), err)
	}
}
