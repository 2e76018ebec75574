package deploy

import (
	"math"
	"testing"
	"time"

	"skysail/store"
)

func TestUsageOfAnInstance(t *testing.T) {
	now := time.Now()
	r := &reading{Usage: Usage{Healthy: Unknown}, last: map[string]float64{}}
	take := func(name string, value float64, age time.Duration, labels map[string]string) {
		r.take(store.Sample{Name: name, Value: value, Labels: labels, CollectedAt: now.Add(-age)}, now)
	}
	take("probe_success", 1, 10*time.Second, nil)
	take("probe_success", 0, 10*time.Second, map[string]string{"vantage": "ssh"})
	take("node_memory_MemTotal_bytes", 400, 20*time.Second, nil)
	take("node_memory_MemAvailable_bytes", 100, 20*time.Second, nil)
	take("node_filesystem_size_bytes", 10, time.Second, map[string]string{"mountpoint": "/data"})
	take("node_load1", 3, 6*time.Minute, nil)
	points := func(increases ...float64) []store.SamplePoint {
		var out []store.SamplePoint
		for i, v := range increases {
			out = append(out, store.SamplePoint{Time: now.Add(time.Duration(i) * time.Minute), Increase: v})
		}
		return out
	}
	for _, s := range []store.SampleSeries{
		{Name: "node_cpu_seconds_total", Labels: map[string]string{"cpu": "0", "mode": "idle"}, Points: points(99, 30, 30)},
		{Name: "node_cpu_seconds_total", Labels: map[string]string{"cpu": "1", "mode": "idle"}, Points: points(99, 60, 60)},
		{Name: "node_cpu_seconds_total", Labels: map[string]string{"cpu": "0", "mode": "iowait"}, Points: points(99, 15, 15)},
		{Name: "node_cpu_seconds_total", Labels: map[string]string{"cpu": "0", "mode": "user"}, Points: points(0, 15, 15)},
		{Name: "node_network_receive_bytes_total", Labels: map[string]string{"device": "lo"}, Points: points(0, 1e9)},
		{Name: "node_network_receive_bytes_total", Labels: map[string]string{"device": "eth0"}, Points: points(0, 600)},
		{Name: "node_network_receive_bytes_total", Labels: map[string]string{"device": "eth1"}, Points: points(0, 1200)},
		{Name: "node_network_transmit_bytes_total", Labels: map[string]string{"device": "eth0"}, Points: points(5)},
	} {
		r.rate(s)
	}
	u := r.done()
	is := func(what string, got *float64, want float64) {
		if got == nil || math.Abs(*got-want) > 1e-9 {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	if u.Healthy != No {
		t.Errorf("of two vantages the worse counts: %s", u.Healthy)
	}
	is("CPU", u.CPU, 0.125) // of two: 15 of 120 seconds a minute
	is("memory", u.Memory, 0.75)
	is("received", u.Receive, 30)
	is("age", u.Age, 1)
	if u.Disk != nil || u.Load1 != nil || u.Transmit != nil || u.CPUCores != nil || u.ProbeSeconds != nil {
		t.Errorf("what is old, or was never read, is told: %+v", u)
	}
}
