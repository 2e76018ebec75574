package digitalocean

import (
	"net/http"
	"strconv"
	"time"

	"skysail/sandbox/api"
	"skysail/sandbox/world"
)

// maxPoints is about how many points a series of metrics has at most; a wider
// window is a coarser one, as with the real API.
const maxPoints = 500

// point is a value at a time, as Prometheus writes it in JSON.
type point [2]any

// series is one stream of a Prometheus matrix.
type series struct {
	Metric map[string]string `json:"metric"`
	Values []point           `json:"values"`
}

// gauges are the metrics that are one number of a droplet, in the units of the
// real API: bytes for memory and filesystems. A simulated machine has no page
// cache of its own, so that nothing of its memory is cached and what is free
// is what is available.
var gauges = map[string]func(*world.Server, api.Usage) float64{
	"load_1":  func(_ *world.Server, u api.Usage) float64 { return u.Load },
	"load_5":  func(_ *world.Server, u api.Usage) float64 { return u.Load5 },
	"load_15": func(_ *world.Server, u api.Usage) float64 { return u.Load15 },

	"memory_total":     func(d *world.Server, _ api.Usage) float64 { return memory(d) },
	"memory_free":      freeMemory,
	"memory_available": freeMemory,
	"memory_cached":    func(*world.Server, api.Usage) float64 { return 0 },

	"filesystem_size": func(d *world.Server, _ api.Usage) float64 { return disk(d) },
	"filesystem_free": func(d *world.Server, u api.Usage) float64 { return max(0, disk(d)-float64(u.DiskBytes)) },
}

func memory(d *world.Server) float64 { return float64(d.MemoryMB) * (1 << 20) }
func disk(d *world.Server) float64   { return float64(d.DiskGB) * (1 << 30) }

func freeMemory(d *world.Server, u api.Usage) float64 {
	return max(0, memory(d)-float64(u.MemoryBytes))
}

// metricRoutes are the metrics that skysail's sandbox has of droplets.
func (s *server) metricRoutes() map[string]handler {
	const base = "GET /v2/monitoring/metrics/droplet/"
	out := map[string]handler{base + "cpu": s.metric(cpuSeries), base + "bandwidth": s.bandwidth}
	for name, value := range gauges {
		labels := map[string]string{}
		if name == "filesystem_size" || name == "filesystem_free" {
			labels = map[string]string{"device": "/dev/vda1", "fstype": "ext4", "mountpoint": "/"}
		}
		out[base+name] = s.metric(func(d *world.Server, used []api.Usage) []series {
			one := series{Metric: with(labels, "host_id", d.ID)}
			for _, u := range used {
				one.Values = append(one.Values, at(u.At, value(d, u)))
			}
			return []series{one}
		})
	}
	return out
}

func with(labels map[string]string, name, value string) map[string]string {
	out := map[string]string{name: value}
	for k, v := range labels {
		out[k] = v
	}
	return out
}

func at(t time.Time, v float64) point {
	return point{t.Unix(), strconv.FormatFloat(v, 'f', -1, 64)}
}

// metric answers with what a droplet's readings are as a matrix.
func (s *server) metric(show func(*world.Server, []api.Usage) []series) handler {
	return func(_ http.ResponseWriter, r *http.Request) (reply, error) {
		q := r.URL.Query()
		from, err := unixTime(q.Get("start"), "start")
		if err != nil {
			return reply{}, err
		}
		to, err := unixTime(q.Get("end"), "end")
		if err != nil {
			return reply{}, err
		}
		d := s.World.State().Server(provider, q.Get("host_id"))
		if d == nil {
			return reply{}, errNotFound()
		}
		result := []series{}
		if used := window(s.Fleet.Usage(provider, d.ID), from, to); len(used) > 0 {
			result = show(d, used)
		}
		return reply{http.StatusOK, map[string]any{
			"status": "success", "data": map[string]any{"resultType": "matrix", "result": result},
		}}, nil
	}
}

func unixTime(text, name string) (time.Time, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, &apiError{http.StatusBadRequest, "bad_request", "invalid " + name + " timestamp"}
	}
	return time.Unix(n, 0), nil
}

// window keeps the readings between two times, thinned out evenly. The first
// and the last stay.
func window(used []api.Usage, from, to time.Time) []api.Usage {
	var in []api.Usage
	for _, u := range used {
		if !u.At.Before(from) && u.At.Before(to.Add(time.Second)) {
			in = append(in, u)
		}
	}
	step := len(in)/maxPoints + 1
	var out []api.Usage
	for i, u := range in {
		if i%step == 0 || i == len(in)-1 {
			out = append(out, u)
		}
	}
	return out
}

// cpuSeries are seconds by mode, counted up. A simulated machine's processes
// are not told apart: all their time is the user's. What they have of this
// machine beyond the droplet's size makes no time idle.
func cpuSeries(d *world.Server, used []api.Usage) []series {
	modes := []string{"idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user"}
	out := make([]series, len(modes))
	for i, m := range modes {
		out[i].Metric = map[string]string{"host_id": d.ID, "mode": m}
		var idle float64
		for _, u := range used {
			var v float64
			switch m {
			case "user":
				v = u.CPUSeconds
			case "idle":
				idle = max(idle, float64(d.VCPU)*u.At.Sub(d.CreatedAt).Seconds()-u.CPUSeconds)
				v = idle
			}
			out[i].Values = append(out[i].Values, at(u.At, v))
		}
	}
	return out
}

// bandwidth is in megabits a second. The private interface carries nothing.
func (s *server) bandwidth(w http.ResponseWriter, r *http.Request) (reply, error) {
	q := r.URL.Query()
	kind, direction := q.Get("interface"), q.Get("direction")
	if kind != "public" && kind != "private" {
		return reply{}, &apiError{http.StatusBadRequest, "bad_request", "invalid interface"}
	}
	if direction != "inbound" && direction != "outbound" {
		return reply{}, &apiError{http.StatusBadRequest, "bad_request", "invalid direction"}
	}
	bytes := func(u api.Usage) uint64 {
		switch {
		case kind == "private":
			return 0
		case direction == "inbound":
			return u.ReceivedBytes
		default:
			return u.SentBytes
		}
	}
	return s.metric(func(d *world.Server, used []api.Usage) []series {
		one := series{Metric: map[string]string{"host_id": d.ID, "interface": kind, "direction": direction}, Values: []point{}}
		for i := 1; i < len(used); i++ {
			span := used[i].At.Sub(used[i-1].At).Seconds()
			one.Values = append(one.Values, at(used[i].At, float64(bytes(used[i])-bytes(used[i-1]))*8/1e6/span))
		}
		return []series{one}
	})(w, r)
}
