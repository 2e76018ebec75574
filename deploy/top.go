package deploy

import (
	"context"
	"strings"
	"time"

	"skysail/qos/metric"
	"skysail/store"
)

// Usage is what an instance does, as the store has it. What is not known is
// nil.
type Usage struct {
	Deployment string `json:"deployment"`
	Instance   string `json:"instance"`
	Provider   string `json:"provider"`
	Region     string `json:"region"`
	Sandbox    bool   `json:"sandbox"`
	Healthy    Seen   `json:"healthy"`
	// ProbeSeconds is how long the last health check took.
	ProbeSeconds *float64 `json:"probe_seconds"`
	// CPU is the share of all vCPUs over the last minutes, 0 to 1; of a pod
	// CPUCores is what it used.
	CPU      *float64 `json:"cpu_ratio"`
	CPUCores *float64 `json:"cpu_cores"`
	// Memory and Disk (of the root file system) are shares, 0 to 1;
	// MemoryBytes is that of a pod.
	Memory      *float64 `json:"memory_ratio"`
	MemoryBytes *float64 `json:"memory_bytes"`
	Disk        *float64 `json:"disk_ratio"`
	Load1       *float64 `json:"load1"`
	// Receive and Transmit are bytes a second over the last minutes, without
	// the loopback.
	Receive  *float64 `json:"receive_bytes_per_second"`
	Transmit *float64 `json:"transmit_bytes_per_second"`
	// Age is how long ago anything was read of it, nil when nothing was.
	Age *float64 `json:"age_seconds"`
}

// topWindow is what rates are reckoned over: four turns of a monitor that reads
// each minute.
const topWindow = 5 * time.Minute

// Top returns what each running instance does, by the store alone: nobody is
// asked. It is as fresh as the last reading.
func (d *Deployer) Top(ctx context.Context) ([]Usage, error) {
	rows, err := d.inService(ctx)
	if err != nil {
		return nil, err
	}
	out := []Usage{}
	for i := range rows {
		usage, err := d.usage(ctx, &rows[i])
		if err != nil {
			return nil, err
		}
		out = append(out, usage...)
	}
	return out, nil
}

func (d *Deployer) usage(ctx context.Context, row *store.Deployment) ([]Usage, error) {
	latest, err := d.store.LatestSamples(ctx, row.ID)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	history, err := d.store.SampleRange(ctx, store.SampleQuery{
		Deployment: row.ID, From: now.Add(-topWindow), To: now, Step: time.Minute,
		Want: func(_, name string) bool {
			return name == "node_cpu_seconds_total" || name == "node_network_receive_bytes_total" || name == "node_network_transmit_bytes_total"
		},
	})
	if err != nil {
		return nil, err
	}
	var order []string
	seen := map[string]*reading{}
	of := func(instance string) *reading {
		r := seen[instance]
		if r == nil {
			r = &reading{Usage: Usage{
				Deployment: row.Name, Instance: instance, Provider: row.Provider, Region: row.Region, Sandbox: row.Sandbox, Healthy: Unknown,
			}, last: map[string]float64{}}
			seen[instance] = r
			order = append(order, instance)
		}
		return r
	}
	for _, i := range row.Instances {
		of(i.Name)
	}
	for _, s := range latest {
		of(s.Instance).take(s, now)
	}
	for _, s := range history.Series {
		of(s.Instance).rate(s)
	}
	out := make([]Usage, 0, len(order))
	for _, name := range order {
		out = append(out, seen[name].done())
	}
	return out, nil
}

// reading gathers an instance's usage.
type reading struct {
	Usage
	last       map[string]float64
	idle, cpus float64
}

func (r *reading) take(s store.Sample, now time.Time) {
	age := now.Sub(s.CollectedAt)
	if seconds := age.Seconds(); r.Age == nil || seconds < *r.Age {
		r.Age = &seconds
	}
	if age > topWindow {
		return // how it was then says nothing of now
	}
	switch s.Name {
	case metric.ProbeSuccess:
		if s.Value == 0 { // of two vantages the worse counts
			r.Healthy = No
		} else if r.Healthy == Unknown {
			r.Healthy = Yes
		}
	case metric.PodReady:
		r.Healthy = No
		if s.Value == 1 {
			r.Healthy = Yes
		}
	case "node_filesystem_size_bytes", "node_filesystem_avail_bytes":
		if s.Labels["mountpoint"] == "/" {
			r.last[s.Name] = s.Value
		}
	case metric.PodCPU, "container_memory_working_set_bytes":
		r.last[s.Name] += s.Value // of all containers
	case "node_memory_MemTotal_bytes", "node_memory_MemAvailable_bytes", "node_load1", metric.ProbeDuration:
		r.last[s.Name] = s.Value
	}
}

// rate takes in a counter over the last minutes.
func (r *reading) rate(s store.SampleSeries) {
	if len(s.Points) < 2 {
		return
	}
	grown := 0.0
	for _, p := range s.Points[1:] {
		grown += p.Increase
	}
	perSecond := grown / s.Points[len(s.Points)-1].Time.Sub(s.Points[0].Time).Seconds()
	switch {
	case s.Name == "node_cpu_seconds_total":
		switch s.Labels["mode"] {
		case "idle":
			r.cpus++
			r.idle += perSecond
		case "iowait":
			r.idle += perSecond
		}
	case s.Labels["device"] == "lo":
	case strings.HasPrefix(s.Name, "node_network_receive"):
		r.Receive = added(r.Receive, perSecond)
	default:
		r.Transmit = added(r.Transmit, perSecond)
	}
}

func added(p *float64, v float64) *float64 {
	if p != nil {
		v += *p
	}
	return &v
}

func (r *reading) done() Usage {
	known := func(name string) *float64 {
		if v, ok := r.last[name]; ok {
			return &v
		}
		return nil
	}
	used := func(all, left string) *float64 {
		if r.last[all] <= 0 {
			return nil
		}
		v := 1 - r.last[left]/r.last[all]
		return &v
	}
	r.ProbeSeconds, r.Load1 = known(metric.ProbeDuration), known("node_load1")
	r.Memory = used("node_memory_MemTotal_bytes", "node_memory_MemAvailable_bytes")
	r.Disk = used("node_filesystem_size_bytes", "node_filesystem_avail_bytes")
	r.CPUCores, r.MemoryBytes = known(metric.PodCPU), known("container_memory_working_set_bytes")
	if r.cpus > 0 {
		busy := min(max(1-r.idle/r.cpus, 0), 1)
		r.CPU = &busy
	}
	return r.Usage
}
