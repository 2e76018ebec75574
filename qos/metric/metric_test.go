package metric

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"

	"skysail/clouds"
)

// TestTable holds the names to what Prometheus asks of them.
func TestTable(t *testing.T) {
	for name, d := range table {
		if !model.LegacyValidation.IsValidMetricName(name) {
			t.Errorf("%s is no metric name", name)
		}
		if strings.HasSuffix(name, "_total") != (d.Kind == Counter) {
			t.Errorf("%s has kind %v: counters end in _total, and nothing else does", name, d.Kind)
		}
		if d.Help == "" {
			t.Errorf("%s has no help", name)
		}
	}
	if _, ok := Lookup("node_nothing"); ok {
		t.Error("a name that is not in the table is known")
	}
}

// TestCloudNames wants a help text for everything that a provider measures.
func TestCloudNames(t *testing.T) {
	for _, name := range []string{
		clouds.MetricCPU, clouds.MetricMemory, clouds.MetricReceive, clouds.MetricTransmit,
		clouds.MetricReceiveDay, clouds.MetricTransmitDay, clouds.MetricLoad1,
	} {
		if d, ok := Lookup(name); !ok || d.Kind != Gauge {
			t.Errorf("%s is not in the table: %+v", name, d)
		}
	}
}

func TestBuilders(t *testing.T) {
	want := Metric{Name: "a", Labels: map[string]string{"x": "1", "y": "2"}, Value: 3}
	if diff := cmp.Diff(want, With("a", 3, "x", "1", "y", "2")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Metric{Name: "a", Value: 1}, One("a", Bool(true))); diff != "" {
		t.Error(diff)
	}
}
