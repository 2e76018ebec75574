package spec

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMetricsFile(t *testing.T) {
	got, err := load(filepath.Join("testdata", "valid", "metrics.hcl"), testOptions)
	if err != nil {
		t.Fatal(err)
	}
	want := &Metrics{Port: "metrics", Path: "/actuator/prometheus", Interval: 30 * time.Second, Allow: []string{"http_*", "queue_depth"}, Limit: 200}
	if diff := cmp.Diff(want, got.Metrics); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := (&Metrics{}).MaxSeries(); n != DefaultMetricsLimit || want.MaxSeries() != 200 {
		t.Errorf("the limit that is not said is %d", n)
	}
}
