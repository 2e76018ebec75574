package test

import (
	"slices"
	"testing"

	"skysail/qos"
	"skysail/spec"
)

// TestKubeLogsKept takes in what a pod's container writes, over two readings
// and a restart: each line once, and the rule's count with it.
func TestKubeLogsKept(t *testing.T) {
	t.Parallel()
	b := newKubeBench(t, sharedCluster(t))
	d := b.deployer(onKubernetes("blueprints"))
	svc := containers("talks", 1)
	svc.Logs = &spec.Logs{Rules: []spec.LogRule{{Name: "errors", Match: "ERROR"}}}
	dep, err := d.Deploy(t.Context(), svc)
	if err != nil {
		t.Fatal(err)
	}
	st, err := d.Status(t.Context(), svc.Name)
	if err != nil || len(st.Live) != 1 {
		t.Fatalf("%+v, %v", st.Live, err)
	}
	pod := st.Live[0].Name
	if err := b.cluster.SetLogs(t.Context(), dep.Type, pod, svc.Name, []string{"begins", "ERROR one"}, nil); err != nil {
		t.Fatal(err)
	}
	var res qos.Result
	collect := func() {
		t.Helper()
		if res, err = d.Collect(t.Context(), svc.Name); err != nil {
			t.Fatal(err)
		}
		for _, r := range res.Reports {
			if r.Source == qos.SourceLogs && r.Err != nil {
				t.Fatal(r.Err)
			}
		}
	}
	collect()
	if err := b.cluster.AppendLog(dep.Type, pod, svc.Name, "ERROR two", "goes on"); err != nil {
		t.Fatal(err)
	}
	collect()
	collect()
	var kept []string
	err = d.KeptLogs(t.Context(), svc.Name, qos.LogQuery{}, func(l qos.Line) error {
		kept = append(kept, l.Instance+" "+l.Message)
		return nil
	})
	if want := []string{pod + " begins", pod + " ERROR one", pod + " ERROR two", pod + " goes on"}; err != nil || !slices.Equal(kept, want) {
		t.Errorf("kept %q, %v", kept, err)
	}
	if !slices.ContainsFunc(res.Samples, func(s qos.Sample) bool {
		return s.Name == "log_errors_total" && s.Instance == pod && s.Value == 2
	}) {
		t.Errorf("no log_errors_total 2 in %+v", res.Samples)
	}
	if _, err := d.Destroy(t.Context(), svc.Name); err != nil {
		t.Fatal(err)
	}
}
